"""Changing passwords, over HTTP."""

import html
from collections.abc import Callable

import pytest
from django.test import Client

from tests.conftest import PASSWORD, TestNode

SignIn = Callable[..., Client]
NEW = {"password": "a-new-one", "confirm_password": "a-new-one"}


def test_an_administrator_changes_another_users_password(node: TestNode, signed_in: SignIn) -> None:
    node.put_user("jdoe", roles=["viewer"], enabled=True, metadata={"badge": 7})
    jdoe, ada = signed_in("jdoe"), signed_in("ada")

    response = ada.post("/users/change-password/jdoe", NEW)

    assert response.headers["Location"] == "/users/edit/jdoe"
    assert "Password successfully changed" in ada.get("/users/edit/jdoe").content.decode()
    assert node.signs_in("jdoe", "a-new-one")
    assert not node.signs_in("jdoe", PASSWORD)
    assert jdoe.get("/account/").headers["Location"].startswith("/login"), "their session ended"
    assert (node.user("jdoe") or {})["metadata"] == {"badge": 7}


@pytest.mark.parametrize("username", ["kibana", "kibana_system"])
def test_kibanas_own_users_come_with_a_warning(node: TestNode, signed_in: SignIn, username: str) -> None:
    page = signed_in("ada").get(f"/users/change-password/{username}").content.decode()
    assert "Kibana will lose connection to Elasticsearch" in page


def test_a_built_in_users_password_is_changed(node: TestNode, signed_in: SignIn) -> None:
    assert signed_in("ada").post("/users/change-password/beats_system", {**NEW, "understood": "on"}).status_code == 302
    assert node.signs_in("beats_system", "a-new-one")


def test_somebody_without_privileges_changes_their_own_and_stays_signed_in(node: TestNode, signed_in: SignIn) -> None:
    node.put_user("jdoe")
    jdoe, elsewhere = signed_in("jdoe"), signed_in("jdoe")

    response = jdoe.post("/account/change-password", {"current_password": PASSWORD, **NEW})

    assert response.headers["Location"] == "/account/"
    assert "Password successfully changed" in jdoe.get("/account/").content.decode()
    assert elsewhere.get("/account/").headers["Location"].startswith("/login"), "every other session ended"
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
def test_what_is_wrong_is_told_and_nothing_is_changed(
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


def test_ones_own_page_in_the_list_asks_for_the_current_password_too(node: TestNode, signed_in: SignIn) -> None:
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
