"""What the page Access counts, and the guide that explains it."""

import re
from pathlib import Path
from typing import Any

import pytest

from accounts.services.access import Answers, makes_administrators
from accounts.services.realms import Realm, in_settings, merge, named_in
from accounts.services.roles import AnonymousAccess, escalation
from accounts.services.users.administrators import Administration

GUIDE = Path(__file__).resolve().parents[2] / "docs/who-can-get-in.md"
CERTAIN, POSSIBLE = (escalation.of({"cluster": [privilege]}) for privilege in ("all", "manage"))


@pytest.mark.parametrize(
    ("mapping", "answer"),
    [
        ({"roles": ["viewer"]}, False),
        ({"roles": ["viewer", "admin"]}, True),
        ({"roles": ["restores"]}, None),
        ({"role_templates": [{"template": {"source": "x"}}]}, None),
        ({"roles": ["admin"], "role_templates": [{}]}, True),
        ({"roles": [], "role_templates": []}, False),
    ],
)
def test_role_mapping_makes_administrators(mapping: dict[str, Any], answer: bool | None) -> None:
    administration = Administration({"admin": CERTAIN, "restores": POSSIBLE})
    assert makes_administrators(mapping, administration) is answer
    assert makes_administrators(mapping, None) is None
    everybody = Administration({"admin": CERTAIN}, AnonymousAccess("_anonymous", ("admin",)))
    assert makes_administrators(mapping, everybody) is True


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
        _, opened_by, gives, remediation, source = (certain if path.is_certain else possible)[path.title]
        assert [gives, remediation] == [path.gives, path.remediation]
        assert [name for name in (*path.needs, *path.actions) if f"`{name}`" not in opened_by] == []
        assert f"\n{source}: https://www.elastic.co/" in GUIDE.read_text()
