"""Offboarding: a user is deactivated or deleted together with the API keys that would outlive them, and a page proves it."""

import html
from collections.abc import Callable, Iterator

import pytest
from django.test import Client
from elasticsearch import Elasticsearch
from pytest_django import Settings

from accounts.services import sessions
from accounts.services.client import PersonClient
from accounts.services.users import UserQuery
from tests.support.api_keys import create_key, works
from tests.support.cast import PASSWORD
from tests.support.faults import FaultyNode, faulty
from tests.support.nodes import TestNode
from tests.support.pages import text
from tests.support.reviews import start_review
from tests.support.traces import trail

SignIn = Callable[..., Client]
OWNER = "leaver"


@pytest.fixture
def keys(node: TestNode) -> dict[str, Elasticsearch]:
    """A client with each API key of a superuser."""
    node.put_user(OWNER, roles=["superuser"])
    return {name: create_key(node, OWNER, name) for name in ("backup", "<ci>")}


def active_keys(node: TestNode) -> set[str]:
    found = node.elastic.security.query_api_keys(query={"term": {"username": OWNER}}, size=1000)["api_keys"]
    return {key["name"] for key in found if not key["invalidated"]}


def test_keys_outlive_a_deletion_but_not_an_offboarding(node: TestNode, signed_in: SignIn, keys: dict[str, Elasticsearch]) -> None:
    ada = signed_in("ada")
    assert ada.post(f"/users/delete/{OWNER}").headers["Location"] == "/users/"
    assert works(keys["backup"])
    assert keys["backup"].security.has_privileges(cluster=["manage_security"])["has_all_requested"]
    left = text(ada, f"/users/offboarding/{OWNER}")
    assert "Doesn't exist or was deleted" in left
    assert "offboardingIncomplete" in left
    assert "Revoke API keys" in left

    node.put_user(OWNER, roles=["superuser"])
    dialog = ada.get("/users/delete", {"username": OWNER}).content.decode()
    assert f'action="/users/delete/{OWNER}"' in dialog
    assert "2 active API keys" in dialog
    assert "&lt;ci&gt;" in dialog
    assert 'name="revoke_keys" value="1" checked' in dialog
    response = ada.post(f"/users/delete/{OWNER}", {"revoke_keys": "1"})
    assert response.headers["Location"] == f"/users/offboarding/{OWNER}"
    assert node.user(OWNER) is None
    assert not any(works(key) for key in keys.values())
    left = text(ada, f"/users/offboarding/{OWNER}")
    assert f"Deleted user '{OWNER}' and revoked 2 API keys" in left
    assert "offboardingProven" in left
    events = trail(node, actor="ada")[-3:]
    assert [(event.action, event.outcome) for event in events] == [
        ("api-key-invalidate", "success"),
        ("api-key-invalidate", "success"),
        ("user-delete", "success"),
    ], "keys first"


def test_dialog_shows_what_would_stay(node: TestNode, signed_in: SignIn, keys: dict[str, Elasticsearch]) -> None:
    ada, leaver = signed_in("ada"), signed_in(OWNER)
    otto = PersonClient("otto", PASSWORD)
    review = start_review(otto, UserQuery(q=OWNER, kind="native"), (OWNER,))
    dialog = text(ada, f"/users/deactivate/{OWNER}")
    assert "1 session in usermgmt ends." in dialog
    assert f'href="/reviews/view/{review.id}"' in dialog

    ada.post(f"/users/deactivate/{OWNER}", {"revoke_keys": "1"})

    left = text(signed_in("otto"), f"/users/offboarding/{OWNER}")
    assert "offboardingProven" in left
    assert review.title in left
    assert "Revoke" not in left
    assert leaver.get("/users/").status_code == 302
    assert sessions.sessions_of_native_user(OWNER) == []
    assert f'href="/users/offboarding/{OWNER}"' in text(ada, f"/users/edit/{OWNER}")
    assert "remainingApiKeys" not in text(ada, f"/users/delete/{OWNER}")
    assert "no active API keys" in text(ada, f"/users/delete/{OWNER}")
    ada.post(f"/users/activate/{OWNER}")
    assert "The user is active and can sign in." in text(ada, f"/users/offboarding/{OWNER}")


@pytest.fixture
def fault(node: TestNode, settings: Settings) -> Iterator[FaultyNode]:
    with faulty(node) as server:
        settings.ELASTICSEARCH_HOSTS = [server.url]
        yield server


@pytest.mark.parametrize(("status", "group"), [(403, "failed"), (503, "failed"), (500, "unknown")])
def test_user_stays_while_a_key_is_left(
    node: TestNode, fault: FaultyNode, signed_in: SignIn, keys: dict[str, Elasticsearch], status: int, group: str
) -> None:
    ada = signed_in("ada")
    fault.answers["DELETE /_security/api_key"] = status
    response = ada.post(f"/users/delete/{OWNER}", {"revoke_keys": "1"})
    page = html.unescape(response.content.decode())
    assert response.status_code == (504 if status == 500 else status)
    assert f"User '{OWNER}' was not deleted" in page
    assert f"keys{group.capitalize()}" in page
    assert all(f"<strong>{html.escape(name)}</strong>" in response.content.decode() for name in keys)
    assert node.user(OWNER)
    assert active_keys(node) == set(keys)

    fault.answers = {f"DELETE /_security/user/{OWNER}": status}
    response = ada.post(f"/users/delete/{OWNER}", {"revoke_keys": "1"})
    page = html.unescape(response.content.decode())
    assert response.status_code == 207
    assert f"Unknown whether '{OWNER}' was deleted" in page if group == "unknown" else f"User '{OWNER}' was not deleted" in page
    assert "keysRevoked" in page
    assert active_keys(node) == set()
    assert node.user(OWNER)

    fault.answers = {}
    assert ada.post(f"/users/delete/{OWNER}", {"revoke_keys": "1"}).status_code == 302
    assert node.user(OWNER) is None


def test_what_cannot_be_read_is_said(node: TestNode, fault: FaultyNode, signed_in: SignIn, keys: dict[str, Elasticsearch]) -> None:
    ada = signed_in("ada")
    fault.answers["POST /_security/_query/api_key"] = 503
    dialog = text(ada, f"/users/delete/{OWNER}")
    assert "The API keys of this user couldn't be loaded." in dialog
    assert "revokeKeysCheckbox" in dialog
    node.elastic.security.disable_user(username=OWNER)
    left = text(ada, f"/users/offboarding/{OWNER}")
    assert "Couldn't be loaded" in left
    assert "offboardingIncomplete" in left
    assert ada.post(f"/users/delete/{OWNER}", {"revoke_keys": "1"}).status_code == 503
    assert node.user(OWNER)
