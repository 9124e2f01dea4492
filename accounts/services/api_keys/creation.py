"""A new API key for a program that manages or views users: `_security/api_key`."""

from dataclasses import dataclass, field
from typing import Final, Literal

from django.views.decorators.debug import sensitive_variables

from accounts.services import audit
from accounts.services.client import PersonClient, invalidating

Privilege = Literal["manage_security", "read_security"]

ROLE: Final = "users"


@dataclass(frozen=True)
class NewApiKey:
    """`encoded`: what a program sends. Elasticsearch stores only a hash of it, and usermgmt nothing."""

    id: str
    name: str
    encoded: str = field(repr=False)


@sensitive_variables("answer")
def create(client: PersonClient, name: str, privilege: Privilege, days: int) -> NewApiKey:
    """Create a key of the user with only this cluster privilege, which expires. What the user can't do, the key can't do.

    Raises AccessDenied without `manage_own_api_key`, Invalid, AuditUnavailable.
    """
    details = {"privilege": privilege, "expiration": f"{days} days"}
    with invalidating(), audit.recorded(client, audit.Action.API_KEY_CREATE, name, kind="api_key", details=details):
        answer = client.create_api_key(name=name, expiration=f"{days}d", role_descriptors={ROLE: {"cluster": [privilege]}})
        details["key_id"] = answer["id"]
    return NewApiKey(answer["id"], answer["name"], answer["encoded"])
