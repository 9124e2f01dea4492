"""Creating a user like another one: the roles are taken over, and nothing else."""

import html
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from django.test import Client

from tests.support.cast import PASSWORD
from tests.support.names import HOSTILE_NAMES
from tests.support.nodes import TestNode, one_version

pytestmark = one_version

SignIn = Callable[..., Client]


@pytest.fixture
def ada(node: TestNode, signed_in: SignIn) -> Client:
    return signed_in("ada")


def page(client: Client, url: str, status: int = 200) -> str:
    response = client.get(url)
    assert response.status_code == status
    return html.unescape(response.content.decode())


def selected(client: Client, username: str) -> list[str]:
    form = client.get(f"/users/create?{urlencode({'from': username})}").context["form"]
    return [str(role) for role in form["roles"].value()]


def test_roles_are_taken_over_and_nothing_else(node: TestNode, ada: Client) -> None:
    node.put_user(
        "jdoe", full_name="Jane Canary", email="canary@example.org", roles=["viewer", "kibana_user"], metadata={"x": "canary"}
    )
    text = page(ada, "/users/create?from=jdoe")
    assert selected(ada, "jdoe") == ["viewer", "kibana_user"]
    assert "Roles copied from" in text
    assert "canary" not in text.lower()


def test_creating_it_makes_a_user_of_its_own(node: TestNode, ada: Client) -> None:
    node.put_user("jdoe", roles=["viewer", "editor"])
    data = {"username": "jroe", "password": PASSWORD, "confirm_password": PASSWORD, "roles": selected(ada, "jdoe")}
    assert ada.post("/users/create?from=jdoe", data).status_code == 302
    assert sorted((node.user("jroe") or {})["roles"]) == ["editor", "viewer"]


def test_what_was_typed_counts_once_it_was_sent(node: TestNode, ada: Client) -> None:
    node.put_user("jdoe", roles=["viewer"])
    response = ada.post("/users/create?from=jdoe", {"username": "", "roles": ["editor"]})
    assert response.status_code == 422
    assert response.context["form"]["roles"].value() == ["editor"]


def test_nonexistent_roles_are_not_copied_and_reported(node: TestNode, ada: Client) -> None:
    node.put_user("jdoe", roles=["viewer", "gone"])
    assert selected(ada, "jdoe") == ["viewer"]
    assert "Not copied because they don't exist in this cluster: gone" in page(ada, "/users/create?from=jdoe")


def test_a_user_without_roles(node: TestNode, ada: Client) -> None:
    node.put_user("jdoe")
    assert selected(ada, "jdoe") == []
    assert "has no existing roles to copy" in page(ada, "/users/create?from=jdoe")


def test_a_reserved_user_gives_its_roles(node: TestNode, ada: Client) -> None:
    assert selected(ada, "beats_system") == ["beats_system"]
    assert 'href="/users/create?from=beats_system"' in page(ada, "/users/edit/beats_system")


@pytest.mark.parametrize("name", ["gone", "_password", "a,b", "x" * 600, "\0", "жанна", " "])
def test_duplicate_of_a_missing_user(node: TestNode, ada: Client, name: str) -> None:
    text = page(ada, f"/users/create?{urlencode({'from': name})}")
    assert "No roles were copied." in text
    assert 'data-test-subj="userFormUserNameInput"' in text


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_duplicate_link_works_for_every_legal_name(node: TestNode, ada: Client, name: str) -> None:
    node.put_user(name, roles=["viewer"])
    assert selected(ada, name) == ["viewer"]
    link = f"/users/create?{urlencode({'from': name}).replace('+', '%20')}"
    assert link.replace("%7E", "~") in page(ada, ada.get("/search", {"q": name}).context["groups"][0].results[0].url)


@pytest.mark.parametrize("who", ["otto", "norah"])
def test_only_administrators_may(node: TestNode, signed_in: SignIn, who: str) -> None:
    node.put_user("jdoe", roles=["viewer"])
    client = signed_in(who)
    assert "the roles of" not in page(client, "/users/create?from=jdoe", status=403)
    if who == "otto":
        assert "duplicateUserButton" not in page(client, "/users/edit/jdoe")
