"""Changing passwords, over HTTP."""

import html
from collections.abc import Callable

import pytest
from django.conf import settings
from django.test import Client

from accounts.views import recent_password_change
from tests.support.cast import PASSWORD
from tests.support.nodes import TestNode, one_version

pytestmark = one_version

SignIn = Callable[..., Client]
NEW = {"password": "a-new-one", "confirm_password": "a-new-one"}


def test_administrator_changes_another_password(node: TestNode, signed_in: SignIn) -> None:
    node.put_user("jdoe", roles=["viewer"], enabled=True, metadata={"badge": 7})
    jdoe, ada = signed_in("jdoe"), signed_in("ada")

    response = ada.post("/users/change-password/jdoe", NEW)

    assert response.headers["Location"] == "/users/edit/jdoe"
    assert "Password successfully changed" in ada.get("/users/edit/jdoe").content.decode()
    assert node.signs_in("jdoe", "a-new-one")
    assert not node.signs_in("jdoe", PASSWORD)
    assert jdoe.get("/account/").headers["Location"].startswith("/login"), "their session ended"
    assert (node.user("jdoe") or {})["metadata"] == {"badge": 7}


@pytest.mark.parametrize(
    ("username", "service"),
    [
        ("kibana", "Kibana"),
        ("kibana_system", "Kibana"),
        ("apm_system", "APM Server"),
        ("beats_system", "Beats"),
        ("logstash_system", "Logstash"),
        ("remote_monitoring_user", "Metricbeat"),
    ],
)
def test_service_warning_must_be_confirmed(node: TestNode, signed_in: SignIn, username: str, service: str) -> None:
    ada, url = signed_in("ada"), f"/users/change-password/{username}"
    assert f"{service} will lose connection to Elasticsearch" in ada.get(url).content.decode()
    writes = node.writes()
    refused = ada.post(url, NEW)
    assert refused.status_code == 422
    assert "Select the checkbox to continue." in refused.content.decode()
    assert node.writes() == writes


def test_built_in_user_password_change_ends_sessions(node: TestNode, signed_in: SignIn) -> None:
    data = {"password": "a-newer-one", "confirm_password": "a-newer-one", "understood": "on"}
    node.elastic.security.change_password(username="beats_system", password=PASSWORD)
    beats = signed_in("beats_system")
    assert "Beats will lose connection" in beats.get("/account/change-password").content.decode(), "on their own page too"

    assert signed_in("ada").post("/users/change-password/beats_system", data).status_code == 302

    assert node.signs_in("beats_system", "a-newer-one")
    assert beats.get("/account/").headers["Location"].startswith("/login")


def test_own_password_change_keeps_the_session(node: TestNode, signed_in: SignIn) -> None:
    node.put_user("jdoe")
    jdoe, elsewhere = signed_in("jdoe"), signed_in("jdoe")
    before = jdoe.cookies[settings.SESSION_COOKIE_NAME].value

    response = jdoe.post("/account/change-password", {"current_password": PASSWORD, **NEW})

    assert response.headers["Location"] == "/account/"
    assert "Password successfully changed" in jdoe.get("/account/").content.decode()
    assert elsewhere.get("/account/").headers["Location"].startswith("/login"), "every other session ended"
    assert jdoe.cookies[settings.SESSION_COOKIE_NAME].value != before, "and this one goes on under a new id"
    assert node.signs_in("jdoe", "a-new-one")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"current_password": "", **NEW}, "Enter your current password."),
        ({"current_password": "wrong-one", **NEW}, "The current password is incorrect."),
        (
            {"current_password": PASSWORD, "password": "q7zx%", "confirm_password": "q7zx%"},
            "Password must be at least 8 characters.",
        ),
        ({"current_password": PASSWORD, "password": "", "confirm_password": ""}, "Enter a password."),
        ({"current_password": PASSWORD, "password": "first-secret", "confirm_password": "other-secret"}, "Passwords do not match."),
    ],
)
def test_invalid_input_is_reported_and_changes_nothing(
    node: TestNode, signed_in: SignIn, data: dict[str, str], message: str
) -> None:
    node.put_user("jdoe")
    jdoe = signed_in("jdoe")
    writes = node.writes()

    response = jdoe.post("/account/change-password", data)

    page = html.unescape(response.content.decode())
    assert response.status_code == 422
    assert message in page
    assert not [value for value in data.values() if value and value in page], "no password comes back"
    assert node.writes() == writes
    assert jdoe.get("/account/").status_code == 200


def test_own_password_requires_the_current_one(node: TestNode, signed_in: SignIn) -> None:
    ada = signed_in("ada")
    assert ada.get("/users/change-password/ada").headers["Location"] == "/account/change-password"
    assert ada.post("/users/change-password/ada", NEW).headers["Location"] == "/account/change-password"
    assert node.signs_in("ada", PASSWORD)


@pytest.mark.parametrize("password", ["пароль-жанны", "🔑" * 8, "  spaces  ", "x" * 72, "a:b:c:d:e", "q7\"<>&'zx"])
def test_every_legal_password_is_set_as_typed(node: TestNode, signed_in: SignIn, password: str) -> None:
    node.put_user("jdoe")
    jdoe = signed_in("jdoe")

    data = {"current_password": PASSWORD, "password": password, "confirm_password": password}
    assert jdoe.post("/account/change-password", data).status_code == 302

    assert node.signs_in("jdoe", password)
    assert jdoe.get("/account/").status_code == 200
    assert signed_in("jdoe", password)


def test_the_policy_is_applied_to_a_new_user_as_typed(node: TestNode, signed_in: SignIn) -> None:
    data = {"username": "orange-marmalade", "password": "Orange-Marmalade", "confirm_password": "Orange-Marmalade"}
    response = signed_in("ada").post("/users/create", data)
    assert response.status_code == 422
    assert "Password is too similar to the username." in response.content.decode()
    assert node.user("orange-marmalade") is None


def test_password_change_notice_is_per_operator(node: TestNode, signed_in: SignIn) -> None:
    node.put_user("jdoe")
    node.put_user("kim")
    ada, otto = signed_in("ada"), signed_in("otto")
    ada.post("/users/change-password/jdoe", NEW)
    assert "Password for jdoe changed at" in ada.get("/users/edit/jdoe").content.decode()
    assert "changed at" not in ada.get("/users/edit/kim").content.decode()
    otto.cookies[recent_password_change.COOKIE] = ada.cookies[recent_password_change.COOKIE].value
    assert "changed at" not in otto.get("/users/edit/jdoe").content.decode()
    otto.cookies[recent_password_change.COOKIE] = "forged"
    assert otto.get("/users/edit/jdoe").status_code == 200


def test_strength_hint_takes_no_call(node: TestNode, signed_in: SignIn, calls: list[str]) -> None:
    ada = signed_in("ada")
    calls.clear()
    response = ada.post("/passwords/strength", {"password": "ada lovelace", "username": "ada-lovelace"})
    assert "Weak" in response.content.decode()
    assert "Password is too similar to the username." in response.content.decode()
    assert "no-store" in response.headers["Cache-Control"]
    assert {call for call in calls if "usermgmt-sessions" not in call} <= {"GET /_security/_authenticate"}
    assert ada.post("/passwords/strength", {"password": ""}).content.strip() == b""
    assert ada.get("/passwords/strength").status_code == 405
    assert Client().post("/passwords/strength", {"password": "x"}).status_code == 401
