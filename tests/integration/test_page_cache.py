"""The list's page is written once for a person, and filled each time: with nothing of another person's or another request's."""

import re
from collections.abc import Callable

from django.test import Client

from accounts.views.users import page_cache
from tests.support.cast import PASSWORD
from tests.support.nodes import TestNode


def page(browser: Client, address: str = "/users/") -> str:
    return browser.get(address).content.decode()


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
    assert all(page_cache.MARK not in whole and re.search(r'data-ends="\d+"', whole) for whole in (first, second))


def test_nobody_gets_what_was_written_for_another(node: TestNode, signed_in: Callable[..., Client]) -> None:
    ada, otto = signed_in("ada"), signed_in("otto")
    for _ in range(2):
        assert "createUserButton" in page(ada)
        assert "createUserButton" not in page(otto)
    assert "Account menu of otto" in page(otto)
    assert 'data-theme="auto"' in page(otto)
    otto.post("/theme", {"theme": "dark"})
    assert 'data-theme="dark"' in page(otto)


def test_a_message_is_shown_once(node: TestNode, signed_in: Callable[..., Client]) -> None:
    ada = signed_in("ada")
    page(ada)
    form = {"username": "new.one", "password": PASSWORD, "confirm_password": PASSWORD, "roles": []}
    assert "toast--success" in ada.post("/users/create", form, follow=True).content.decode()
    assert "data-toast>" not in page(ada)


def test_a_name_like_a_mark_is_a_name(node: TestNode, signed_in: Callable[..., Client]) -> None:
    node.put_user("odd", roles=["user_admin"], full_name="\0q\0 {{ q }}")
    assert "\0q\0 {{ q }}" in page(signed_in("odd"))


def test_every_icon_of_the_list_is_in_the_file_of_icons(node: TestNode, signed_in: Callable[..., Client]) -> None:
    assert "<svg" not in page(signed_in("ada"))
