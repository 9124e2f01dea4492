"""Active API keys whose owner is deactivated or deleted."""

from collections.abc import Iterable, Iterator

from accounts.services import users
from accounts.services.api_keys.pages import Key, describe, own_realm
from accounts.services.client import PersonClient
from accounts.services.findings.rows import Row
from accounts.services.findings.rules import row
from accounts.services.users import User


def find(client: PersonClient, keys: Iterable[Key]) -> Iterator[Row]:
    """Those of the native and the reserved realm whose owner can't sign in anymore. Two calls. Raises AccessDenied."""
    owned = [(key, realm) for key in keys if (realm := own_realm(key))]
    names = {key["username"] for key, realm in owned if realm == "native"}
    owners: dict[tuple[str, str], User] = {("reserved", user.username): user for user in users.reserved(client)}
    owners |= {("native", user.username): user for user in (users.get_many(client, names) if names else [])}
    for key, realm in owned:
        owner = owners.get((realm, key["username"]))
        if owner is None:
            details = f"{describe(key)} Owner deleted."
            yield Row(key["id"], key["username"], "", details, badges=("Deleted",), ref=key["id"])
        elif not owner.enabled:
            yield row(owner, f"{describe(key)} Owner deactivated.", key=key["id"], ref=key["id"])
