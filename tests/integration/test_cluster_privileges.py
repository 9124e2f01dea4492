"""The table of what implies what, held against real nodes; `python -m local_cluster.cluster_privileges` makes it."""

from collections.abc import Iterator

import pytest

from accounts.services.roles.cluster_privileges import NAMES, held
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


def test_the_table_says_what_the_node_says(asker: PrivilegeProbe) -> None:
    for privileges in SAMPLE:
        names = {privilege.lower() for privilege in privileges}
        on_node = asker.implied(*privileges) | names
        assert on_node & set(asker.privileges) == held(privileges) & set(asker.privileges), privileges


def test_single_action_implies_no_named_privilege(asker: PrivilegeProbe) -> None:
    action = "cluster:admin/xpack/security/user/get"
    assert asker.implied(action) == held([action]) - {action} == set()
