"""The user API: its routes and its description say the same, and bodies are read strictly."""

import gzip
import json
from typing import Any, Final

import pytest
from django.test import Client, RequestFactory
from pytest_django import Settings

from accounts.services import request_context
from accounts.services.client import Answer, Call, ForwardingClient
from accounts.services.errors import PreconditionFailed
from accounts.services.request_context import Actor
from accounts.services.user_api import Change, Conditions, changes, etag
from accounts.services.user_api.caller import Identity
from accounts.user_api import bodies, description, rate_limit, responses, routes, views

IDENTITY: Final = Identity(Actor("ada"), {}, is_native_or_reserved=True)


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
        ("/_security/user/a+b///", "a+b"),
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
        bodies.parsed(bodies.unpacked(request, text.encode()))


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (b'{"roles":[]}', "deflate"),  # Elasticsearch unpacks it, so it would get another body than the one that was judged
        (b'{"roles":[]}', "x-gzip"),
        (gzip.compress(b"{}", mtime=0) + gzip.compress(b'{"roles":[]}', mtime=0), "gzip"),
        (gzip.compress(b"{}", mtime=0)[:-1], "gzip"),
        ('{"roles":[]}'.encode("utf-16"), ""),
        (b'{"roles":["\xed\xa0\x80"]}', ""),
    ],
)
def test_bodies_that_elasticsearch_reads_in_another_way(content: bytes, encoding: str) -> None:
    request = RequestFactory().put("/", content, content_type="application/json", headers={"Content-Encoding": encoding})
    with pytest.raises(bodies.Unreadable):
        bodies.parsed(bodies.unpacked(request, content))


def test_packed_body_is_sent_unpacked() -> None:
    request = RequestFactory().put("/", b"x", content_type="application/json", headers={"Content-Encoding": "GZIP"})
    assert bodies.unpacked(request, gzip.compress(b"{}", mtime=0)) == b"{}"


@pytest.mark.parametrize(
    "target", ["/_security/user/a#b/_password", "/_security/user/%zz", "/_security/user/\xe9", "/a?b#c", "/a b", "/a?{}", "/a%"]
)
def test_targets_that_are_sent_in_another_way(target: str) -> None:
    assert not routes.is_encoded(target)


@pytest.mark.parametrize("query", ["username=x", "a=1;username=x", "a&user%6Eame=x&b", "username"])
def test_username_in_query(query: str) -> None:
    assert "username" in routes.parameters(query)


@pytest.mark.parametrize(
    ("encoded", "username"),
    [("YWRhOng=", "ada"), ("YWRhOng", "ada"), ("  YWRhOng", "ada"), ("YWRhOv8=", "ada"), ("YWRhOng=,Basic eA==", "ada"), ("!", "")],
)
def test_username_is_read_as_elasticsearch_does(encoded: str, username: str) -> None:
    """Or the password could be guessed without being counted."""
    assert ForwardingClient(f"bAsIc {encoded}").basic_username == username


@pytest.mark.parametrize(
    ("header", "challenges"),
    [
        (responses.CHALLENGES, ['Basic realm="security", charset="UTF-8"', "ApiKey"]),
        ('Bearer realm="security", ApiKey', ['Bearer realm="security"', "ApiKey"]),
        ('Basic realm="a, b"', ['Basic realm="a, b"']),
    ],
)
def test_each_challenge_is_a_header(header: str, challenges: list[str]) -> None:
    response = responses.passed_on(Answer(401, {"www-authenticate": header}, b""))
    assert [value for name, value in response.items() if name.lower() == "www-authenticate"] == challenges


def test_warning_of_elasticsearch_is_kept() -> None:
    request_context.missing_outcomes.set(["event"])
    try:
        response = responses.warned(responses.passed_on(Answer(200, {"warning": "299 deprecated"}, b"")))
    finally:
        request_context.missing_outcomes.set(None)
    assert response["Warning"] == f"299 deprecated, {responses.NOT_RECORDED}"


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://example.org"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-origin"}],
)
def test_pages_cannot_change_users(headers: dict[str, str]) -> None:
    """A browser adds a password that was entered for this address."""
    request = RequestFactory().post("/_security/user/jdoe/_disable", headers={**headers, "Authorization": "ApiKey x"}, secure=True)
    response = views.respond(request)
    assert (response.status_code, json.loads(response.content)["error"]["reason"]) == (400, views.FROM_A_PAGE)


def test_path_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """It has the username, and users enter passwords there by mistake."""
    Client().put("/_security/user/secret/x", secure=True)
    assert "secret" not in caplog.text


def test_requests_are_limited_for_each_minute_and_address(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.USER_API_REQUESTS_PER_MINUTE = 2
    now = 6_000_045.5
    monkeypatch.setattr(rate_limit, "monotonic", lambda: now)
    assert [rate_limit.seconds_to_wait("10.0.0.1") for _ in range(3)] == [0, 0, 60]
    now += 45.5
    assert [rate_limit.seconds_to_wait(address) for address in ("10.0.0.1", "10.0.0.2")] == [15, 0]
    now += 14.5
    assert [rate_limit.seconds_to_wait("10.0.0.1") for _ in range(3)] == [0, 0, 60]
    settings.USER_API_REQUESTS_PER_MINUTE = 0
    assert rate_limit.seconds_to_wait("10.0.0.1") == 0


def test_roles_in_a_string_are_separated_by_commas() -> None:
    change = Change(ForwardingClient(""), IDENTITY, "jdoe", Call("PUT", "/"), {"roles": "viewer,superuser"})
    assert changes._wanted(change, None).roles == ("viewer", "superuser")


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


def test_description_has_the_length_of_passwords(settings: Settings) -> None:
    settings.PASSWORD_MIN_LENGTH = 14
    description.load.cache_clear()
    try:
        assert json.loads(description.text.__wrapped__())["components"]["schemas"]["NewPassword"]["minLength"] == 14
    finally:
        description.load.cache_clear()
