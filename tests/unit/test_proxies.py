"""Behind a proxy or at an address that the settings don't match: the page and the log name the setting."""

import logging

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.checks import pages_can_be_opened

FORM = {"username": "jdoe", "password": "canary"}


@pytest.fixture
def https(settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True


@pytest.mark.usefixtures("https")
@pytest.mark.parametrize("header", ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP"])
def test_untrusted_proxy_is_named_instead_of_a_redirect_without_end(header: str, caplog: pytest.LogCaptureFixture) -> None:
    answer = Client().get("/login", headers={header: "https"})
    assert (answer.status_code, "BEHIND_PROXY=true" in answer.content.decode()) == (400, True)
    assert "BEHIND_PROXY=true" in caplog.text
    assert "default-src 'none'" in answer["Content-Security-Policy"]


@pytest.mark.usefixtures("https")
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 301),  # such as a health check of the proxy itself
        ({"X-Forwarded-For": "10.0.0.1", "X-Forwarded-Proto": "http"}, 301),
        ({"X-Forwarded-For": "10.0.0.1", "X-Forwarded-Proto": "https"}, 200),
        ({"X-Forwarded-For": "10.0.0.1", "X-Forwarded-Proto": "https, http"}, 200),
        ({"X-Forwarded-For": "10.0.0.1"}, 400),
        ({"X-Forwarded-For": "10.0.0.1", "X-Forwarded-Proto": "HTTPS"}, 400),
    ],
)
def test_proxy_must_say_which_scheme(headers: dict[str, str], status: int, settings: Settings) -> None:
    settings.BEHIND_PROXY, settings.SECURE_PROXY_SSL_HEADER = True, ("HTTP_X_FORWARDED_PROTO", "https")
    answer = Client().get("/login", headers=headers)
    assert (answer.status_code, b"X-Forwarded-Proto" in answer.content) == (status, status == 400)


@pytest.mark.usefixtures("https")
def test_plain_request_without_a_proxy_is_redirected() -> None:
    answer = Client().get("/login")
    assert (answer.status_code, answer["Location"]) == (301, "https://testserver/login")
    cookie = answer.cookies["__Secure-usermgmt_https"]
    assert (bool(cookie["secure"]), answer["Cache-Control"]) == (True, "no-store")


@pytest.mark.usefixtures("https")
@pytest.mark.parametrize(
    ("behind_proxy", "headers", "advice"),
    [
        (True, {"X-Forwarded-For": "10.0.0.1", "X-Forwarded-Proto": "http"}, "the others must pass it on unchanged"),
        (True, {"X-Forwarded-Proto": "http, https"}, "the others must pass it on unchanged"),
        (False, {}, "BEHIND_PROXY=true"),  # a proxy that only decrypts
        (True, {}, "X-Forwarded-Proto"),
    ],
)
def test_redirect_that_leads_back_to_itself_is_named(
    behind_proxy: bool, headers: dict[str, str], advice: str, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.BEHIND_PROXY = behind_proxy
    if behind_proxy:
        settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    browser = Client()
    assert browser.get("/login", headers=headers).status_code == 301
    answer = browser.get("/login", headers=headers)  # such browsers send a secure cookie only with HTTPS
    assert (answer.status_code, advice in answer.content.decode()) == (400, True)
    assert advice in caplog.text
    assert browser.get("/login", headers={"X-Forwarded-Proto": "https"}, secure=True).status_code == 200


@pytest.mark.parametrize(
    ("headers", "advice"),
    [
        ({"Origin": "https://testserver", "X-Forwarded-Proto": "https", "Sec-Fetch-Site": "same-origin"}, "BEHIND_PROXY=true"),
        ({"Origin": "https://users.example.org", "Sec-Fetch-Site": "same-origin"}, "CSRF_TRUSTED_ORIGINS"),
        ({"Origin": "https://users.example.org"}, "CSRF_TRUSTED_ORIGINS"),
    ],
)
def test_other_origin_is_named(headers: dict[str, str], advice: str, caplog: pytest.LogCaptureFixture) -> None:
    answer = Client(enforce_csrf_checks=True).post("/login", FORM, headers=headers)
    page = answer.content.decode()
    assert (answer.status_code, "This form has expired" in page) == (403, False)
    assert "BEHIND_PROXY and CSRF_TRUSTED_ORIGINS" in page
    assert headers["Origin"] not in page
    (record,) = [record for record in caplog.records if record.name == "accounts.views.errors"]
    assert (record.levelno, advice in record.getMessage(), headers["Origin"] in record.getMessage()) == (
        logging.WARNING,
        True,
        True,
    )
    assert "canary" not in caplog.text


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://testserver"},
        {"Origin": "null"},
        {"Origin": "https://evil.example.org", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_settings_are_not_blamed_for_other_forms(headers: dict[str, str]) -> None:
    answer = Client(enforce_csrf_checks=True).post("/login", FORM, headers=headers)
    assert (answer.status_code, "This form has expired" in answer.content.decode()) == (403, True)


@pytest.mark.parametrize("redirects", [True, False])
def test_unknown_hostname_is_named(redirects: bool, settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    settings.SECURE_SSL_REDIRECT = redirects
    answer = Client().get("/login", headers={"Host": "users.example.org"})
    page = answer.content.decode()
    assert (answer.status_code, "ALLOWED_HOSTS" in page, "users.example.org" in page) == (400, True, False)
    assert "'users.example.org' to ALLOWED_HOSTS" in caplog.text


def test_other_bad_requests_blame_no_setting() -> None:
    answer = Client().post("/login", b"no boundary", content_type="multipart/form-data")
    page = answer.content.decode()
    assert (answer.status_code, "Invalid request" in page, "ALLOWED_HOSTS" in page) == (400, True, False)


@pytest.mark.parametrize(
    ("name", "value", "problems"),
    [("HTTPS", True, ["accounts.W010"]), ("HTTPS", False, []), ("TLS_CERTFILE", "tls.crt", []), ("BEHIND_PROXY", True, [])],
)
def test_https_without_a_certificate_or_proxy_is_named(settings: Settings, name: str, value: object, problems: list[str]) -> None:
    settings.HTTPS, settings.TLS_CERTFILE, settings.BEHIND_PROXY = True, "", False
    setattr(settings, name, value)
    assert [message.id for message in pages_can_be_opened()] == problems
