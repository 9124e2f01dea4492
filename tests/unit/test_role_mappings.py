"""What role mappings grant, without a node: templates, assessment, search, filters, and addresses."""

from typing import Any

import pytest
from django.http import QueryDict
from django.urls import resolve, reverse

from accounts.forms.role_mappings import RoleMappingForm
from accounts.services.role_mappings import Assessment, MappingQuery, RoleMapping, matching
from accounts.services.role_mappings.query import describe, query_string
from accounts.services.role_mappings.templates import Template
from accounts.services.roles import Role, escalation
from accounts.services.users.administrators import Administration

ANYONE = {"field": {"username": "*"}}
CLUSTER = {"boss": ["all"], "keeper": ["manage"], "viewer": ["monitor"]}
ROLES = {name: Role(name, escalations=escalation.of({"cluster": cluster})) for name, cluster in CLUSTER.items()}
ADMINISTRATION = Administration({name: role.escalations for name, role in ROLES.items() if role.escalations})


def assessed(name: str = "m", **body: Any) -> Assessment:
    mapping = RoleMapping.of(name, {"enabled": True, "roles": [], "rules": ANYONE, "metadata": {}, **body})
    return Assessment(mapping, ROLES, ADMINISTRATION)


def template(source: Any, **body: Any) -> dict[str, Any]:
    return {"template": {"source": source}, **body}


@pytest.mark.parametrize(
    ("body", "roles"),
    [
        (template("boss"), ("boss",)),
        ({"template": '{"source":"boss"}', "format": "string"}, ("boss",)),  # as Elasticsearch returns it
        (template('["boss", "viewer", null]', format="json"), ("boss", "viewer")),
        (template('"boss"', format="json"), ("boss",)),
        (template(["boss"], format="json"), ("boss",)),
        (template("boss", format="json"), None),  # no JSON: Elasticsearch can't read it
        (template("[1]", format="json"), None),
        (template("{{#tojson}}groups{{/tojson}}", format="json"), None),
        (template("_user_{{username}}"), None),
        ({"template": {"source": "boss", "lang": "painless"}}, None),
        ({"template": {"id": "stored"}}, None),
        ({"template": "["}, None),
        ({}, None),
    ],
)
def test_only_a_constant_template_has_known_roles(body: dict[str, Any], roles: tuple[str, ...] | None) -> None:
    assert Template.of(body).roles == roles


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({"roles": ["boss"]}, True),
        ({"roles": ["viewer", "boss"]}, True),
        ({"role_templates": [template("boss")]}, True),
        ({"roles": ["boss"], "role_templates": [template("{{username}}")]}, True),
        ({"roles": ["keeper"]}, None),
        ({"roles": ["viewer"], "role_templates": [template("{{username}}")]}, None),
        ({"roles": ["boss"], "rules": {"field": {"realm.name": "default_native"}}}, None),
        ({"roles": ["viewer"]}, False),
        ({"roles": ["nope"]}, False),
        ({}, False),
        ({"roles": ["boss"], "enabled": False}, False),
        ({"roles": ["boss"], "rules": {"any": []}}, False),
        ({"role_templates": [template("{{username}}")], "enabled": False}, False),
    ],
)
def test_whether_a_mapping_makes_administrators(body: dict[str, Any], answer: bool | None) -> None:
    found = assessed(**body)
    assert found.is_administrator is answer
    assert bool(found.how) == (answer is not False)


def test_nonexistent_roles_and_file_settings() -> None:
    found = assessed(roles=["nope", "viewer"], role_templates=[template("gone")], metadata={"_read_only": True, "team": "web"})
    assert found.unknown_roles == ("nope", "gone")
    assert found.mapping.is_read_only
    assert found.mapping.metadata == {"team": "web"}


LISTED = [
    assessed("Sales", roles=["viewer"], rules={"field": {"groups": "cn=sales"}}),
    assessed("admins", roles=["boss"]),
    assessed("old", roles=["boss"], enabled=False),
    assessed("typo", roles=["nope"]),
    assessed("personal", role_templates=[template("own_{{username}}")]),
]


@pytest.mark.parametrize(
    ("url", "names"),
    [
        ("", "admins old personal Sales typo"),
        ("order=desc", "typo Sales personal old admins"),
        ("sort=status", "admins personal Sales typo old"),
        ("sort=administrator", "admins personal old Sales typo"),
        ("sort=administrator&order=desc", "old Sales typo personal admins"),
        ("q=SALES+cn", "Sales"),
        ("q=boss", "admins old"),
        ("q=own_", "personal"),
        ("q=boss+viewer", ""),
        ("status=disabled", "old"),
        ("status=enabled&q=boss", "admins"),
        ("administrator=yes", "admins"),
        ("administrator=unknown", "personal"),
        ("administrator=no", "old Sales typo"),
        ("reach=everyone", "admins personal typo"),
        ("reach=nobody", "old"),
        ("content=templates", "personal"),
        ("content=unknown-roles", "typo"),
        ("content=no-roles", ""),
        ("status=x&administrator=x&reach=x&content=x&sort=x&order=x", "admins old personal Sales typo"),
    ],
)
def test_search_filters_and_order(url: str, names: str) -> None:
    query = RoleMappingForm(QueryDict(url)).query()
    assert " ".join(each.mapping.name for each in matching(query, LISTED)) == names
    assert RoleMappingForm(QueryDict(query_string(query))).query() == query


def test_the_filter_in_words() -> None:
    assert describe(MappingQuery()) == "all role mappings, sorted by name (ascending)"
    query = MappingQuery("a  b", "enabled", "yes", "everyone", "templates", "status", descending=True)
    assert describe(query) == (
        "name, roles, or rule contain “a b”, enabled, makes administrators: yes, applies to everyone in a realm, "
        "with role templates, sorted by status (descending)"
    )


@pytest.mark.parametrize("name", ["saml-admins", "a/b c", "..", "export", "größe", "役割", "\U0001f600", "~41", "%2F", "a\nb"])
def test_every_name_has_an_address(name: str) -> None:
    url = reverse("role_mapping", args=[name])
    assert url.isascii()
    assert resolve(url).kwargs == {"name": name}
