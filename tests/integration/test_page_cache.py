"""The pages of lists are rendered once per operator, and filled with nothing of another operator or request."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.test import Client
from django.utils.html import strip_spaces_between_tags
from django.utils.safestring import mark_safe

from accounts.services.documents import indices
from accounts.views import page_cache, role_mappings
from tests.support.cast import PASSWORD
from tests.support.nodes import TestNode, one_version
from tests.support.role_mappings import no_mappings_left, put_mapping

pytestmark = one_version


def page(browser: Client, url: str = "/users/") -> str:
    response = browser.get(url)
    assert response.status_code == 200
    return response.content.decode()


def without_what_differs(html: str) -> str:
    """Without the CSRF token and the seconds left, which differ at each request, and without indentation."""
    html = re.sub(r'csrfmiddlewaretoken" value="\w{64}"|"X-CSRFToken": "\w{64}"|data-seconds-left="\d+"', "", html)
    return strip_spaces_between_tags(html)


@pytest.fixture
def _two_mappings(node: TestNode) -> Iterator[None]:
    with no_mappings_left(node):
        put_mapping(node, "<b>{{ q }}", ["viewer", "nope"], enabled=False)
        put_mapping(node, "off", ["superuser"], enabled=False)
        yield


@pytest.mark.usefixtures("_two_mappings")
@pytest.mark.parametrize("username", ["ada", "otto"])
@pytest.mark.parametrize(
    "url",
    [
        *("/users/", "/users/?q=jdoe", "/users/?q=zzz", "/users/?view=activity", "/users/?size=10&sort=status&order=desc"),
        *("/users/?kind=reserved", "/api-keys/", "/api-keys/?q=zzz", "/api-keys/?state=active&size=10&sort=-name"),
        *("/role-mappings/", "/role-mappings/?q=zzz%3Cb%3E", "/role-mappings/?status=disabled&sort=name&order=desc&page=2"),
        *("/service-accounts/", "/service-accounts/?q=zzz", "/service-accounts/?sort=tokens&order=desc"),
    ],
)
def test_a_cached_page_equals_an_uncached_one(
    node: TestNode, signed_in: Callable[..., Client], monkeypatch: pytest.MonkeyPatch, username: str, url: str
) -> None:
    node.put_user("jdoe", full_name="{{ q }} <b>", roles=["viewer", "nope"], enabled=False)
    monkeypatch.setattr(role_mappings, "PAGE_SIZE", 1)
    browser = signed_in(username)
    node.elastic.indices.refresh(index=indices.AUDIT_PATTERN, expand_wildcards="all")  # the sign-in is on every page then
    page(browser, url)
    cached = page(browser, url)

    def render(self: page_cache.CachedPage, slots: Mapping[str, str], **known: Any) -> HttpResponse:
        html = {name: mark_safe(html) for name, html in slots.items()}  # noqa: S308
        return HttpResponse(render_to_string(self._template, {**self._variant, **known, **html}, self._request))

    monkeypatch.setattr(page_cache.CachedPage, "render", render)
    assert without_what_differs(cached) == without_what_differs(page(browser, url))


def test_what_changes_is_put_into_it(node: TestNode, signed_in: Callable[..., Client]) -> None:
    ada = signed_in("ada")
    node.put_user("one", full_name="First <b>One</b>")
    first, second = page(ada, "/users/?q=one&size=10"), page(ada, "/users/?q=%22%3E%3Czz%3E&reserved=0")
    assert 'name="q" value="one"' in first
    assert "First &lt;b&gt;One&lt;/b&gt;" in first
    assert 'name="next" value="/users/?q=one&amp;size=10"' in first
    assert 'name="q" value="&quot;&gt;&lt;zz&gt;"' in second
    assert "First" not in second
    tokens = {re.search(r'csrfmiddlewaretoken" value="(\w{64})"', whole)[1] for whole in (first, second)}  # type: ignore[index]
    assert len(tokens) == 2
    assert all(page_cache.SEPARATOR not in whole and re.search(r'data-seconds-left="\d+"', whole) for whole in (first, second))


def test_cached_page_is_per_operator(node: TestNode, signed_in: Callable[..., Client]) -> None:
    ada, otto = signed_in("ada"), signed_in("otto")
    for _ in range(2):
        assert "createUserButton" in page(ada)
        assert "createUserButton" not in page(otto)
    assert "Account menu for otto" in page(otto)
    assert 'data-theme="auto"' in page(otto)
    otto.post("/theme", {"theme": "dark"})
    assert 'data-theme="dark"' in page(otto)


def test_a_message_is_shown_once(node: TestNode, signed_in: Callable[..., Client]) -> None:
    ada = signed_in("ada")
    page(ada)
    form = {"username": "new.one", "password": PASSWORD, "confirm_password": PASSWORD, "roles": []}
    assert "toast--success" in ada.post("/users/create", form, follow=True).content.decode()
    assert "data-toast>" not in page(ada)


def test_name_with_slot_separator(node: TestNode, signed_in: Callable[..., Client]) -> None:
    marked = f"{page_cache.SEPARATOR}q{page_cache.SEPARATOR} {{{{ q }}}}"
    node.put_user("odd", roles=["user_admin"], full_name=marked)
    ada = signed_in("ada")
    for _ in range(2):
        assert marked in page(ada, "/users/?q=odd")


def test_list_page_has_no_inline_icons(node: TestNode, signed_in: Callable[..., Client]) -> None:
    assert "<svg" not in page(signed_in("ada"))
