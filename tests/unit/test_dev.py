"""The development server: for this machine only, and no secret on its debug pages."""

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django import forms
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from pytest_django import Settings

from accounts.forms import login, passwords, users
from usermgmt.dev.debug_page import ExceptionReporter, ExceptionReporterFilter
from usermgmt.dev.middleware import DEBUG_PAGE_POLICY, local_only

TOP = Path(__file__).resolve().parents[2]
PASSWORD = "p\"ä\\<s's"
API_KEY = "Zm9yIHRlc3RzIG9ubHk6bm90IGEga2V5"


class Broken(Exception):
    """With whatever a message may repeat."""


@pytest.fixture
def request_(settings: Settings, rf: RequestFactory) -> HttpRequest:
    settings.ELASTICSEARCH_API_KEY = API_KEY
    settings.ELASTICSEARCH_HOSTS = ["http://elastic:in-the-address@127.0.0.1:1"]
    request = rf.post(
        "/login",
        {"username": "jdoe", "password": PASSWORD},
        HTTP_AUTHORIZATION="Basic in-a-header",
        HTTP_PROXY="http://me:in-the-environment@proxy",
        SOME_SERVICE="in-the-environment-too",
        HTTP_ACCEPT="text/html",
    )
    request.COOKIES = {"usermgmt_session": "the-key-of-the-session", "usermgmt_dev_session": "the-key-of-this-session"}
    request.exception_reporter_filter = ExceptionReporterFilter()
    return request


def report(request: HttpRequest, message: object) -> tuple[str, str]:
    """The debug page and its text for an error among many secrets."""

    class Client:
        def __repr__(self) -> str:
            return f"<Client {PASSWORD}>"

    def fail(attempts: int, **call: Any) -> None:
        client, piece, data = Client(), PASSWORD[:4], PASSWORD.encode()
        headers = [f"authorization: Basic {base64.b64encode(data).decode()}", {"innocent": PASSWORD}]
        raise Broken(message, client, piece, headers) if attempts < 0 else Broken(message)

    try:
        fail(77, body={"x": PASSWORD})
    except Broken as exc:
        reporter = ExceptionReporter(request, type(exc), exc, exc.__traceback__)
        return reporter.get_traceback_html(), reporter.get_traceback_text()
    raise AssertionError


MESSAGES = [
    "harmless",
    PASSWORD,
    {"password": PASSWORD},
    PASSWORD.encode(),
    json.dumps([PASSWORD]),
    API_KEY,
    "cookie: usermgmt_session=the-key-of-the-session",
    "authorization: Basic " + base64.b64encode(f"jdoe:{PASSWORD}".encode()).decode(),
    f"authorization: ApiKey {API_KEY}",
]


@pytest.mark.parametrize("message", MESSAGES, ids=range(len(MESSAGES)))
def test_a_debug_page_shows_no_secret(request_: HttpRequest, settings: Settings, message: object) -> None:
    for page in report(request_, message):
        page = page.replace("&quot;", '"').replace("&#x27;", "'").replace("&lt;", "<").replace("&gt;", ">").replace("\\\\", "\\")
        assert "Broken at /login" in page
        assert "jdoe" in page, "fields that are no passwords are shown"
        for secret in (
            PASSWORD,
            PASSWORD[:4],
            repr(PASSWORD.encode())[2:-1],
            base64.b64encode(PASSWORD.encode()).decode(),
            base64.b64encode(f"jdoe:{PASSWORD}".encode()).decode(),
            API_KEY,
            settings.SECRET_KEY,
            "in-the-address",
            "in-a-header",
            "in-the-environment",
            "the-key-of",
        ):
            assert secret not in page


def test_a_debug_page_shows_numbers_and_types(request_: HttpRequest) -> None:
    page, _ = report(request_, "harmless")
    shown = dict(re.findall(r"<td>(\w+)</td>\s*<td class=\"code\"><pre>(.*?)</pre>", page))
    assert shown["attempts"] == "77"
    assert shown["piece"] == "&lt;class &#x27;str&#x27;&gt;"


@pytest.mark.parametrize(
    "form",
    [login.LoginForm, users.CreateUserForm, passwords.ChangePasswordForm, passwords.ChangeOwnPasswordForm],
)
def test_the_name_of_a_field_tells_that_it_is_secret(form: type[forms.Form]) -> None:
    secret = [name for name, field in form.base_fields.items() if isinstance(field.widget, forms.PasswordInput)]
    assert secret
    assert all(ExceptionReporterFilter.hidden_settings.search(name) for name in secret)


@pytest.mark.parametrize(
    ("meta", "status"),
    [
        ({}, 200),
        ({"REMOTE_ADDR": "::1", "HTTP_HOST": "localhost:8001"}, 200),
        ({"REMOTE_ADDR": "192.0.2.7"}, 403),
        ({"REMOTE_ADDR": ""}, 403),
        ({"HTTP_HOST": "example.org"}, 403),  # a name that its owner points to 127.0.0.1
        ({"HTTP_X_FORWARDED_FOR": "127.0.0.1"}, 403),
        ({"HTTP_FORWARDED": "for=127.0.0.1"}, 403),
    ],
)
def test_only_this_machine_is_answered(settings: Settings, rf: RequestFactory, meta: dict[str, str], status: int) -> None:
    settings.ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
    request = rf.get("/")
    request.META.update({"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "127.0.0.1:8001", **meta})
    assert local_only(lambda request: HttpResponse())(request).status_code == status


@pytest.mark.parametrize(
    ("status", "content", "is_relaxed"),
    [
        (500, "because you have <code>DEBUG = True</code>", True),
        (404, "because you have <code>DEBUG = True</code>", True),
        (404, "a page of ours", False),
        (200, "of a user: <code>DEBUG = True</code>", False),
    ],
)
def test_only_debug_pages_may_have_an_inline_style(rf: RequestFactory, status: int, content: str, is_relaxed: bool) -> None:
    response = local_only(lambda request: HttpResponse(content, status=status))(rf.get("/", HTTP_HOST="127.0.0.1"))
    assert (response.get("Content-Security-Policy") == DEBUG_PAGE_POLICY) == is_relaxed


@pytest.mark.parametrize("address", ["0.0.0.0:1", "0:1", "192.0.2.7:1", "[::]:1", "example.org:1"])
def test_it_runs_on_this_machines_own_address_only(address: str) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "runserver", address],
        cwd=TOP,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "usermgmt.dev.settings"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "it runs on 127.0.0.1 only" in done.stderr


def test_production_has_no_debug_pages() -> None:
    names = ("DEBUG", "DEFAULT_EXCEPTION_REPORTER", "ROOT_URLCONF")
    program = f"from django.conf import settings; print(*(getattr(settings, name) for name in {names}))"
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "usermgmt.settings", "DEBUG": "true"}
    done = subprocess.run([sys.executable, "-c", program], cwd=TOP, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "django.views.debug.ExceptionReporter", "usermgmt.urls"]
