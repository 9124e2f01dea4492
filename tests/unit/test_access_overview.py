"""What the page Access counts, and the guide that explains it."""

import re
from pathlib import Path
from typing import Any

from accounts.services.access import Answers
from accounts.services.realms import Realm, in_settings, merge, named_in
from accounts.services.roles import escalation

GUIDE = Path(__file__).resolve().parents[2] / "docs/who-can-get-in.md"


def test_answers() -> None:
    assert Answers.of([True, None, False, False]) == Answers(1, 1, 2)
    assert Answers.of([]) == Answers(0, 0, 0)


def test_realms_in_rules() -> None:
    rules = {
        "all": [
            {"any": [{"field": {"realm.name": "ldap1"}}, {"field": {"realm.name": ["saml*", "ldap2"]}}]},
            {"except": {"field": {"realm.name": "pki"}}},
            {"field": {"username": "realm.name"}},
        ]
    }
    assert list(named_in(rules)) == ["ldap1", "saml*", "ldap2", "pki"]
    assert list(named_in({"field": {"groups": "cn=admins"}})) == []


def test_realm_that_is_seen_twice() -> None:
    seen = [Realm("b", "", ("keys",)), Realm("a", "file", ("sign-in",)), Realm("b", "ldap", ("configured",))]
    assert merge(seen) == [Realm("a", "file", ("sign-in",)), Realm("b", "ldap", ("keys", "configured"))]


def test_realms_in_settings() -> None:
    def node(**realms: Any) -> dict[str, Any]:
        return {"settings": {"xpack": {"security": {"authc": {"realms": realms}}}}}

    ldap = {"corp": {"order": "1"}}
    answer = {
        "_nodes": {"total": 3},
        "nodes": {"a": node(ldap=ldap), "b": node(ldap={"corp": {"enabled": "false"}}, saml={"sso": {"enabled": "false"}})},
    }
    assert in_settings(answer) == [
        Realm("corp", "ldap", ("Configured in the settings of 1 of 3 nodes", "Turned off in the settings of 1 of 3 nodes")),
        Realm("sso", "saml", ("Turned off in the settings of 1 of 3 nodes",)),
    ]
    assert in_settings({"_nodes": {"total": 1}}) == []


def _tables() -> list[dict[str, list[str]]]:
    """The rows of the two tables of ways, by title."""
    section = GUIDE.read_text().split("## Ways to become an administrator")[1].split("### No ways")[0]
    return [
        {cells[0]: cells for cells in (line.strip("| ").split(" | ") for line in table.splitlines()[2:])}
        for table in re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE)
    ]


def test_guide_has_the_catalogue() -> None:
    certain, possible = _tables()
    assert sorted([*certain, *possible]) == sorted(path.title for path in escalation.CATALOGUE)
    for path in escalation.CATALOGUE:
        _, opened_by, gives, why, remediation, source = (certain if path.is_certain else possible)[path.title]
        assert [gives, why, remediation] == [path.gives, path.why, path.remediation]
        assert [name for name in (*path.needs, *path.actions) if f"`{name}`" not in opened_by] == []
        assert path.why
        assert f"\n{source}: {path.docs}\n" in f"{GUIDE.read_text()}\n"
