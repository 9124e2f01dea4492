"""Error pages of signed-in users stand in the frame, with a way back, and don't offer to sign in."""

import html
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.views.users import list as user_list
from tests.support.nodes import TestNode, one_version
from tests.support.pages import text

pytestmark = one_version

SIGN_IN = 'href="/login"'
FRAME = 'data-test-subj="userMenuButton"'
BACK = '<a class="button button--empty on-page" href="/">Go to home page</a>'


def assert_in_frame(page: str) -> None:
    assert FRAME in page
    assert BACK in page
    assert SIGN_IN not in page


@pytest.mark.parametrize("username", ["ada", "otto", "norah"])
def test_page_not_found(node: TestNode, signed_in: Callable[..., Client], username: str) -> None:
    assert_in_frame(text(signed_in(username), "/no/such/page", status=404))


def test_method_not_allowed(node: TestNode, signed_in: Callable[..., Client]) -> None:
    ada = signed_in("ada")
    for url in ("/logout", "/theme", "/audit/verify/x", "/passwords/strength"):
        assert_in_frame(text(ada, url, status=405))
    response = ada.post("/users/")
    assert_in_frame(response.content.decode())
    assert (response.status_code, response.headers["Allow"]) == (405, "GET")


def test_bad_request(node: TestNode, signed_in: Callable[..., Client]) -> None:
    response = signed_in("ada").post("/users/jobs/control/x", {"command": "burn"})
    assert response.status_code == 400
    assert_in_frame(response.content.decode())


def test_server_error(node: TestNode, signed_in: Callable[..., Client], monkeypatch: pytest.MonkeyPatch) -> None:
    ada = signed_in("ada")
    ada.raise_request_exception = False

    def fail(*arguments: Any) -> None:
        raise RuntimeError("canary")

    monkeypatch.setattr(user_list, "UserListForm", fail)
    page = text(ada, "/users/", status=500)
    assert_in_frame(page)
    assert "Request ID" in page
    assert "canary" not in page


def test_signed_out(node: TestNode) -> None:
    page = text(Client(), "/no/such/page", status=404)
    assert SIGN_IN in page
    assert FRAME not in page


def test_it_is_not_known_who_is_signed_in(node: TestNode, signed_in: Callable[..., Client], settings: Settings) -> None:
    ada = signed_in("ada")
    settings.ELASTICSEARCH_HOSTS = ["http://127.0.0.1:1"]
    page = text(ada, "/no/such/page", status=404)
    assert SIGN_IN not in page
    assert FRAME not in page


def test_a_deactivated_user_has_no_frame(node: TestNode, signed_in: Callable[..., Client]) -> None:
    node.put_user("jdoe", roles=["user_admin"])
    jdoe = signed_in("jdoe")
    node.elastic.security.disable_user(username="jdoe")
    assert jdoe.get("/no/such/page").headers["Location"].startswith("/login?")


def test_page_not_found_takes_one_read_and_one_check(node: TestNode, signed_in: Callable[..., Client], calls: list[str]) -> None:
    ada = signed_in("ada")
    calls.clear()
    ada.get("/no/such/page")
    assert [call.split("?")[0] for call in calls] == ["POST /usermgmt-sessions/_mget", "GET /_security/_authenticate"]
    calls.clear()
    Client().get("/no/such/page")
    assert calls == []


def test_missing_user(node: TestNode, signed_in: Callable[..., Client]) -> None:
    page = text(signed_in("ada"), "/users/edit/gone", status=404)
    assert_in_frame(page)
    assert "This user doesn't exist or was deleted." in html.unescape(page)
