"""Creates what usermgmt needs in a cluster, as an administrator; correct objects are left unchanged."""

import secrets
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.utils import timezone

from accounts.services import errors
from accounts.services.client import AdministratorClient, ServiceClient
from accounts.services.cluster import own_templates, requirements
from accounts.services.cluster.own_roles import DESCRIPTIONS, ROLES, SERVICE
from accounts.services.documents import indices, store
from usermgmt.paths import SETUP_CLUSTER

API_KEY_NAME: Final = "usermgmt"
SECONDS_TO_START: Final = 60


def can_read_users(administrator: AdministratorClient) -> bool:
    """False right after the first start of a node, whose security index is still being created.

    Raises AuthenticationFailed, and Unavailable if no node answers.
    """
    administrator.security.authenticate()
    try:
        # Until the index exists, reading a user answers 404, and then 503.
        administrator.cluster.health(index=".security", wait_for_status="yellow", timeout="1s")
        administrator.security.get_user(username=SERVICE)
    except errors.Unavailable:
        return False
    except (errors.NotFound, errors.AccessDenied):  # an expired license denies the health, not the users
        return True
    return True


def wait_until_users_can_be_read(administrator: AdministratorClient) -> None:
    """Returns after SECONDS_TO_START at the latest: what then still fails says why. Raises what `can_read_users` raises."""
    deadline = time.monotonic() + SECONDS_TO_START
    while not can_read_users(administrator) and time.monotonic() < deadline:
        time.sleep(1)


def set_up(administrator: AdministratorClient) -> Iterator[tuple[str, str]]:
    """Create or update what usermgmt needs; yields (object, "created" | "updated" | "unchanged").

    Raises AuthenticationFailed, AccessDenied, Unavailable, and NotSetUp if another index template takes precedence.
    """
    for name, role in ROLES.items():
        yield f"role {name}", _put_role(administrator, name, role)
    for name, body in own_templates.bodies().items():
        yield f"index template {name}", _put_template(administrator, name, body)
    for name in indices.names(timezone.now()):
        requirements.require_own_template(administrator, name)
        yield f"index {name}", _create_index(administrator, name)
    yield f"user {SERVICE}", _put_service_user(administrator)


def is_api_key_valid(key: str) -> bool:
    """Whether the API key exists and has the privileges of the service role."""
    if not key.strip():  # Elasticsearch takes a blank one for an anonymous request
        return False
    try:
        return bool(
            ServiceClient(key).security.has_privileges(cluster=ROLES[SERVICE]["cluster"], index=ROLES[SERVICE]["indices"])[
                "has_all_requested"
            ]
        )
    except errors.NotSetUp:
        return False


def create_api_key(administrator: AdministratorClient) -> str:
    """A new API key of the service user, encoded: `POST _security/api_key/grant`.

    The call requires that user's password, so a random one is set before the call, and another one after it.
    """
    password = secrets.token_urlsafe(32)
    administrator.security.change_password(username=SERVICE, password=password)
    answer = administrator.security.grant_api_key(
        grant_type="password", username=SERVICE, password=password, api_key={"name": API_KEY_NAME}
    )
    administrator.security.change_password(username=SERVICE, password=secrets.token_urlsafe(32))
    return str(answer["encoded"])


def _put_role(administrator: AdministratorClient, name: str, role: dict[str, Any]) -> str:
    try:
        found = administrator.security.get_role(name=name).body[name]
    except errors.NotFound:
        found = None
    if found and _grants(found) == _grants(role):
        return "unchanged"
    administrator.security.put_role(name=name, description=DESCRIPTIONS[name], **role)
    return "updated" if found else "created"


def _grants(role: Mapping[str, Any]) -> object:
    """The privileges of a role, comparable regardless of order and empty parts."""
    by_index = {(frozenset(part["names"]), frozenset(part["privileges"])) for part in role.get("indices", [])}
    return frozenset(role.get("cluster", [])), by_index, bool(role.get("applications")), bool(role.get("run_as"))


def _put_template(administrator: AdministratorClient, name: str, body: dict[str, Any]) -> str:
    try:
        answer = administrator.indices.get_index_template(name=name, flat_settings=True)
        found = answer["index_templates"][0]["index_template"]
    except errors.NotFound:
        found = None
    if found and own_templates.is_of_this_version(found, name) and not own_templates.is_changed(found, name):
        return "unchanged"
    administrator.indices.put_index_template(name=name, body=body)
    _put_mapping(administrator, body)
    return "updated" if found else "created"


def _put_mapping(administrator: AdministratorClient, template: Mapping[str, Any]) -> None:
    """Update existing indices: a template only applies to new ones."""
    try:
        administrator.indices.put_mapping(
            index=template["index_patterns"], expand_wildcards=["open", "hidden"], **template["template"]["mappings"]
        )
    except (errors.NotFound, errors.IndexNotFound):  # no index exists
        pass
    except errors.Invalid as exc:
        problem = (
            f"An index of {', '.join(template['index_patterns'])} was created from another index template. An administrator must "
            f"delete it, or reindex it if it contains audit events or access reviews, and run `{SETUP_CLUSTER}`."
        )
        raise errors.TemplateNotApplied(str(exc), problem) from None


def _create_index(administrator: AdministratorClient, name: str) -> str:
    """Clusters can be set not to create indices on the first write (`action.auto_create_index`)."""
    if administrator.indices.exists(index=name):
        return "unchanged"
    store.create_index(administrator, name)
    return "created"


def _put_service_user(administrator: AdministratorClient) -> str:
    try:
        found = administrator.security.get_user(username=SERVICE).body[SERVICE]
    except errors.NotFound:
        administrator.security.put_user(
            username=SERVICE,
            password=secrets.token_urlsafe(32),
            roles=[SERVICE],
            full_name="Service user of usermgmt",
            enabled=True,
            metadata={"managed_by": "usermgmt"},
        )
        return "created"
    if found["roles"] == [SERVICE] and found["enabled"]:
        return "unchanged"
    administrator.security.put_user(
        username=SERVICE, roles=[SERVICE], full_name=found["full_name"], email=found["email"], enabled=True, metadata={}
    )
    return "updated"
