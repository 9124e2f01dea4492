"""The table of what implies what, held against real nodes; `python -m local_cluster.cluster_privileges` makes it."""

from collections.abc import Iterator

import pytest

from accounts.services.roles.cluster_privileges import DESCRIPTIONS, NAMES, WITHOUT_EFFECT, held, holds
from local_cluster.cluster_privileges import NAME, PrivilegeProbe
from tests.support.nodes import TestNode

SAMPLE = [
    ("all",),
    ("manage",),
    ("manage_security",),
    ("read_security",),
    ("monitor",),
    ("Manage_API_Key",),
    ("manage_ml",),
    ("cluster:*",),
    ("cluster:admin/xpack/security/*",),
    ("manage_security", "monitor"),
    ("manage", "read_ccr"),
    ("monitor", "cross_cluster_search"),
    ("manage_watcher", "manage_pipeline", "read_slm"),
]


@pytest.fixture
def asker(node: TestNode) -> Iterator[PrivilegeProbe]:
    yield PrivilegeProbe(node.elastic)
    node.elastic.security.delete_role(name=NAME)


def test_privilege_table_has_every_cluster_privilege(asker: PrivilegeProbe) -> None:
    assert set(asker.privileges) <= set(NAMES)


def test_every_privilege_is_known(node: TestNode) -> None:
    found = node.elastic.security.get_builtin_privileges()
    assert set(found["cluster"]) <= {*DESCRIPTIONS}
    assert set(found["cluster"]) - {*NAMES} == {"none", *WITHOUT_EFFECT}


def test_privileges_without_an_effect(node: TestNode) -> None:
    """Every role with a privilege has them, whatever it is; and they grant no other."""
    names = node.elastic.security.get_builtin_privileges()["cluster"]
    node.elastic.security.put_role(name=NAME, cluster=list(WITHOUT_EFFECT))
    node.put_user("jdoe", roles=[NAME])
    user = node.elastic.options(headers={"es-security-runas-user": "jdoe"})
    for given in (*WITHOUT_EFFECT, "none", "monitor_watcher"):
        node.elastic.security.put_role(name=NAME, cluster=[given])
        privileges = user.security.has_privileges(cluster=names)["cluster"]
        assert {name for name, has in privileges.items() if has} == {"none", given, *WITHOUT_EFFECT}
        assert all(holds([given], name) for name in WITHOUT_EFFECT)
    node.elastic.security.delete_role(name=NAME)


def test_the_table_says_what_the_node_says(asker: PrivilegeProbe) -> None:
    for privileges in SAMPLE:
        names = {privilege.lower() for privilege in privileges}
        on_node = asker.implied(*privileges) | names
        assert on_node & set(asker.privileges) == held(privileges) & set(asker.privileges), privileges


def test_single_action_implies_no_named_privilege(asker: PrivilegeProbe) -> None:
    action = "cluster:admin/xpack/security/user/get"
    assert asker.implied(action) == held([action]) - {action} == set()
