"""What some privileges allow beyond others."""

from typing import Any

import pytest

from accounts.services.roles import coverage


def on(*names: str, **more: Any) -> dict[str, Any]:
    return {"names": list(names), "privileges": ["read"], **more}


WRITES = on("*", privileges=["write"])
ALL: dict[str, Any] = {"cluster": ["all"], "indices": [on("*", privileges=["all"], allow_restricted_indices=True)], "run_as": ["*"]}


@pytest.mark.parametrize(
    ("body", "others", "rest"),
    [
        ({"cluster": ["monitor"]}, [{"cluster": ["manage"]}], {}),
        ({"cluster": ["MONITOR"]}, [{"cluster": ["all"]}], {}),
        ({"cluster": ["monitor", "manage"]}, [{"cluster": ["monitor"]}], {"cluster": ["manage"]}),
        ({"cluster": ["cluster:admin/xpack/security/user/put"]}, [{"cluster": ["cluster:admin/xpack/security/*"]}], {}),
        ({"cluster": ["cluster:admin/*"]}, [{"cluster": ["cluster:admin/xpack/*"]}], {"cluster": ["cluster:admin/*"]}),
        ({"indices": [on("logs-app")]}, [{"indices": [on("logs-*")]}], {}),
        ({"indices": [on("logs-*")]}, [{"indices": [on("logs-app*")]}], {"indices": [on("logs-*")]}),
        ({"indices": [on("logs-*")]}, [{"indices": [on("logs-?*")]}], {"indices": [on("logs-*")]}),
        ({"indices": [on("/a.*/")]}, [{"indices": [on("/a.*/")]}], {}),
        ({"indices": [on("a", "b")]}, [{"indices": [on("a")]}], {"indices": [on("b")]}),
        ({"indices": [on("a", "b", privileges=["read", "index"])]}, [{"indices": [WRITES]}], {"indices": [on("a", "b")]}),
        (
            {"indices": [on("a", privileges=["read", "index"])]},
            [{"indices": [on("a", privileges=["write"])]}],
            {"indices": [on("a")]},
        ),
        ({"indices": [on("a", privileges=["read", "write"])]}, [], {"indices": [on("a", privileges=["read", "write"])]}),
        ({"indices": [on("a", privileges=["write"])]}, [ALL], {}),
        ({"indices": [on("a", privileges=["monitor"])]}, [{"indices": [on("a", privileges=["manage"])]}], {}),
        ({"indices": [on("a", field_security={"grant": ["a"]})]}, [{"indices": [on("a", field_security={"grant": ["a*"]})]}], {}),
        (
            {"applications": [{"application": "kibana-.kibana", "privileges": ["feature_discover.read"], "resources": ["*"]}]},
            [{"applications": [{"application": "kibana-.kibana", "privileges": ["all"], "resources": ["*"]}]}],
            {},
        ),
        (
            {"indices": [on(".security", allow_restricted_indices=True)]},
            [{"indices": [on("*", privileges=["all"])]}],
            {"indices": [on(".security", allow_restricted_indices=True)]},
        ),
        ({"indices": [on("a")]}, [{"indices": [on("a", query="{}")]}], {"indices": [on("a")]}),
        ({"indices": [on("a", query="{}")]}, [{"indices": [on("a")]}], {}),
        ({"indices": [on("a", query="{}")]}, [{"indices": [on("a", query="{}")]}], {}),
        (
            {"indices": [on("a")]},
            [{"indices": [on("a", field_security={"grant": ["*"], "except": ["b"]})]}],
            {"indices": [on("a")]},
        ),
        ({"run_as": ["elastic"]}, [{"run_as": ["e*"]}], {}),
        ({"run_as": ["elastic", "ada"]}, [{"run_as": ["e*"]}], {"run_as": ["ada"]}),
        (
            {"applications": [{"application": "kibana-.kibana", "privileges": ["read"], "resources": ["space:a"]}]},
            [{"applications": [{"application": "kibana-*", "privileges": ["*"], "resources": ["*"]}]}],
            {},
        ),
        (
            {"applications": [{"application": "kibana-.kibana", "privileges": ["read"], "resources": ["*"]}]},
            [{"applications": [{"application": "*", "privileges": ["read"], "resources": ["space:a"]}]}],
            {"applications": [{"application": "kibana-.kibana", "privileges": ["read"], "resources": ["*"]}]},
        ),
        (
            {"remote_indices": [on("a", clusters=["one"])]},
            [{"remote_indices": [on("*", clusters=["two"])]}],
            {"remote_indices": [on("a", clusters=["one"])]},
        ),
        ({"remote_cluster": [{"clusters": ["one"], "privileges": ["monitor_enrich"]}]}, [ALL], None),
        ({"global": {"application": {"manage": {"applications": ["*"]}}}}, [ALL], None),
        (ALL, [ALL], {}),
        ({}, [], {}),
    ],
)
def test_what_others_do_not_cover(body: dict[str, Any], others: list[dict[str, Any]], rest: dict[str, Any] | None) -> None:
    """`rest`: None for all of it."""
    covered, left = coverage.split(body, others)
    expected = body if rest is None else rest
    assert left == expected
    assert (not covered) == (expected == body) or not body
    assert coverage.split(covered, others) == (covered, {})


def test_same_privileges() -> None:
    assert coverage.is_same({"cluster": ["all"], "metadata": {"a": 1}}, {"cluster": ["all"], "indices": []})
    assert not coverage.is_same({"cluster": ["all"]}, {"cluster": ["all"], "run_as": ["*"]})
