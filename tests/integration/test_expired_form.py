"""Forms that can't be taken: opened before a sign-in in another tab, or about a user who was deleted. Nothing typed is lost."""

import html
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils.datastructures import MultiValueDict

from tests.support.cast import PASSWORD
from tests.support.faults import faulty
from tests.support.forms import posted
from tests.support.nodes import TestNode, one_version
from tests.support.traces import trail

pytestmark = one_version

OURS = {"Origin": "http://testserver"}
FORM = {"username": "jdoe", "full_name": "<Jane>", "email": "jane@example.org", "roles": ["viewer", "editor"]}
WITHOUT_PASSWORDS = "For security, passwords are not kept. Enter them again after you submit the form."
SECRETS = {"password": "canary-1", "confirm_password": "canary-1"}


def token(page: bytes) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.decode())
    assert found
    return found[1]


def sign_in(browser: Client, **more: str) -> Any:
    data = {"username": "ada", "password": PASSWORD, "csrfmiddlewaretoken": token(browser.get("/login").content), **more}
    return browser.post("/login", data, headers=OURS)


def sign_in_again(browser: Client) -> None:
    """In another tab, after the session has ended."""
    browser.cookies[django_settings.SESSION_COOKIE_NAME] = "ended"
    assert sign_in(browser).status_code == 302


@pytest.fixture
def browser(node: TestNode) -> Client:
    client = Client(enforce_csrf_checks=True)
    sign_in(client)
    return client


def lists(fields: list[tuple[str, str]]) -> dict[str, list[str]]:
    data = MultiValueDict[str, str]()
    for name, value in fields:
        data.appendlist(name, value)
    return dict(data.lists())


def offered(page: Any) -> dict[str, list[str]]:
    """The kept form, as the browser sends it."""
    return lists([*page.context["typed"], ("csrfmiddlewaretoken", token(page.content))])


def sign_in_on(browser: Client, page: Any) -> Any:
    """With the form of that page, which holds the kept one."""
    kept = {name: page.context[name] for name in ("next", "pending_form")}
    kept |= {"without_passwords": "1"} if page.context["without_passwords"] else {}
    data = {"username": "ada", "password": PASSWORD, **kept, "csrfmiddlewaretoken": token(page.content)}
    return browser.post("/login", data, headers=OURS)


def test_form_of_before_another_sign_in_is_offered_again(node: TestNode, browser: Client) -> None:
    old = token(browser.get("/users/create").content)
    sign_in_again(browser)

    page = browser.post("/users/create", {**FORM, **SECRETS, "csrfmiddlewaretoken": old}, headers=OURS)

    assert page.status_code == 403
    assert "Your form was kept" in page.content.decode()
    assert "userMenuButton" in page.content.decode(), "in the frame"
    assert "canary" not in page.content.decode()
    assert node.user("jdoe") is None
    form = browser.post(page.context["action"], offered(page), headers=OURS)
    assert form.status_code == 422
    assert 'value="&lt;Jane&gt;"' in form.content.decode()
    assert form.context["form"]["roles"].value() == ["viewer", "editor"]
    assert "Enter a password." in form.content.decode()
    assert trail(node, actor="ada", action="access-denied")[-1].reason == "invalid_form_token"


def test_form_of_a_dialog_is_offered_in_it(node: TestNode, browser: Client) -> None:
    node.put_user("jdoe")
    old = token(browser.get("/users/delete/jdoe").content)
    sign_in_again(browser)
    headers = {**OURS, "HX-Request": "true", "HX-Target": "dialog-content"}
    page = browser.post("/users/delete/jdoe", {"csrfmiddlewaretoken": old}, headers=headers)
    section = page.content.decode().partition('id="error"')[2].partition("</section>")[0]
    assert 'action="/users/delete/jdoe"' in section
    assert browser.post(page.context["action"], offered(page), headers=OURS).status_code == 302
    assert node.user("jdoe") is None


@pytest.mark.parametrize("headers", [{}, {"Origin": "null"}, {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}])
def test_form_of_another_site_is_not_offered(node: TestNode, browser: Client, headers: dict[str, str]) -> None:
    page = browser.post("/users/create", {**FORM, **SECRETS, "csrfmiddlewaretoken": "x" * 64}, headers=headers)
    assert page.status_code == 403
    assert "Jane" not in page.content.decode()
    assert '<form method="post" action' not in page.content.decode()


def test_form_without_a_session_and_a_token_is_kept_for_the_sign_in(node: TestNode) -> None:
    browser = Client(enforce_csrf_checks=True)
    page = browser.post("/users/create", {**FORM, **SECRETS}, headers=OURS)
    assert page.status_code == 401
    assert "Your form is kept." in page.content.decode()
    assert "canary" not in page.content.decode()
    again = sign_in_on(browser, page)
    assert ("full_name", "<Jane>") in again.context["typed"]
    assert WITHOUT_PASSWORDS in again.content.decode()


def test_two_forms_that_outlive_a_session(node: TestNode, browser: Client) -> None:
    old = token(browser.get("/users/create").content)
    browser.cookies[django_settings.SESSION_COOKIE_NAME] = "ended"
    data = {**FORM, "csrfmiddlewaretoken": old}
    one, two = (browser.post("/users/create", {**data, "username": name}, headers=OURS) for name in ("one", "two"))

    assert ("username", "one") in sign_in_on(browser, one).context["typed"]
    second = sign_in_on(browser, two)
    assert second.status_code == 200
    assert ("username", "two") in second.context["typed"]
    assert WITHOUT_PASSWORDS not in second.content.decode(), "there were none"


def test_expired_sign_in_form_is_shown_again(node: TestNode) -> None:
    page = Client(enforce_csrf_checks=True).post(
        "/login", {"username": "ada", "password": "canary-1", "next": "/users/?q=x"}, headers=OURS
    )
    assert page.status_code == 403
    assert "This form has expired." in page.content.decode()
    assert 'value="ada"' in page.content.decode()
    assert page.context["next"] == "/users/?q=x"
    assert "canary" not in page.content.decode()


def edited(client: Client, **changes: Any) -> dict[str, Any]:
    return posted(client, "/users/edit/jdoe", **changes)


@pytest.mark.parametrize("email", ["jane@example.org", "not an address"])
def test_form_for_a_deleted_user_is_kept(node: TestNode, signed_in: Callable[..., Client], email: str) -> None:
    ada = signed_in("ada")
    node.put_user("jdoe", full_name="Jane", roles=["viewer", "gone"])
    data = edited(ada, full_name="<Jane Doe>", email=email, roles=["editor", "gone"])
    node.elastic.security.delete_user(username="jdoe")

    page = ada.post("/users/edit/jdoe", data)

    assert page.status_code == 404
    shown = html.unescape(page.content.decode())
    for part in ("This user doesn't exist or was deleted.", "Nothing was saved.", "<Jane Doe>", email, "editor, gone"):
        assert part in shown
    assert node.user("jdoe") is None
    again = ada.post("/users/create", lists([("username", "jdoe"), *page.context["kept"]]))
    assert again.status_code == 422
    assert 'value="&lt;Jane Doe&gt;"' in again.content.decode()
    assert "Enter a password." in again.content.decode()


def test_sent_but_unconfirmed_form_is_kept(node: TestNode, signed_in: Callable[..., Client], settings: Any) -> None:
    with faulty(node) as fault:
        settings.ELASTICSEARCH_HOSTS = [fault.url]
        ada = signed_in("ada")
        node.put_user("jdoe", full_name="Jane")
        data = edited(ada, full_name="<Jane Doe>")
        fault.answers["PUT /_security/user/jdoe"] = 500
        page = ada.post("/users/edit/jdoe", data)
    assert page.status_code == 504
    assert 'name="full_name" value="&lt;Jane Doe&gt;"' in page.content.decode()


def test_form_in_a_part_of_a_page_outlives_the_session(node: TestNode, browser: Client) -> None:
    old = token(browser.get("/users/create").content)
    browser.cookies[django_settings.SESSION_COOKIE_NAME] = "ended"
    data = {"number": "1", "1-comment": "<left in May>", "csrfmiddlewaretoken": old}
    part = browser.post("/reviews/decide/x", data, headers={**OURS, "HX-Request": "true", "HX-Target": "item-1"})
    assert part.status_code == 401
    assert 'action="/reviews/decide/x"' in part.content.decode().partition('id="error"')[2]
    page = browser.post(part.context["action"], offered(part), headers=OURS)
    assert page.status_code == 401
    assert 'data-test-subj="loginForm"' in page.content.decode()
    assert ["1-comment", "<left in May>"] in json.loads(page.context["pending_form"])
