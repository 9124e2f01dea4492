"""The finding about roles that grant more than in the previous run."""

from datetime import UTC, datetime
from typing import Any

from accounts.services.findings import changed_roles
from accounts.services.findings.rows import Row
from accounts.services.roles import escalation
from accounts.services.roles.roles import _details

STARTED = datetime(2026, 11, 27, 9, 12, tzinfo=UTC)


def found(before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]) -> dict[str, Row]:
    known = [_details(name, body) for name, body in after.items()]
    escalations = {name: paths for name, body in after.items() if (paths := escalation.of(body))}
    return {row.key: row for row in changed_roles.find(before, STARTED, known, escalations)}


def test_role_that_grants_more() -> None:
    before = {"same": {"cluster": ["monitor"]}, "more": {"cluster": ["monitor"]}, "less": {"cluster": ["all"]}, "gone": {}}
    after = {
        "same": {"cluster": ["monitor"]},
        "more": {"cluster": ["monitor", "manage_security"]},
        "less": {"cluster": ["monitor"]},
    }
    [row] = found(before, after).values()
    assert (row.key, row.roles, row.badges) == ("more", ("more",), ())
    assert row.details == (
        "Grants more since 2026-11-27 09:12 UTC: Cluster privileges: manage users, roles, and API keys (manage_security). "
        "How its holders can become administrators: Can manage users and roles (manage_security)."
    )


def test_new_role_counts_if_it_makes_administrators() -> None:
    rows = found({"old": {}}, {"old": {}, "reader": {"cluster": ["monitor"]}, "boss": {"cluster": ["all"]}})
    assert rows.keys() == {"boss"}
    assert rows["boss"].badges == ("New",)
    assert rows["boss"].details.startswith("New since 2026-11-27 09:12 UTC. How its holders can become administrators: ")


def test_role_that_the_license_turns_on() -> None:
    body = {"indices": [{"names": ["pay"], "privileges": ["read"], "query": "{}"}], "metadata": {"_reserved": True}}
    off = {**body, "transient_metadata": {"enabled": False}}
    assert changed_roles.collect([_details("pay", off)]) == [("pay", {})]
    assert found({"pay": {}}, {"pay": off}) == {}
    assert found({"pay": {}}, {"pay": body})["pay"].badges == ("Reserved",)


def test_many_changes_of_one_role() -> None:
    body = {"run_as": [f"user-{number}" for number in range(25)]}
    assert found({"acts": {}}, {"acts": body})["acts"].details.endswith("user-19; and 5 more.")
