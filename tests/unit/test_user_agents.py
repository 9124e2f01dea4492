"""Browsers in words, and the mark of one that a person has used before."""

import secrets

import pytest
from django.conf import settings
from django.core import signing
from django.http import HttpResponse
from django.test import RequestFactory

from accounts import known_devices
from accounts.services.sessions import user_agents

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36"


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (CHROME, "Chrome 139 on Windows"),
        (f"{CHROME} Edg/139.0.0.0", "Edge 139 on Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox 140 on Linux"),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
            "Safari 18 on macOS",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/17.5 Mobile/15E148 Safari/604.1",
            "Safari 17 on iPhone",
        ),
        (
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Mobile Safari/537.36",
            "Chrome 139 on Android",
        ),
        ("curl/8.5.0", "curl 8"),
        ("", "Unknown browser"),
        ("<script>alert(1)</script>\n2026 ada signed in", "Unknown browser"),
        ("Chrome/99999999999999999999", "Chrome 9999"),
    ],
)
def test_browsers_in_words(sent: str, words: str) -> None:
    assert user_agents.describe(sent) == words


def cookie_for(username: str, **cookies: str) -> str:
    request = RequestFactory().post("/login")
    request.COOKIES.update(cookies)
    response = HttpResponse()
    known_devices.remember(request, response, username)
    morsel = response.cookies[settings.DEVICE_COOKIE_NAME]
    assert morsel["httponly"]
    return str(morsel.value)


def mark(cookie: str, username: str) -> str:
    request = RequestFactory().get("/login")
    request.COOKIES[settings.DEVICE_COOKIE_NAME] = cookie
    return known_devices.token(request, username)


def test_device_token_is_stable_per_user() -> None:
    cookie = cookie_for("jdoe")
    assert mark(cookie, "jdoe")
    assert mark(cookie, "JDoe") == "", "can be another user"
    assert mark(cookie, "ada") == ""
    again = cookie_for("jdoe", **{settings.DEVICE_COOKIE_NAME: cookie})
    assert mark(again, "jdoe") == mark(cookie, "jdoe"), "a new mark each time would be a new count each time"


def test_device_cookie_has_the_name_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "DEVICE_COOKIE_NAME", "__Host-usermgmt_device")
    assert mark(cookie_for("jdoe"), "jdoe")


def test_device_cookie_has_nothing_of_the_username_but_the_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise, whoever finds a cookie could try usernames on it without SECRET_KEY."""
    monkeypatch.setattr(secrets, "token_hex", lambda length: "0" * 2 * length)
    contents = [cookie_for(username).split(":")[0] for username in ("jdoe", "ada")]
    assert contents[0] == contents[1]


@pytest.mark.parametrize(
    "cookie",
    ["", "x", "a:b:c", signing.dumps("x", salt="another")],
    ids=["nothing", "a letter", "colons", "for something else"],
)
def test_forged_device_token_is_ignored(cookie: str) -> None:
    assert mark(cookie, "jdoe") == ""
