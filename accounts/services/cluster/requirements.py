"""What is wrong with the setup of a cluster: as `setup_cluster`, `manage.py check`, `/readyz`, and pages say it."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from django.utils import timezone

from accounts.services import errors
from accounts.services.client import (
    AdministratorClient,
    ServiceClient,
    cached_for_service,
    require_readable_users,
    service_client,
    setup_problems,
)
from accounts.services.cluster import own_roles, own_templates
from accounts.services.cluster.own_roles import ROLES, SERVICE
from accounts.services.documents import indices, store
from usermgmt.paths import SETUP_CLUSTER

MINIMUM_VERSION: Final = (8, 15)  # 8.14 added `_security/_query/user`, and 8.15 the descriptions of roles
SECURITY: Final = "xpack.security.enabled"
NATIVE_REALM: Final = re.compile(r"xpack\.security\.authc\.realms\.native\.[^.]+\.enabled")
CLUSTER_BLOCKS: Final = ("cluster.blocks.read_only", "cluster.blocks.read_only_allow_delete")
FLOOD_STAGE: Final = "index.blocks.read_only_allow_delete"  # set, and removed, by Elasticsearch
# Without these, no session can be stored.
NEEDED_TO_SIGN_IN: Final = (f"{indices.SESSIONS}: write", f"{indices.THROTTLE}: write")

Client = AdministratorClient | ServiceClient


@dataclass(frozen=True)
class Problem:
    """`prevents_sign_in`: for everyone. With others, usermgmt works in part."""

    error: errors.NotSetUp
    prevents_sign_in: bool = False


def require_supported(administrator: AdministratorClient) -> None:
    """Raise UnsupportedCluster, or NativeRealmOff. Raises AuthenticationFailed, AccessDenied, and Unavailable."""
    for problem in _of_nodes(administrator):
        raise problem.error


def require_own_template(administrator: AdministratorClient, index: str) -> None:
    """Raise TemplateNotApplied if another template, or none, applies to the index."""
    if error := _template_problem(_templates(administrator), index):
        raise error


def require_sign_in() -> None:
    """Raise UnsupportedCluster if it is known that nobody can use usermgmt with this cluster."""
    _raise_first(_known_of_nodes())


def require_readiness() -> list[errors.NotSetUp]:
    """Raise NotSetUp, or Unavailable, if users can't sign in. Returns the problems with which usermgmt works in part.

    Two small calls, and five more every CACHE_SECONDS, or six if an index is missing. Of what a sign-in doesn't need, what can't
    be read isn't a problem.
    """
    require_sign_in()
    require_readable_users()
    found = _known()
    _raise_first(found)
    store.require_readable(indices.SESSIONS, indices.THROTTLE)
    return list({problem.error.problem: problem.error for problem in found}.values())


def native_realm_problem() -> str:
    """Why native users can't sign in to the cluster; "" if they can, or if that isn't known."""
    return next((problem.error.problem for problem in _known_of_nodes() if isinstance(problem.error, errors.NativeRealmOff)), "")


def _raise_first(problems: Iterable[Problem]) -> None:
    for problem in problems:
        if problem.prevents_sign_in:
            raise problem.error


@cached_for_service()
def _known() -> list[Problem]:
    client = service_client()
    rest = [problem for find in (_of_privileges, _of_cluster, _of_indices, _of_templates) for problem in _found(find, client)]
    return [*_known_of_nodes(), *rest]


@cached_for_service()
def _known_of_nodes() -> list[Problem]:
    return _found(_of_nodes, service_client())


def _found(find: Callable[[Client], Iterator[Problem]], client: Client) -> list[Problem]:
    try:
        return list(find(client))
    except errors.NotSetUp as exc:
        return [Problem(exc, isinstance(exc, errors.UnsupportedCluster))]
    except errors.ServiceError:
        return []


def _of_nodes(client: Client) -> Iterator[Problem]:
    fields = ["nodes.*.version", "nodes.*.settings.xpack*"]
    # A node that hangs is left out, so that it doesn't keep users from signing in.
    answer = client.nodes.info(metric="settings", flat_settings=True, filter_path=fields, timeout="1s")
    nodes = list(answer.body.get("nodes", {}).values())
    if not nodes:
        return
    oldest = min((node["version"] for node in nodes), key=_release)
    if _release(oldest) < MINIMUM_VERSION:
        text = f"Elasticsearch {oldest} is too old. {setup_problems.REQUIREMENT}. An administrator must upgrade each node."
        yield Problem(errors.UnsupportedCluster(problem=text), prevents_sign_in=True)
    off = {name for node in nodes for name, value in node.get("settings", {}).items() if value == "false"}
    if SECURITY in off:
        text = (
            f"Security is turned off in Elasticsearch, so there are no users. {setup_problems.REQUIREMENT}. An administrator must "
            f"remove `{SECURITY}: false` from elasticsearch.yml on each node and restart the nodes."
        )
        yield Problem(errors.UnsupportedCluster(problem=text), prevents_sign_in=True)
    if realms := sorted(filter(NATIVE_REALM.fullmatch, off)):
        text = (
            f"The native realm is turned off, so native users can't sign in. An administrator must remove `{realms[0]}: false` "
            "from elasticsearch.yml on each node and restart the nodes."
        )
        yield Problem(errors.NativeRealmOff(problem=text))


def _release(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")[:2]))


def _of_cluster(client: Client) -> Iterator[Problem]:
    answer = client.cluster.get_settings(flat_settings=True)
    if any(part.get(name) == "true" for part in answer.body.values() for name in CLUSTER_BLOCKS):
        yield Problem(errors.WritesBlocked(problem=setup_problems.READ_ONLY_CLUSTER), prevents_sign_in=True)


def _of_privileges(client: Client) -> Iterator[Problem]:
    """Elasticsearch answers from the roles that it knows, without reading an index."""
    role = ROLES[SERVICE]
    held = own_roles.held(client.security.has_privileges(cluster=role["cluster"], index=role["indices"]).body)
    if missing := sorted(name for name, has in held.items() if not has):
        text = (
            f"The API key of usermgmt lacks privileges: {', '.join(missing)}. An administrator must run `{SETUP_CLUSTER}`, which "
            "creates another key if necessary."
        )
        yield Problem(errors.NotSetUp(problem=text), prevents_sign_in=any(name in missing for name in NEEDED_TO_SIGN_IN))


def _of_indices(client: Client) -> Iterator[Problem]:
    """A missing index is created when it is needed, if the key can."""
    names = indices.names(timezone.now())[:-1]  # the last one is for the next month
    found = client.indices.get_settings(index=names, ignore_unavailable=True, flat_settings=True).body
    if missing := [name for name in names if name not in found]:
        can_create = client.security.has_privileges(index=[{"names": missing, "privileges": ["create_index"]}])["has_all_requested"]
        text = f"usermgmt has no index {', '.join(missing)}. An administrator must run `{SETUP_CLUSTER}`."
        yield Problem(errors.IndexNotFound(problem=text), prevents_sign_in=indices.SESSIONS in missing and not can_create)
    for name, answer in found.items():
        blocks = [key for key, value in answer["settings"].items() if key.startswith("index.blocks.") and value == "true"]
        if blocks:
            text = f"The index {name} is blocked. An administrator must remove `{blocks[0]}` from its settings."
            text = setup_problems.DISK_FULL if blocks == [FLOOD_STAGE] else text
            yield Problem(errors.WritesBlocked(problem=text), prevents_sign_in=name == indices.SESSIONS)


def _of_templates(client: Client) -> Iterator[Problem]:
    templates = _templates(client)
    for name in indices.names(timezone.now()):
        if error := _template_problem(templates, name):
            yield Problem(error)


def _templates(client: Client) -> list[dict[str, Any]]:
    fields = [f"index_templates.{name}" for name in ("name", "index_template.index_patterns", "index_template.priority")]
    return list(client.indices.get_index_template(filter_path=fields).body.get("index_templates", []))


def _template_problem(templates: list[dict[str, Any]], index: str) -> errors.TemplateNotApplied | None:
    matching = (each for each in templates if _matches(each, index))
    winner = max(matching, key=_priority, default=None)
    if winner is None:
        problem = f"The index template of usermgmt for the index {index} is missing. An administrator must run `{SETUP_CLUSTER}`."
        return errors.TemplateNotApplied(problem=problem)
    if winner["name"] in indices.TEMPLATES:
        return None
    return errors.TemplateNotApplied(
        problem=f"The index template '{winner['name']}' (priority {_priority(winner)}) takes precedence over the template of "
        f"usermgmt for the index {index}. An administrator must give it a priority below {own_templates.PRIORITY}, or remove "
        f"usermgmt-* from its index patterns, and run `{SETUP_CLUSTER}`."
    )


def _matches(found: Mapping[str, Any], index: str) -> bool:
    return any(fnmatchcase(index, pattern) for pattern in found["index_template"]["index_patterns"])


def _priority(found: Mapping[str, Any]) -> int:
    return int(found["index_template"].get("priority", 0))
