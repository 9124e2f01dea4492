"""What the trail says of sign-ins, sign-outs, sessions, refusals and commands."""

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.services import audit
from accounts.services.documents import indices
from accounts.services.sessions import SessionStore, active
from accounts.services.sessions import keys as session_keys
from tests.support.nodes import TestNode
from tests.support.traces import trail


@pytest.fixture
def ada(signed_in: Any) -> Client:
    client: Client = signed_in("ada")
    return client


def test_signing_in_and_out(node: TestNode, ada: Client) -> None:
    key = ada.cookies["usermgmt_session"].value
    ada.post("/logout")

    came, went = trail(node, actor="ada")[-2:]
    assert (came.action, came.outcome, came.source, came.kind) == ("sign-in", "success", "127.0.0.1", "user")
    assert (went.action, went.outcome, went.actor.realm) == ("sign-out", "success", "default_native")
    assert came.session == went.session == session_keys.document_id(key)
    assert key not in str(node.elastic.search(index=indices.AUDIT_PATTERN, expand_wildcards="all", size=1000))
    assert audit.activity_of(["ada"])["ada"].last_sign_in == came.moment.replace(microsecond=came.moment.microsecond // 1000 * 1000)


def test_failed_sign_in_is_recorded_with_the_username(node: TestNode, ada: Client) -> None:
    trail(node)
    Client().post("/login", {"username": "ada", "password": "a-wrong-password"})
    last = trail(node, action="sign-in")[-1]
    assert (last.actor.username, last.outcome, last.reason) == ("ada", "failure", "authentication_failed")


def test_unknown_username_is_not_recorded(node: TestNode, ada: Client) -> None:
    typed = "correct-horse-battery-staple"
    for _ in range(2):
        Client().post("/login", {"username": typed, "password": "x"})
    one, two = trail(node, action="sign-in")[-2:]
    assert (one.actor.username, one.target, one.outcome) == ("", "", "failure")
    assert one.details["typed"] == two.details["typed"]
    assert len(one.details["typed"]) == 6
    assert typed not in str(node.elastic.search(index=indices.AUDIT_PATTERN, expand_wildcards="all", size=1000))


@pytest.mark.parametrize("by", ["a request", "the removal"])
def test_a_session_that_expired_is_noted_once(node: TestNode, ada: Client, by: str) -> None:
    key = session_keys.document_id(ada.cookies["usermgmt_session"].value)
    ended = (timezone.now() - timedelta(minutes=1)).isoformat()
    node.elastic.update(index=indices.SESSIONS, id=key, doc={"expires": ended}, refresh=True)
    for _ in range(2):
        if by == "a request":
            SessionStore(ada.cookies["usermgmt_session"].value).load()
        else:
            active._remove_expired()
    found = trail(node, action="session-expire", text=key)
    assert [(event.actor.username, event.session, event.moment.isoformat()) for event in found] == [("ada", key, ended)]


@pytest.mark.parametrize(
    ("username", "path", "why"),
    [
        ("otto", "/users/create", "You need permission to manage users."),
        ("ada", "/users/delete/ada", "You can't delete your own account. Ask another administrator."),
    ],
)
def test_access_denied_is_recorded(node: TestNode, signed_in: Any, username: str, path: str, why: str) -> None:
    signed_in(username).post(path)
    last = trail(node, actor=username, action="access-denied")[-1]
    assert (last.outcome, last.reason) == ("failure", why)


def test_denied_change_is_recorded_once(node: TestNode, signed_in: Any) -> None:
    ada = signed_in("ada")
    node.put_user("jdoe")
    node.elastic.security.put_role(name="user_admin", cluster=["read_security"])  # taken away a moment ago
    try:
        assert ada.post("/users/delete/jdoe").status_code == 403
    finally:
        node.elastic.security.put_role(name="user_admin", cluster=["manage_security"])
    assert [(event.action, event.outcome, event.reason) for event in trail(node, target="jdoe")[-1:]] == [
        ("user-delete", "failure", "access_denied")
    ]


def test_invalid_form_token_is_recorded(node: TestNode, signed_in: Any) -> None:
    ada = signed_in("ada")
    stranger = Client(enforce_csrf_checks=True)
    stranger.cookies = ada.cookies
    assert stranger.post("/users/deactivate/jdoe").status_code == 403
    last = trail(node, actor="ada")[-1]
    assert (last.action, last.target, last.reason) == ("access-denied", "jdoe", "invalid_form_token")


def test_the_run_of_a_command_is_noted(node: TestNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELASTICSEARCH_PASSWORD", node.elastic_password)
    call_command("setup_cluster", stdout=io.StringIO())
    last = trail(node, action="command")[-1]
    assert (last.actor.username, last.actor.command, last.target) == ("elastic", "setup_cluster", "setup_cluster")


@pytest.mark.parametrize("name", ['a","outcome":"success', "a\r\n{}", "\u2028line", "\udcff"])
def test_no_name_forges_a_line(node: TestNode, settings: Settings, name: str) -> None:
    settings.BEHIND_PROXY = True
    before = len(trail(node, action="sign-in", size=1000))
    headers = {"X-Forwarded-For": f"6.6.6.6{name}".encode("ascii", "replace").decode(), "User-Agent": "x"}
    Client().post("/login", {"username": name.encode("utf-8", "replace").decode(), "password": "wrong-password"}, headers=headers)
    events = trail(node, action="sign-in", size=1000)
    assert len(events) == before + 1
    assert (events[-1].outcome, events[-1].source, events[-1].actor.username) == ("failure", "", "")
