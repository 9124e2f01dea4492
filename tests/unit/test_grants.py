"""What a role grants, in words."""

from typing import Any

import pytest

from accounts.services.roles import grants
from accounts.services.roles.grants import Grant


def lines(**body: Any) -> list[str]:
    return [str(grant) for grant in grants.of(body)]


def notes(**part: Any) -> tuple[str, ...]:
    return grants.of({"indices": [{"names": ["logs-*"], "privileges": ["read"], **part}]})[0].notes


def test_cluster_privileges() -> None:
    assert lines(cluster=["manage_security"]) == ["Cluster privileges: manage users, roles, and API keys (manage_security)"]
    assert lines(cluster=["cluster:admin/ilm/get"]) == ["Cluster privileges: cluster:admin/ilm/get"]
    assert grants.of({"cluster": ["all"]})[0].notes == ("Includes all other cluster privileges",)
    assert grants.of({"cluster": ["manage_ccr"]})[0].notes == ("Includes read_ccr",)
    assert grants.of({"cluster": ["read_ccr"]})[0].notes == ()


def test_indices_and_their_limits() -> None:
    part = {"names": ["logs-*", "metrics-*"], "privileges": ["read", "view_index_metadata"], "allow_restricted_indices": False}
    assert lines(indices=[part]) == ["Index privileges on logs-*, metrics-*: read, view_index_metadata"]
    assert notes() == ()
    assert notes(allow_restricted_indices=True) == ("Includes restricted system indices",)
    assert notes(field_security={"grant": ["*"]}) == ()
    assert notes(field_security={"grant": ["a", "b*"], "except": ["bad"]}) == ("Granted fields: a, b*", "Denied fields: bad")
    assert notes(field_security={"grant": []}) == ("Granted fields: none",)


def test_a_query_is_shown_as_it_is() -> None:
    part = {"names": ["x"], "privileges": ["read"]}
    assert grants.of({"indices": [{**part, "query": '{"term": {"a": 1}}'}]})[0].query == '{"term": {"a": 1}}'
    assert grants.of({"indices": [{**part, "query": {"term": {"a": 1}}}]})[0].query == '{"term": {"a": 1}}'
    assert grants.of({"indices": [{**part, "query": "x"}]})[0].notes == ("Granted documents query:",)


def test_applications() -> None:
    def application(name: str, privileges: list[str], resources: list[str]) -> Grant:
        return grants.of({"applications": [{"application": name, "privileges": privileges, "resources": resources}]})[0]

    assert str(application("kibana-.kibana", ["all"], ["*"])) == "Application privileges on Kibana (kibana-.kibana): all"
    limited = application("kibana-.kibana", ["feature_discover.read", "space_read"], ["space:sales", "space:hr"])
    assert str(limited) == "Application privileges on Kibana (kibana-.kibana): discover: read, read"
    assert limited.notes == ("Only in space sales, space hr",)
    assert str(application("*", ["*"], ["*"])) == "Application privileges on All applications (*): all"
    assert str(application("shop", ["refund"], ["order/*"])) == "Application privileges on shop: refund"


def test_remote_clusters_run_as_and_global() -> None:
    remote = {"names": ["logs-*"], "privileges": ["read"], "clusters": ["eu", "us"], "allow_restricted_indices": True}
    grant = grants.of({"remote_indices": [remote]})[0]
    assert str(grant) == "Remote cluster privileges on indices logs-*: read"
    assert grant.notes == ("On remote clusters: eu, us", "Includes restricted system indices")
    assert lines(remote_cluster=[{"privileges": ["monitor_enrich"], "clusters": ["*"]}]) == [
        "Remote cluster privileges: monitor_enrich"
    ]
    assert lines(run_as=["*", "jdoe"]) == ["Run as privileges: Any user (*)", "Run as privileges: jdoe"]
    body = {"application": {"manage": {"applications": ["kibana-*"]}}, "role": {}, "data_source": []}
    assert lines(**{"global": body}) == ["Global privileges on application manage: kibana-*"]


def test_grants_of_several_roles_are_merged() -> None:
    viewer = grants.of({"cluster": ["monitor"], "indices": [{"names": ["a"], "privileges": ["read"]}]})
    admin = grants.of({"cluster": ["monitor", "manage_security"]})
    cluster, indices = grants.sections({"viewer": viewer, "admin": admin})
    assert (cluster.heading, indices.heading) == ("Cluster privileges", "Index privileges")
    assert [(grant.subject, names) for grant, names in cluster.rows] == [
        ("manage_security", ["admin"]),
        ("monitor", ["viewer", "admin"]),
    ]
    assert [names for _, names in indices.rows] == [["viewer"]]
    assert grants.sections({}) == []


def test_the_summary_counts() -> None:
    body = {
        "cluster": ["monitor", "manage_ml"],
        "indices": [{"names": ["a"], "privileges": ["read"]}, {"names": ["b"], "privileges": ["read"]}],
        "run_as": ["jdoe"],
    }
    assert grants.summary(grants.of(body)) == "2 cluster privileges, 2 index privileges, 1 run as user"
    assert grants.summary([]) == "no privileges"


def test_a_role_without_anything_grants_nothing() -> None:
    assert grants.of({}) == []


READ = {"names": ["logs-*"], "privileges": ["read", "view_index_metadata"]}


@pytest.mark.parametrize(
    ("body", "is_read_only"),
    [
        ({"cluster": ["manage_data_stream_global_retention"]}, True),
        ({"indices": [{"names": ["*"], "privileges": ["read_view_metadata", "read_dataset_metadata"]}]}, True),
        ({}, True),
        ({"cluster": ["monitor", "read_ilm", "none", "cluster:monitor/main"], "indices": [READ], "remote_indices": [READ]}, True),
        ({"applications": [{"application": "kibana-.kibana", "privileges": ["feature_discover.read"], "resources": ["*"]}]}, True),
        ({"cluster": ["manage_own_api_key"]}, False),
        ({"cluster": ["cluster:admin/x"]}, False),
        ({"cluster": ["a_privilege_of_a_later_version"]}, False),
        ({"indices": [READ, {**READ, "privileges": ["read", "index"]}]}, False),
        ({"remote_indices": [{**READ, "privileges": ["all"]}]}, False),
        ({"remote_cluster": [{"clusters": ["*"], "privileges": ["monitor_stats"]}]}, True),
        ({"applications": [{"application": "kibana-.kibana", "privileges": ["all"], "resources": ["*"]}]}, False),
        ({"run_as": ["jdoe"]}, False),
        ({"global": {"profile": {"write": {"applications": ["*"]}}}}, False),
    ],
)
def test_read_only(body: dict[str, Any], is_read_only: bool) -> None:
    assert grants.is_read_only(body) is is_read_only
