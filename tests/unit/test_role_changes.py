"""What a role grants beyond what it granted before."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.services.roles import cluster_privileges
from accounts.services.roles.changes import added
from accounts.services.roles.inclusion import includes

CLUSTER = [
    "all",
    "none",
    "manage",
    "monitor",
    "manage_security",
    "read_security",
    "cluster:admin/xpack/security/user/put",
    "cluster:*",
]
PATTERNS = ["*", "logs-*", "logs-eu-*", "logs-?", "metrics", "/logs-.*/", "a\\*", ""]


def subsets(values: list[str], least: int = 0) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), min_size=least, max_size=3, unique=True)


INDICES = st.fixed_dictionaries(
    {
        "names": subsets(PATTERNS, 1),
        "privileges": subsets(["all", "read", "write", "index", "create_doc", "indices:data/read/get"], 1),
    },
    optional={
        "query": st.sampled_from(['{"match_all": {}}', '{"term": {"a": 1}}']),
        "allow_restricted_indices": st.booleans(),
        "field_security": st.fixed_dictionaries({"grant": subsets(PATTERNS)}, optional={"except": subsets(PATTERNS)}),
    },
)
APPLICATION = st.fixed_dictionaries(
    {
        "application": st.sampled_from(["kibana-.kibana", "shop", "*"]),
        "privileges": subsets(["all", "space_all", "space_read", "feature_discover.all", "feature_discover.read", "*"], 1),
        "resources": subsets(["*", "space:sales", "space:hr"], 1),
    }
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "cluster": subsets([*CLUSTER, *cluster_privileges.NAMES]),
        "indices": st.lists(INDICES, max_size=3),
        "remote_indices": st.lists(INDICES.map(lambda part: {**part, "clusters": ["eu-*", "us"]}), max_size=2),
        "remote_cluster": st.lists(
            st.fixed_dictionaries({"privileges": subsets(["monitor_stats"], 1), "clusters": subsets(PATTERNS, 1)})
        ),
        "applications": st.lists(APPLICATION, max_size=3),
        "run_as": subsets(PATTERNS),
        "global": st.sampled_from(
            [
                {"application": {"manage": {"applications": ["kibana-*"]}}},
                {"role": {"manage": {"indices": [{"names": ["logs-*"], "privileges": ["read"]}]}}},
                {"profile": {"write": {"applications": ["*"]}}, "data_source": [], "new": {"verb": {"things": [1]}}},
                {"data_source": [{"names": ["a"], "privileges": ["read"]}]},
            ]
        ),
    },
)


def joined(*bodies: dict[str, Any]) -> dict[str, Any]:
    """One role with the privileges of several."""
    lists = {name for body in bodies for name in body} - {"global"}
    return {name: [each for body in bodies for each in body.get(name, [])] for name in lists}


@given(BODIES)
def test_nothing_is_added_to_itself(body: dict[str, Any]) -> None:
    assert added(body, body) == []
    assert added(body, {}) == []


@given(BODIES, BODIES)
def test_more_privileges_before_leave_less_to_add(one: dict[str, Any], other: dict[str, Any]) -> None:
    both = joined(one, other)
    assert added(both, {**one, "global": {}}) == []
    assert added({}, one) or not added(other, one)


@given(BODIES, BODIES, BODIES)
def test_what_is_added_stays_added_with_more(before: dict[str, Any], after: dict[str, Any], more: dict[str, Any]) -> None:
    wider = {**joined(after, more), "global": after.get("global", {})}
    assert added(before, wider) or not added(before, after)


@given(BODIES)
def test_everything_includes_whatever_is_added(body: dict[str, Any]) -> None:
    part = {"names": ["*"], "privileges": ["all"], "allow_restricted_indices": True}
    everything = {
        "cluster": ["all"],
        "indices": [part],
        "remote_indices": [{**part, "clusters": ["*"]}],
        "remote_cluster": [{"privileges": ["monitor_stats"], "clusters": ["*"]}],
        "applications": [{"application": "*", "privileges": ["*"], "resources": ["*"]}],
        "run_as": ["*"],
        "global": body.get("global", {}),
    }
    assert added(everything, body) == []


def index(names: str = "logs-*", privileges: str = "read", **limits: Any) -> dict[str, Any]:
    return {"indices": [{"names": names.split(), "privileges": privileges.split(), **limits}]}


def kibana(privileges: str, resources: str = "*") -> dict[str, Any]:
    return {"applications": [{"application": "kibana-.kibana", "privileges": privileges.split(), "resources": resources.split()}]}


QUERY = '{"term": {"team": "a"}}'


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (
            {"cluster": ["monitor"]},
            {"cluster": ["monitor", "manage_security"]},
            ["Cluster privileges: manage users, roles, and API keys (manage_security)"],
        ),
        ({}, {"cluster": ["NONE"]}, []),
        ({"cluster": ["Monitor"]}, {"cluster": ["monitor"]}, []),
        ({"cluster": ["manage_security"]}, {"cluster": ["read_security", "cluster:admin/xpack/security/user/put"]}, []),
        (
            {"cluster": ["manage_security"]},
            {"cluster": ["cluster:admin/xpack/security/delegate_pki"]},
            ["Cluster privileges: cluster:admin/xpack/security/delegate_pki"],
        ),
        ({"cluster": ["cluster:admin/xpack/*"]}, {"cluster": ["cluster:admin/xpack/security/user/put"]}, []),
        (
            {"cluster": ["cluster:admin/xpack/security/user/put"]},
            {"cluster": ["cluster:admin/xpack/security/user/*"]},
            ["Cluster privileges: cluster:admin/xpack/security/user/*"],
        ),
        (index(), index(privileges="read write"), ["Index privileges on logs-*: write"]),
        (index("logs-* metrics"), index("logs-eu-* metrics x"), ["Index privileges on x: read"]),
        (index(privileges="all"), index("logs-eu-1", "read manage indices:data/read/get"), []),
        (index(privileges="write"), index(privileges="create_doc delete index"), []),
        (index(privileges="create"), index(privileges="index"), ["Index privileges on logs-*: index"]),
        (index("logs-?"), index("logs-*"), ["Index privileges on logs-*: read"]),
        (index("/logs-.*/"), index("logs-1"), []),
        (index("/logs-.*/"), index("logs-*"), ["Index privileges on logs-*: read"]),
        (index(), index(query=QUERY), []),
        (index(query=QUERY), index(), ["Index privileges on logs-*: read"]),
        (
            index(query=QUERY),
            index(query='{"match_all": {}}'),
            ['Index privileges on logs-*: read (Granted documents query: {"match_all": {}})'],
        ),
        (
            index(field_security={"grant": ["a*"], "except": ["ab"]}),
            index(field_security={"grant": ["a1", "b"], "except": ["ab"]}),
            ["Index privileges on logs-*: read (Granted fields: a1, b; Denied fields: ab)"],
        ),
        (index(field_security={"grant": ["a*"]}), index(field_security={"grant": ["a1"], "except": ["a2"]}), []),
        (index(field_security={"grant": ["*"], "except": ["pay"]}), index(field_security={"grant": ["*"], "except": ["pay*"]}), []),
        (
            index("*"),
            index("*", allow_restricted_indices=True),
            ["Index privileges on *: read (Includes restricted system indices)"],
        ),
        (index("*", allow_restricted_indices=True), index("*", allow_restricted_indices=False), []),
        (
            {"remote_indices": index(clusters=["eu-*"])["indices"]},
            {"remote_indices": index(clusters=["eu-1", "us"])["indices"]},
            ["Remote cluster privileges on indices logs-*: read (On remote clusters: eu-1, us)"],
        ),
        (
            {"remote_cluster": [{"privileges": ["monitor_stats"], "clusters": ["eu-*"]}]},
            {"remote_cluster": [{"privileges": ["monitor_stats"], "clusters": ["eu-1", "us"]}]},
            ["Remote cluster privileges: monitor_stats (On remote clusters: us)"],
        ),
        (kibana("all"), kibana("read feature_discover.all", "space:sales"), []),
        (kibana("space_all", "space:sales"), kibana("feature_discover.all", "space:sales"), []),
        (kibana("feature_discover.all"), kibana("feature_discover.read"), []),
        (
            kibana("space_all", "space:sales"),
            kibana("space_all", "space:sales space:hr"),
            ["Application privileges on Kibana (kibana-.kibana): all (Only in space hr)"],
        ),
        (
            {"applications": [{"application": "shop", "privileges": ["all"], "resources": ["*"]}]},
            {"applications": [{"application": "shop", "privileges": ["refund"], "resources": ["*"]}]},
            ["Application privileges on shop: refund"],
        ),
        (
            {"global": {"application": {}, "data_source": []}},
            {"global": {"application": {}, "data_source": [{"names": ["s3-*"], "privileges": ["read"]}]}},
            ["Global privileges on data_source: s3-*, read"],
        ),
        (
            {"global": {"role": {"manage": {"indices": index(privileges="all")["indices"]}}}},
            {
                "global": {
                    "role": {"manage": {"indices": index("logs-1 x")["indices"]}},
                    "profile": {"write": {"applications": ["*"]}},
                }
            },
            ["Global privileges on role manage: x, read", "Global privileges on profile write: *"],
        ),
        ({"run_as": ["svc-*"]}, {"run_as": ["svc-1", "elas*"]}, ["Run as privileges: elas*"]),
        (
            {"global": {"application": {"manage": {"applications": ["kibana-*"]}}}},
            {"global": {"application": {"manage": {"applications": ["kibana-a", "shop"]}}}},
            ["Global privileges on application manage: shop"],
        ),
    ],
)
def test_added(before: dict[str, Any], after: dict[str, Any], words: list[str]) -> None:
    assert added(before, after) == words


@pytest.mark.parametrize(
    ("pattern", "other", "expected"),
    [
        ("*", "/.*/", True),
        ("a*", "/a.*/", False),
        ("/*", "/a.*/", False),
        ("a?", "a*", False),
        ("a?", "ab", True),
        ("?*", "*", False),
        ("a\\*", "a*", False),
        ("a\\*", "a\\*", True),
        ("a*c", "ab*c", True),
        ("a*c", "ab*", False),
        ("/a.*/", "ab", True),
        ("/a~b/", "ab", False),
    ],
)
def test_includes(pattern: str, other: str, expected: bool) -> None:
    assert includes(pattern, other) is expected
