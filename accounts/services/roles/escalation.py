"""Escalation paths: what lets the holder of a role become an administrator, read from the body of `_security/role`.

Each path was walked on real nodes by `tests/integration/test_escalation.py`. A path is certain if it works on every cluster, and
possible if it depends on what a role doesn't show, such as a realm or a snapshot. `run_as` depends on the users that it matches:
see `users/administrators.py`.

No paths, although they sound like it: `manage_api_key` (a key never has more privileges than its owner), `grant_api_key` and
`manage_token` (both require the password or token of the other user), `manage_saml` and `manage_oidc` (the response of the identity
provider is verified), application privileges (Elasticsearch itself doesn't use them), and ingest pipelines with `set_security_user`
(they only copy the name of the current user into a document).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from accounts.services.roles import cluster_privileges, patterns
from accounts.services.roles.privileges import MANAGE_SECURITY

Body = Mapping[str, Any]
DOCS: Final = "https://www.elastic.co/guide/en/elasticsearch/reference/8.19/{}.html"
SECURITY: Final = "cluster:admin/xpack/security/"
# The index of users and roles, by its name and by its alias.
SECURITY_INDEX: Final = (".security-7", ".security")
# Restricted indices with tokens, or with tasks that run with stored credentials.
CREDENTIAL_INDICES: Final = (
    ".security-tokens-7",
    ".security-profile-8",
    ".watches",
    ".triggered_watches",
    ".transform-internal-007",
    ".ml-config",
    ".async-search",
)
WRITING: Final = frozenset({"all", "write", "index", "create", "create_doc"})
HARMLESS: Final = frozenset({"none", "monitor", "view_index_metadata", "read_cross_cluster", "cross_cluster_replication_internal"})
WRITING_ACTIONS: Final = ("indices:data/write/bulk", "indices:data/write/index")


@dataclass(frozen=True, slots=True)
class Path:
    """`needs`: cluster privileges, each of which is enough; `actions`: individual actions, also each. `gives`: what it leads to.

    `why`: it works; `docs`: the page of Elasticsearch's documentation that says so. "" for what isn't in the catalogue.
    """

    slug: str
    title: str
    gives: str
    remediation: str
    why: str = ""
    docs: str = ""
    is_certain: bool = True
    needs: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Escalation:
    """A path that a role opens; `by`: what in the role opens it."""

    path: Path
    by: str
    is_certain: bool

    def __str__(self) -> str:
        """For example "Can create users (cluster:admin/xpack/security/user/put)"."""
        return f"{self.path.title} ({self.by}){'' if self.is_certain else '. Not known whether this works in this cluster'}"


CLUSTER_PATHS: Final = (
    Path(
        "manage-security",
        "Can manage users and roles",
        "Any role, for any user.",
        "Assign the role only to administrators.",
        "It includes all changes of users and roles.",
        DOCS.format("security-privileges"),
        needs=(MANAGE_SECURITY,),
    ),
    Path(
        "create-users",
        "Can create and update users",
        "A user with the role superuser.",
        "Remove the action. Administrators need manage_security.",
        "Elasticsearch doesn't check whether the caller has the roles that are assigned.",
        DOCS.format("security-api-put-user"),
        actions=("user/put",),
    ),
    Path(
        "change-passwords",
        "Can change the passwords of other users",
        "A sign-in as elastic, or as any other administrator.",
        "Remove the action. Users can change their own password without it.",
        "The action can't be limited to some users, and the new password works at once.",
        DOCS.format("security-api-put-user"),
        actions=("user/change_password",),
    ),
    Path(
        "change-roles",
        "Can change roles",
        "All privileges, by adding them to one of the user's own roles.",
        "Remove the action.",
        "Elasticsearch doesn't check whether the caller has the privileges that are added, and applies them at once.",
        DOCS.format("security-api-put-role"),
        actions=("role/put", "role/bulk_put"),
    ),
    Path(
        "service-tokens",
        "Can create service account tokens",
        "Before Elasticsearch 9, a token of elastic/enterprise-search-server, which has manage_security.",
        "Remove the privilege. Create tokens as an administrator.",
        "A token has all privileges of its account, whoever created it.",
        DOCS.format("service-accounts"),
        is_certain=False,
        needs=("manage_service_account",),
        actions=("service_account/token/create",),
    ),
    Path(
        "role-mappings",
        "Can change role mappings",
        "Any role, for an account of an external realm such as LDAP or SAML. Native users have no role mappings.",
        "Remove the action.",
        "A role mapping can assign any role, and applies at the next sign-in of everyone whom its rule matches.",
        DOCS.format("mapping-roles"),
        is_certain=False,
        actions=("role_mapping/put",),
    ),
    Path(
        "activate-users",
        "Can activate users",
        "A sign-in as a deactivated administrator whose password is known.",
        "Remove the action, or delete the deactivated administrators.",
        "The action can't be limited to some users, and an activated user signs in with the previous password.",
        DOCS.format("security-api-put-user"),
        is_certain=False,
        actions=("user/set_enabled",),
    ),
    Path(
        "delegate-pki",
        "Can authenticate users with certificates without their keys",
        "A sign-in as any user of a PKI realm that allows delegation.",
        "Remove the privilege, or turn off delegation in the realm.",
        "Elasticsearch trusts the caller to have verified that the user has the key of the certificate.",
        DOCS.format("pki-realm"),
        is_certain=False,
        needs=("delegate_pki",),
        actions=("delegate_pki",),
    ),
    Path(
        "enroll-nodes",
        "Can enroll nodes",
        "The keys with which a node joins the cluster, if enrollment is enabled.",
        "Remove the action, or set xpack.security.enrollment.enabled to false.",
        "The response has what nodes trust each other by, or a token of elastic/kibana.",
        DOCS.format("security-privileges"),
        is_certain=False,
        actions=("enroll/node", "enroll/kibana"),
    ),
    Path(
        "restore-security",
        "Can restore snapshots",
        "The users and roles of an earlier time, from a snapshot with the feature state of security.",
        "Remove the privilege, or keep snapshots with this feature state in a repository that isn't registered.",
        "The feature state of a snapshot replaces the users and roles of the cluster.",
        DOCS.format("snapshot-restore"),
        is_certain=False,
        needs=("manage",),
        actions=("cluster:admin/snapshot/restore",),
    ),
)
MANAGE: Final = CLUSTER_PATHS[0]
WRITE_SECURITY: Final = Path(
    "write-security-index",
    "Can write to the index of users and roles",
    "A user with the role superuser, written into .security.",
    "Remove the index privilege, or set allow_restricted_indices to false.",
    "Elasticsearch takes users and roles from this index, whoever wrote them.",
    DOCS.format("security-api-put-role"),
)
ACCESS_SECURITY: Final = Path(
    "access-security-index",
    "Can read or change the index of users and roles in part",
    "Password hashes, or the removal of users and roles.",
    "Remove the index privilege, or set allow_restricted_indices to false.",
    "Elasticsearch takes users and roles from this index, with the hashes of their passwords.",
    DOCS.format("security-api-put-role"),
    is_certain=False,
)
WRITE_CREDENTIALS: Final = Path(
    "write-credentials",
    "Can write to indices with stored credentials",
    "Tokens, or tasks that run as another user.",
    "Remove the index privilege, or set allow_restricted_indices to false.",
    "Elasticsearch accepts the tokens in these indices, and runs the tasks as the user that they name.",
    DOCS.format("security-api-put-role"),
    is_certain=False,
)
MANAGE_ROLES: Final = Path(
    "manage-index-roles",
    "Can grant index privileges on the index of users and roles",
    "A role that can write to .security.",
    "Limit the global privilege role.manage to index patterns that don't match .security.",
    "Elasticsearch only compares the index patterns of a role with those of this privilege, which match .security.",
    DOCS.format("security-api-put-role"),
)
RUN_AS: Final = Path(
    "run-as",
    "Can act as an administrator",
    "Everything that the other user can do.",
    "Limit run_as to users without such privileges.",
    "A request that names the other user has their privileges. Their password isn't needed.",
    DOCS.format("run-as-privilege"),
)
CATALOGUE: Final = (*CLUSTER_PATHS, WRITE_SECURITY, ACCESS_SECURITY, WRITE_CREDENTIALS, MANAGE_ROLES, RUN_AS)


def of(body: Body) -> tuple[Escalation, ...]:
    """The paths that a role opens by itself, certain ones first; only the first for a role that can manage users and roles."""
    found = every(body)
    return found[:1] if found and found[0].path is MANAGE else found


def every(body: Body) -> tuple[Escalation, ...]:
    """All paths, certain ones first; of those by cluster privileges, only the first if it is open."""
    found = [*_by_cluster(body.get("cluster") or ()), *_by_indices(body.get("indices") or ()), *_by_global(body)]
    return tuple(sorted(found, key=lambda each: not each.is_certain))


def is_administrator(escalations: Iterable[Escalation]) -> bool | None:
    """Whether the holder of what opens these is an administrator or can become one; None if that isn't known."""
    found = list(escalations)
    return True if any(each.is_certain for each in found) else None if found else False


def merged(bodies: Iterable[Body]) -> Body:
    """The privileges of several roles as those of one, as far as paths depend on them."""
    given = list(bodies)
    return {
        "cluster": [name for body in given for name in body.get("cluster") or ()],
        "indices": [group for body in given for group in body.get("indices") or ()],
        "global": {"role": {"manage": {"indices": [group for body in given for group in _managed_indices(body)]}}},
    }


def _managed_indices(body: Body) -> Iterable[Body]:
    return ((body.get("global") or {}).get("role") or {}).get("manage", {}).get("indices", ())  # type: ignore[no-any-return]


def both(some: Iterable[Escalation], others: Iterable[Escalation]) -> tuple[Escalation, ...]:
    """What two roles open that limit each other: those of `some` that `others` also open."""
    opened = {each.path.slug: each for each in others}
    manages = opened.get(MANAGE.slug)
    matched = [(each, opened.get(each.path.slug) or (manages if each.path in CLUSTER_PATHS else None)) for each in some]
    found = [replace(each, is_certain=each.is_certain and other.is_certain) for each, other in matched if other]
    if not manages and any(each.path is MANAGE for each in some):
        found += [each for each in opened.values() if each.path in CLUSTER_PATHS]
    return tuple(found)


def _by_cluster(cluster: Sequence[str]) -> tuple[Escalation, ...]:
    if cluster_privileges.holds(cluster, MANAGE_SECURITY):
        names = [name for name in cluster if cluster_privileges.holds([name], MANAGE_SECURITY)] or cluster
        return (Escalation(MANAGE, ", ".join(names), is_certain=True),)
    opened = [(name, _paths_of(name)) for name in cluster]
    found = [(path, [name for name, paths in opened if path in paths]) for path in CLUSTER_PATHS]
    return tuple(Escalation(path, ", ".join(names), path.is_certain) for path, names in found if names)


def _paths_of(privilege: str) -> list[Path]:
    """The paths that it opens by itself."""
    name = privilege.lower()
    if ":" not in name:
        implied = cluster_privileges.implied(name)
        return [path for path in CLUSTER_PATHS if not implied.isdisjoint(path.needs)]
    return [path for path in CLUSTER_PATHS if any(patterns.matches(f"{name}*", action) for action in _full_names(path.actions))]


def _full_names(actions: Iterable[str]) -> Iterator[str]:
    return (action if ":" in action else SECURITY + action for action in actions)


def _by_indices(groups: Iterable[Body]) -> Iterator[Escalation]:
    """Restricted indices need `allow_restricted_indices`. The privileges of several groups add up."""
    restricted = [group for group in groups if group.get("allow_restricted_indices")]
    if not restricted:
        return
    security = [group for group in restricted if _covers(group, SECURITY_INDEX)]
    given = tuple(dict.fromkeys(name.lower() for group in security for name in group["privileges"]))
    by = f"{', '.join(given)} on {', '.join(dict.fromkeys(name for group in security for name in group['names']))}"
    if _can_write(given):
        is_certain = any(_covers(group, SECURITY_INDEX) is True for group in security)
        yield Escalation(WRITE_SECURITY, by, is_certain)
    elif not HARMLESS.issuperset(given):
        yield Escalation(ACCESS_SECURITY, by, is_certain=False)
    for group in restricted:
        if _covers(group, CREDENTIAL_INDICES) and _may_write(group["privileges"]):
            by = f"{', '.join(group['privileges'])} on {', '.join(group['names'])}"
            yield Escalation(WRITE_CREDENTIALS, by, is_certain=False)


def _covers(group: Body, indices: Iterable[str]) -> bool | None:
    """Whether a pattern of the group matches one of the indices; None if only Elasticsearch can tell."""
    answers = [patterns.matches(pattern, index) for pattern in group["names"] for index in indices]
    return True if True in answers else None if None in answers else False


def _can_write(privileges: Iterable[str]) -> bool:
    given = list(privileges)
    return not WRITING.isdisjoint(given) or all(
        any(":" in name and patterns.matches(f"{name}*", action) for name in given) for action in WRITING_ACTIONS
    )


def _may_write(privileges: Iterable[str]) -> bool:
    given = [name.lower() for name in privileges]
    return not WRITING.isdisjoint(given) or any(name.startswith("indices:") for name in given)


def _by_global(body: Body) -> Iterator[Escalation]:
    """`role.manage` (8.16 and later): roles with index privileges only, on the indices that it names."""
    for group in _managed_indices(body):
        covers = _covers(group, SECURITY_INDEX)
        if covers is not False and _may_write(group["privileges"]):
            by = f"global role.manage on {', '.join(group['names'])}"
            yield Escalation(
                MANAGE_ROLES, by, is_certain=covers is True and _can_write(name.lower() for name in group["privileges"])
            )
