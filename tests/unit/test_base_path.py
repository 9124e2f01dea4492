"""Below a path: which requests are meant, where redirects may lead, and where cookies belong."""

import io
from collections.abc import Iterator

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import set_script_prefix
from pytest_django import Settings

from accounts import middleware
from accounts.http import is_own_url
from usermgmt.wsgi import application

BASE = "/es-users"


@pytest.fixture
def base_path(settings: Settings) -> Iterator[None]:
    settings.BASE_PATH = settings.FORCE_SCRIPT_NAME = BASE
    yield
    set_script_prefix("/")


def answer_to(path: str, headers: dict[str, str] | None = None) -> tuple[int, dict[str, str]]:
    """The status and headers of the WSGI application."""
    started: list[tuple[int, dict[str, str]]] = []

    def start_response(status: str, headers: list[tuple[str, str]]) -> None:
        started.append((int(status[:3]), dict(headers)))

    request = RequestFactory().get(path, headers=headers).environ | {"PATH_INFO": path, "wsgi.input": io.BytesIO()}
    application(request, start_response)
    return started[0]


@pytest.mark.usefixtures("base_path")
@pytest.mark.parametrize("path", ["/users/", "/es-users/users/"])
def test_path_is_removed_by_the_proxy_or_by_us(path: str) -> None:
    status, headers = answer_to(path)
    assert (status, headers["Location"]) == (302, "/es-users/login?next=%2Fes-users%2Fusers%2F")


@pytest.mark.usefixtures("base_path")
@pytest.mark.parametrize("path", ["/", "", "/es-users", "/es-users/"])
def test_home(path: str) -> None:
    assert answer_to(path)[1]["Location"] == "/es-users/login?next=%2Fes-users%2F"


@pytest.mark.usefixtures("base_path")
@pytest.mark.parametrize("path", ["/es-users-2/users/", "/kibana", "/es-users/es-users/users/"])
def test_other_paths_are_not_ours(path: str) -> None:
    assert answer_to(path)[0] == 404


@pytest.mark.usefixtures("base_path")
@pytest.mark.parametrize("path", ["/livez", "/es-users/livez"])
def test_health_checks(path: str) -> None:
    assert answer_to(path, {"Host": "10.42.0.7"})[0] == 200


@pytest.mark.usefixtures("base_path")
def test_redirects_keep_the_path(settings: Settings) -> None:
    assert answer_to("/users")[1]["Location"] == "/es-users/users/"
    settings.SECURE_SSL_REDIRECT = True
    assert Client().get("/users/?q=a")["Location"] == "https://testserver/es-users/users/?q=a"


@pytest.mark.parametrize(
    ("url", "is_ours"),
    [
        ("/es-users/", True),
        ("/es-users", True),
        ("/es-users/users/?q=../a&next=/", True),
        ("http://testserver/es-users/users/", True),
        ("/es-users/users/../roles/", True),
        ("/", False),
        ("/kibana/", False),
        ("/es-users-2/", False),
        ("/es-users/../kibana/", False),
        ("/es-users/%2e%2E/kibana/", False),
        ("/es-users/.%2e/kibana/", False),
        ("/es-users\\..\\kibana/", False),
        ("/es-users/users/../../kibana/", False),
        ("http://testserver/kibana/", False),
        ("http://evil.example/es-users/", False),
        ("//evil.example/es-users/", False),
        ("users/", False),
        ("", False),
    ],
)
@pytest.mark.usefixtures("base_path")
def test_redirects_stay_below_the_path(url: str, is_ours: bool) -> None:
    assert is_own_url(RequestFactory().get("/"), url) == is_ours


@pytest.mark.parametrize(("base", "path"), [(BASE, BASE), ("", "/")])
def test_all_cookies_belong_to_the_path(base: str, path: str, settings: Settings) -> None:
    settings.BASE_PATH = base

    def view(request: HttpRequest) -> HttpResponse:
        response = HttpResponse()
        response.set_cookie("a", "1")
        response.set_cookie("b", "2", path="/elsewhere")
        response.delete_cookie("c")
        return response

    response = middleware.cookie_path(view)(RequestFactory().get("/"))
    assert {cookie["path"] for cookie in response.cookies.values()} == {path}


@pytest.mark.usefixtures("base_path")
def test_cookie_of_another_application_does_not_replace_ours() -> None:
    # The order in which browsers send them: the longest path first.
    answer = answer_to("/login", {"Cookie": f"usermgmt_csrf={'a' * 32}; usermgmt_csrf=other"})
    assert "Set-Cookie" not in answer[1], "our token was found"
