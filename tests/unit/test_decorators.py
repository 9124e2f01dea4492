"""A view without an access declaration is refused: by `manage.py check`, and at run time."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.decorators import login_not_required
from django.core.checks import run_checks
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import include, path
from django.views.decorators.http import require_GET
from pytest_django import Settings

from accounts import policy
from accounts.decorators import (
    declares_access,
    own_account,
    requires_manager,
    requires_reader,
    requires_sign_in,
    requires_valid_credentials,
    starts_export,
)
from accounts.http import is_from_own_page
from accounts.services.signin.operators import Operator
from tests.support.operators import ADA, OTTO, operator
from usermgmt import urls

NORAH = operator(username="norah")
DECLARATIONS = [requires_reader, requires_manager, own_account, requires_sign_in, login_not_required]


def view() -> Callable[..., HttpResponse]:
    def opened(request: HttpRequest) -> HttpResponse:
        return HttpResponse("opened")

    return opened


handler403, handler404 = urls.handler403, urls.handler404
urlpatterns = [
    *urls.urlpatterns,
    path("undeclared", view()),
    path("credentials-only", require_GET(requires_valid_credentials(view()))),
    path("nested/", include([path("undeclared", view())])),
    path("declared", login_not_required(view())),
]


def found_by_check() -> set[str]:
    return {message.msg.split("'")[1] for message in run_checks(tags=["urls"]) if message.id == "accounts.E001"}


def test_every_view_of_the_product_declares_access() -> None:
    assert found_by_check() == set()


def test_the_check_finds_undeclared_views(settings: Settings) -> None:
    settings.ROOT_URLCONF = __name__
    assert found_by_check() == {"undeclared", "credentials-only", "nested/undeclared"}


def test_undeclared_views_are_closed(settings: Settings) -> None:
    settings.ROOT_URLCONF = __name__
    answers = {url: Client().get(f"/{url}") for url in ("undeclared", "credentials-only", "nested/undeclared", "declared")}
    assert [answer.status_code for answer in answers.values()] == [403, 403, 403, 200]
    assert b"declare who can open it" in answers["undeclared"].content


@pytest.mark.parametrize("declaration", DECLARATIONS)
def test_declarations_stack_with_other_decorators(declaration: Any) -> None:
    assert declares_access(require_GET(declaration(view())))
    assert declares_access(declaration(require_GET(view())))


def is_let_in(declared: Callable[..., HttpResponse], user: Operator | None) -> bool:
    request = RequestFactory().get("/")
    request.user = user  # type: ignore[assignment]
    try:
        return declared(request).content == b"opened"
    except PermissionDenied:
        return False


@pytest.mark.parametrize(
    ("declaration", "let_in"),
    [
        (requires_manager, [True, False, False, False]),
        (requires_reader, [True, True, False, False]),
        (own_account, [True, True, True, False]),
        (requires_sign_in, [True, True, True, False]),
    ],
)
def test_access_of_each_declaration(declaration: Any, let_in: list[bool]) -> None:
    assert [is_let_in(declaration(view()), user) for user in (ADA, OTTO, NORAH, None)] == let_in


def test_contradicting_declarations_close_a_view() -> None:
    """The middleware signs nobody in for it."""
    assert not is_let_in(requires_reader(login_not_required(view())), None)


def test_the_reason_is_that_of_the_policy() -> None:
    request = RequestFactory().get("/")
    request.user = OTTO  # type: ignore[assignment]
    with pytest.raises(PermissionDenied, match=policy.NOT_PRIVILEGED):
        requires_manager(view())(request)


@pytest.mark.parametrize(
    ("headers", "is_own"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Referer": "http://testserver/users/"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Referer": "http://testserver/users/"}, True),
        ({"Referer": "http://testserver.example.org/users/"}, False),
        ({}, False),
    ],
)
def test_requests_of_own_pages(headers: dict[str, str], is_own: bool) -> None:
    assert is_from_own_page(RequestFactory().get("/users/print", headers=headers)) == is_own


@pytest.mark.parametrize("base_path", ["", "/es-users"])
@pytest.mark.parametrize(
    ("url", "exports"),
    [
        ("/users/print", True),
        ("/users/print?q=jdoe", True),
        ("/users/./print", True),
        ("/account/../users/%2e/print", True),
        ("/users\\print", True),
        ("//testserver/users/print", True),
        ("/compare/trail?since=2026-01-01&format=csv", True),
        ("/compare/trail?since=2026-01-01", False),
        ("/users/export?q=jdoe", False),  # a form
        ("/users/", False),
        ("/nothing/of/the/kind", False),
    ],
)
def test_urls_that_export(settings: Settings, base_path: str, url: str, exports: bool) -> None:
    settings.BASE_PATH = base_path
    host = "//testserver" if url.startswith("//") else ""
    assert starts_export(f"{host}{base_path}{url.removeprefix(host)}") == exports


def test_the_theme_starts_no_export() -> None:
    assert Client().post("/theme", {"theme": "dark", "next": "/users/?q=jdoe"}).headers["Location"] == "/users/?q=jdoe"
    assert Client().post("/theme", {"theme": "dark", "next": "/users/print?q=jdoe"}).headers["Location"] == "/"
