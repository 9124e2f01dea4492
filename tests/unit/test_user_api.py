"""The user API: its routes and its description say the same, and bodies are read strictly."""

import json
from typing import Any

import pytest
from django.test import RequestFactory

from accounts.services.errors import PreconditionFailed
from accounts.services.user_api import Conditions, etag
from accounts.user_api import bodies, description, routes


def test_description_has_every_route() -> None:
    described = {
        path: {name.upper() for name in item if name != "parameters"} for path, item in description.load()["paths"].items()
    }
    assert described == {route.path: set(route.methods) for route in routes.ROUTES}


def test_references_of_the_description() -> None:
    api = description.load()

    def check(part: Any) -> None:
        if isinstance(part, dict):
            assert "$ref" not in description.resolved(api, part)
        for each in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
            check(each)

    check(api)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/_security/user/_password", ""),
        ("/_security/user/a%2Fb", "a/b"),
        ("/_security/user/..", ".."),
        ("/_security/user/a+b/", "a+b"),
        ("/_security/user/%5Fpassword/_password", "_password"),
    ],
)
def test_names_in_paths(path: str, name: str) -> None:
    found = routes.find(path)
    assert found
    assert found[1] == name


@pytest.mark.parametrize("path", ["/_security/user//x", "/_security/user/%ff", "/_cat/indices", "/_security", "/x/_security/user"])
def test_other_paths(path: str) -> None:
    assert routes.find(path) is None


@pytest.mark.parametrize(
    "text", ["", " ", "{", "[]", "1", "{} {}", '{"a":1,"a":1}', '{"a":{"b":1,"b":1}}', '{"a":NaN}', "[" * 100_000]
)
def test_unreadable_bodies(text: str) -> None:
    request = RequestFactory().put("/", text, content_type="application/json")
    with pytest.raises(bodies.Unreadable):
        bodies.parsed(request, text.encode())


def test_etag_is_of_what_is_stored() -> None:
    user: dict[str, Any] = {"username": "jdoe", "roles": ["a", "b"], "metadata": {}, "full_name": None}
    assert etag(user) == etag({**dict(reversed(user.items())), "profile_uid": "u_x"})
    assert etag(user) != etag({**user, "roles": ["b", "a"]})


@pytest.mark.parametrize(
    ("conditions", "is_met_by_new", "is_met_by_stored"),
    [
        (Conditions(), True, True),
        (Conditions(if_none_match="*"), True, False),
        (Conditions(if_match="*"), False, True),
        (Conditions(if_match='"other", W/TAG'), False, True),
        (Conditions(if_match='"other"'), False, False),
        (Conditions(if_none_match="TAG"), True, False),
    ],
)
def test_conditions(conditions: Conditions, is_met_by_new: bool, is_met_by_stored: bool) -> None:
    stored = {"username": "jdoe"}
    tagged = Conditions(*(header.replace("TAG", etag(stored)) for header in (conditions.if_match, conditions.if_none_match)))
    for user, is_met in ((None, is_met_by_new), (stored, is_met_by_stored)):
        try:
            tagged.require(user)
            assert is_met
        except PreconditionFailed:
            assert not is_met


def test_description_is_valid_json() -> None:
    assert json.loads(description.text())["openapi"] == "3.1.0"
