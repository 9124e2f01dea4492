"""Roles and who has them, through the services."""

from collections.abc import Callable

import pytest

from accounts.services import roles, users
from accounts.services.client import PersonClient
from accounts.services.cluster import own_roles
from accounts.services.roles import Role, changes, inclusion
from accounts.services.roles.escalation import SECURITY
from accounts.services.users import privilege_holders
from tests.support.cast import PASSWORD
from tests.support.names import HOSTILE_ROLES
from tests.support.nodes import TestNode


@pytest.fixture
def otto(person: Callable[[str], PersonClient]) -> PersonClient:
    """An auditor may read all of it."""
    return person("otto")


def holding(client: PersonClient, privilege: str, after: str = "") -> privilege_holders.PrivilegeReport:
    return privilege_holders.with_privilege(client, roles.all_roles(client), privilege, after)


def test_a_role_with_everything_it_grants(node: TestNode, otto: PersonClient) -> None:
    node.elastic.security.put_role(
        name="shop",
        description="The shop ",
        cluster=["monitor"],
        indices=[{"names": ["orders"], "privileges": ["read", "write"]}],
        applications=[{"application": "kibana-.kibana", "privileges": ["feature_discover.read"], "resources": ["space:shop"]}],
        run_as=["jdoe"],
        metadata={"team": "web"},
    )
    details = roles.get(otto, "shop")
    assert details.role == Role("shop", description="The shop", cluster=("monitor",), run_as=("jdoe",))
    assert [str(grant) for grant in details.grants] == [
        "Cluster privileges: view cluster state and settings (monitor)",
        "Index privileges on orders: read, write",
        "Application privileges on Kibana (kibana-.kibana): discover: read",
        "Run as privileges: jdoe",
    ]
    assert (details.is_enabled, details.metadata) == (True, {"team": "web"})


def test_reserved_deprecated_and_unknown_roles(node: TestNode, otto: PersonClient) -> None:
    assert roles.get(otto, "superuser").role.is_reserved
    deprecated = roles.get(otto, "kibana_user")
    assert deprecated.role.is_deprecated
    assert "kibana_admin" in deprecated.role.deprecated_reason
    assert deprecated.metadata == {}
    assert roles.get(otto, "nope") == roles.RoleDetails(Role("nope", is_unknown=True))


@pytest.mark.parametrize("name", HOSTILE_ROLES)
def test_every_legal_name(node: TestNode, otto: PersonClient, name: str) -> None:
    node.elastic.security.put_role(name=name, cluster=["monitor"])
    node.put_user("jdoe", roles=[name, "nope"])
    assert roles.get(otto, name).role == Role(name, cluster=("monitor",))
    assert roles.get_many(otto, [name, "nope"])["nope"].role.is_unknown
    assert [holder.user.username for holder in privilege_holders.with_role(otto, name).holders] == ["jdoe"]
    assert "jdoe" in [holder.user.username for holder in holding(otto, "monitor").page.holders]


def test_a_name_with_a_comma_is_not_two_roles(node: TestNode, otto: PersonClient) -> None:
    node.elastic.security.put_role(name="a", cluster=["all"])
    node.elastic.security.put_role(name="b", cluster=["all"])
    assert roles.get(otto, "a,b").role.is_unknown


def test_get_many_takes_one_call(node: TestNode, otto: PersonClient, calls: list[str]) -> None:
    calls.clear()
    assert len(roles.get_many(otto, [f"{'x' * 100}{number}" for number in range(300)])) == 300
    assert calls == ["GET /_security/role"]
    calls.clear()
    assert roles.get_many(otto, []) == {}
    assert calls == []


@pytest.mark.parametrize(
    ("cluster", "manages"),
    [(["all"], True), (["MANAGE_SECURITY"], True), (["cluster:admin/xpack/security"], True), (["read_security", "manage"], False)],
)
def test_role_grants_user_management(node: TestNode, otto: PersonClient, cluster: list[str], manages: bool) -> None:
    node.elastic.security.put_role(name="maybe", cluster=cluster)
    assert roles.by_name(otto, ["maybe"])["maybe"].grants_user_management is manages


def test_users_of_a_role_in_pages(node: TestNode, otto: PersonClient, calls: list[str]) -> None:
    for number in range(25):
        node.put_user(f"f{number:02}", roles=["superuser"])
    calls.clear()
    first = privilege_holders.with_role(otto, "superuser")
    assert len(calls) == 2
    second = privilege_holders.with_role(otto, "superuser", first.after)
    names = [holder.user.username for page in (first, second) for holder in page.holders]
    assert names == ["elastic", *(f"f{number:02}" for number in range(25))]
    assert (first.total, second.total, len(first.holders), second.after) == (26, 26, 20, "")


def test_one_full_page_has_no_next_page(node: TestNode, otto: PersonClient) -> None:
    for number in range(20):
        node.put_user(f"u{number:02}", roles=["only"])
    page = privilege_holders.with_role(otto, "only")
    assert (len(page.holders), page.total, page.after) == (20, 20, "")


def test_privilege_holders_and_granting_roles(node: TestNode, otto: PersonClient) -> None:
    node.elastic.security.put_role(name="loud", cluster=["MANAGE_SECURITY"])
    node.elastic.security.put_role(name="pattern", cluster=["cluster:*"])
    node.put_user("amy", roles=["viewer", "loud", "superuser"])
    node.put_user("bob", roles=["pattern"], enabled=False)
    node.put_user("cat", roles=["viewer", "nope"])
    answer = holding(otto, "manage_security")
    assert {holder.user.username: holder.granting_roles for holder in answer.page.holders} == {
        "ada": ("user_admin",),
        "amy": ("loud", "superuser"),
        "bob": ("pattern",),
        "elastic": ("superuser",),
    }
    assert [role.name for role in answer.granting_roles] == ["loud", "pattern", "user_admin", "superuser"]
    assert answer.page.total == 4


def test_node_agrees_about_privilege_holders(node: TestNode, otto: PersonClient) -> None:
    """Asked in each user's name, for a privilege that is implied, one that two roles give together, and one of few."""
    node.elastic.security.put_role(name="watch", cluster=["monitor"])
    node.elastic.security.put_role(name="read_users", cluster=["read_security"])
    node.put_user("both", roles=["watch", "read_users"])
    node.put_user("one", roles=["watch"])
    node.put_user("other", roles=["read_users", "watcher_admin"])
    for privilege in ("read_security", "read_ccr", "monitor_watcher", "manage_saml", "all"):
        found = {holder.user.username: holder.granting_roles for holder in holding(otto, privilege).page.holders}
        for username in (*node.usernames(), "elastic", "kibana_system"):
            asked = node.elastic.options(headers={"es-security-runas-user": username})
            can = asked.security.has_privileges(cluster=[privilege])["cluster"][privilege]
            assert can is (username in found), (privilege, username)
    assert {holder.user.username: holder.granting_roles for holder in holding(otto, "read_ccr").page.holders}["both"] == (
        "watch",
        "read_users",
    )


def test_ungranted_privilege_has_only_holders_of_all(node: TestNode, otto: PersonClient) -> None:
    answer = holding(otto, "not_invented_yet")
    assert [role.name for role in answer.granting_roles] == ["superuser"]
    assert [holder.user.username for holder in answer.page.holders] == ["elastic"]


def test_roles_with_single_actions_are_undetermined(node: TestNode, otto: PersonClient) -> None:
    node.elastic.security.put_role(name="odd", cluster=["cluster:admin/xpack/security/user/put"])
    assert [role.name for role in holding(otto, "manage_security").undetermined] == ["odd"]
    assert users.get(otto, "otto").roles == (own_roles.AUDITOR_ROLE,)


def test_node_grants_what_counts_as_included(node: TestNode) -> None:
    """Else a role would grant more, and the finding about it would be silent."""
    known = set(node.elastic.security.get_builtin_privileges()["index"])
    included = {given: known & {*names} for given, names in inclusion.INDEX_PRIVILEGES.items() if given in known}
    parts = [{"names": [f"of-{given}"], "privileges": [given]} for given in included]
    node.elastic.security.put_role(name="includes", cluster=["manage_security"], indices=parts)
    node.put_user("includes", roles=["includes"])
    actions = ["user/put", "user/change_password", "role/put", "role_mapping/put", "service_account/token/create", "enroll/node"]
    asked = [{"names": [f"of-{given}"], "privileges": sorted(names)} for given, names in included.items()]
    answer = node.elastic.options(basic_auth=("includes", PASSWORD)).security.has_privileges(
        cluster=[SECURITY + action for action in (*actions, "delegate_pki")], index=asked
    )
    held = {name: has for privileges in answer["index"].values() for name, has in privileges.items()}
    assert held == dict.fromkeys(held, True)
    assert [name for name, has in answer["cluster"].items() if not has] == [f"{SECURITY}delegate_pki"]
    for name in answer["cluster"]:
        assert bool(changes.added({"cluster": ["manage_security"]}, {"cluster": [name]})) == (not answer["cluster"][name])
