"""What an API key opens: only what both its own privileges and those of its owner at its creation open."""

from typing import Any

import pytest

from accounts.services.api_keys.privileges import escalations_of, excess
from accounts.services.roles import escalation

ALL = {"cluster": ["all"]}
CREATES_USERS = {"cluster": ["cluster:admin/xpack/security/user/put"]}
RESTORES = {"cluster": ["manage"]}
WRITES = {"indices": [{"names": ["*"], "privileges": ["all"], "allow_restricted_indices": True}]}
WATCHES = {"cluster": ["monitor"]}


@pytest.mark.parametrize(
    ("own", "owner", "slugs"),
    [
        ({}, ALL, ["manage-security"]),
        (CREATES_USERS, ALL, ["create-users"]),
        (ALL, CREATES_USERS, ["create-users"]),
        (ALL, ALL, ["manage-security"]),
        (WRITES, ALL, []),
        (ALL, WRITES, []),
        (WRITES, {**ALL, **WRITES}, ["write-security-index", "write-credentials"]),
        ({**ALL, **WRITES}, {**CREATES_USERS, **WRITES}, ["write-security-index", "create-users", "write-credentials"]),
        (WATCHES, ALL, []),
        (CREATES_USERS, WATCHES, []),
        ({}, WATCHES, []),
        (RESTORES, ALL, ["restore-security"]),
        (CREATES_USERS, RESTORES, []),
    ],
)
def test_key(own: dict[str, Any], owner: dict[str, Any], slugs: list[str]) -> None:
    key = {"role_descriptors": {"own": own} if own else {}, "limited_by": [{"owner": owner}]}
    assert [each.path.slug for each in escalations_of(key)] == slugs


ACTS: dict[str, Any] = {"run_as": ["elas*"]}


@pytest.mark.parametrize(
    ("key", "answer", "by"),
    [
        ({"role_descriptors": {}, "limited_by": [{"a": ACTS}]}, None, ["run_as elas*"]),
        ({"role_descriptors": {"own": ACTS}, "limited_by": [{"a": {"run_as": ["*"]}}]}, None, ["run_as elas*"]),
        ({"role_descriptors": {"own": WATCHES}, "limited_by": [{"a": ACTS}]}, False, []),
        ({"role_descriptors": {"own": ACTS}, "limited_by": [{"a": WATCHES}]}, False, []),
        ({"role_descriptors": {"own": CREATES_USERS}, "limited_by": [{"a": {**ALL, **ACTS}}]}, True, CREATES_USERS["cluster"]),
        ({"role_descriptors": {}, "limited_by": [{}]}, False, []),
        ({"role_descriptors": {"own": RESTORES}, "limited_by": [{"a": {}, "b": ALL}]}, None, ["manage"]),
    ],
)
def test_whoever_has_it_becomes_an_administrator(key: dict[str, Any], answer: bool | None, by: list[str]) -> None:
    escalations = escalations_of(key)
    assert escalation.is_administrator(escalations) is answer
    assert [each.by for each in escalations] == by


def test_key_for_other_clusters_has_no_owner_to_limit_it() -> None:
    reads = {
        "indices": [{"names": ["*"], "privileges": ["read"], "allow_restricted_indices": True}],
        "cluster": ["cross_cluster_search"],
    }
    key = {"type": "cross_cluster", "role_descriptors": {"cross_cluster": reads}}
    assert escalation.is_administrator(escalations_of(key)) is None
    reads["indices"][0]["allow_restricted_indices"] = False  # type: ignore[index]
    assert escalation.is_administrator(escalations_of(key)) is False
    assert excess(key, [], {}).grants == ()


LOGS: dict[str, Any] = {"indices": [{"names": ["logs-*"], "privileges": ["read"]}]}
EVERYTHING: dict[str, Any] = {"cluster": ["all"], "indices": [{"names": ["*"], "privileges": ["all"]}]}
ROLES: dict[str, dict[str, Any]] = {"boss": EVERYTHING, "logs": LOGS, "empty": {}, "monitors": WATCHES}


@pytest.mark.parametrize(
    ("own", "owner", "roles", "words"),
    [
        ({}, {"boss": EVERYTHING}, ["boss"], ""),
        ({}, {"logs": LOGS}, ["boss"], ""),  # another role grants it now
        ({}, {"logs": LOGS}, [], "The owner doesn't have the role anymore: logs. Index privileges on logs-*: read"),
        ({}, {"gone": LOGS}, ["gone"], "The role doesn't exist anymore: gone. Index privileges on logs-*: read"),
        ({}, {"empty": LOGS}, ["empty"], "The role grants less now: empty. Index privileges on logs-*: read"),
        (
            {},
            {"empty": LOGS, "gone": WATCHES},
            ["empty"],
            "The owner doesn't have the role anymore: gone. The role grants less now: empty. Index privileges on logs-*: read. "
            "Cluster privileges: view cluster state and settings (monitor)",
        ),
        (WATCHES, {"boss": EVERYTHING}, ["monitors"], ""),  # its own privileges are those of the owner today
        (
            WATCHES,
            {"boss": EVERYTHING},
            ["logs"],
            "The owner doesn't have the role anymore: boss. Cluster privileges: view cluster state and settings (monitor)",
        ),
        (EVERYTHING, {"logs": LOGS}, [], "The owner doesn't have the role anymore: logs. Index privileges on logs-*: read"),
        (WATCHES, {"logs": LOGS}, [], ""),  # it never could
        (WATCHES, {"gone": {"cluster": ["manage_security"]}}, [], ""),
        (
            {"cluster": ["manage_security"]},
            {"gone": {"cluster": ["manage_api_key"]}},
            [],
            "The owner doesn't have the role anymore: gone. Cluster privileges: manage all API keys (manage_api_key)",
        ),
        (
            {"cluster": ["manage_ilm"]},
            {"gone": {"cluster": ["read_ilm", "manage_pipeline"]}},
            [],
            "The owner doesn't have the role anymore: gone. Cluster privileges: view index lifecycle policies (read_ilm)",
        ),
        (
            {"cluster": ["manage_watcher"]},
            {"gone": WATCHES},
            [],
            "The owner doesn't have the role anymore: gone. Cluster privileges: view watches (monitor_watcher)",
        ),
        (
            {"cluster": ["manage_own_api_key"]},
            {"gone": {"cluster": ["cluster:admin/xpack/security/api_key/create"]}},
            [],
            None,
        ),
        ({}, {}, [], ""),
    ],
)
def test_what_the_owner_cannot_do_anymore(
    own: dict[str, Any], owner: dict[str, dict[str, Any]], roles: list[str], words: str | None
) -> None:
    """`words`: None if it isn't known."""
    found = excess({"role_descriptors": {"own": own} if own else {}, "limited_by": [owner]}, roles, ROLES)
    assert (str(found), found.is_known) == (words or "", words is not None)


SECRETS: dict[str, Any] = {"names": ["secrets"], "privileges": ["read"], "query": '{"match_all": {}}'}
LIMITED: dict[str, Any] = {"cluster": ["monitor"], "indices": [SECRETS, *LOGS["indices"]]}
DISABLED: dict[str, Any] = {**LIMITED, "transient_metadata": {"enabled": False}}
UNLICENSED = "The license doesn't allow the role anymore: limited. "
MONITOR = "Cluster privileges: view cluster state and settings (monitor)"


@pytest.mark.parametrize(
    ("own", "today", "words"),
    [
        ({}, LIMITED, ""),
        ({}, DISABLED, f"{UNLICENSED}{MONITOR}. Index privileges on logs-*: read"),
        (WATCHES, DISABLED, f"{UNLICENSED}{MONITOR}"),
        ({"indices": [SECRETS]}, DISABLED, ""),  # the license blocks that of the key, too
    ],
)
def test_role_that_the_license_does_not_allow(own: dict[str, Any], today: dict[str, Any], words: str) -> None:
    key = {"role_descriptors": {"own": own} if own else {}, "limited_by": [{"limited": LIMITED}]}
    assert str(excess(key, ["limited"], {"limited": today})) == words


def test_sub_feature_of_kibana_is_not_part_of_its_feature() -> None:
    def kibana(*privileges: str) -> dict[str, Any]:
        return {"applications": [{"application": "kibana-.kibana", "privileges": list(privileges), "resources": ["*"]}]}

    then = kibana("feature_discover.minimal_read", "feature_discover.url_create")
    key = {"role_descriptors": {}, "limited_by": [{"gone": then}]}
    for held in ("feature_discover.all", "space_all", "all"):
        assert list(map(str, excess(key, ["now"], {"now": kibana(held)}).grants)) == [
            "Application privileges on Kibana (kibana-.kibana): discover: url_create"
        ]


def test_overlapping_patterns_are_not_known() -> None:
    some = {"indices": [{"names": ["a*"], "privileges": ["read"]}]}
    other = {"indices": [{"names": ["*b"], "privileges": ["read"]}]}
    found = excess({"role_descriptors": {"own": some}, "limited_by": [{"gone": other}]}, [], {})
    assert (found.grants, found.is_known) == ((), False)
