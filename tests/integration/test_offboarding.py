"""Offboarding: a user is deactivated or deleted together with the API keys that would outlive them, and a page proves it."""

import csv
import html
import io
import re
from collections.abc import Callable, Iterator

import pytest
from django.test import Client
from elasticsearch import Elasticsearch
from pytest_django import Settings

from accounts.services import offboarding as services
from accounts.services import sessions
from accounts.services.client import PersonClient
from accounts.services.cluster import own_roles
from accounts.services.documents import indices
from accounts.services.users import UserQuery
from accounts.views.users import offboarding as views
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


def test_roles_that_nobody_else_has(node: TestNode, signed_in: SignIn) -> None:
    for role in ("of-leaver", "of-two"):
        node.elastic.security.put_role(name=role, cluster=["monitor"])
    try:
        node.put_user(OWNER, roles=["of-leaver", "of-two", "viewer", "nonexistent"])
        node.put_user("other", roles=["of-two"])
        ada = signed_in("ada")
        assert 'No other native user has this role. It stays: <a href="/roles/view/of-leaver">of-leaver</a>.</p>' in text(
            ada, f"/users/delete/{OWNER}"
        )
        assert '<dd data-test-subj="offboardingRoles"><a href="/roles/view/of-leaver">of-leaver</a></dd>' in text(
            ada, f"/users/offboarding/{OWNER}"
        )
        node.put_user(OWNER, roles=["viewer"])
        assert "remainingRoles" not in text(ada, f"/users/delete/{OWNER}")
        assert '<dd data-test-subj="offboardingRoles">None</dd>' in text(ada, f"/users/offboarding/{OWNER}")
    finally:
        for role in ("of-leaver", "of-two"):
            node.elastic.security.delete_role(name=role)


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


@pytest.fixture
def leavers(node: TestNode) -> dict[str, Elasticsearch]:
    """A client with an API key of each of two users; a third one has none."""
    for name in ("first", "second", "third"):
        node.put_user(name, roles=["superuser"])
    return {name: create_key(node, name) for name in ("first", "second")}


NAMES = ["first", "second", "third"]


def test_deleting_several_ends_their_keys_too(node: TestNode, signed_in: SignIn, leavers: dict[str, Elasticsearch]) -> None:
    ada = signed_in("ada")
    start_review(PersonClient("otto", PASSWORD), UserQuery(q="norah", kind="native"), ("third",))
    signed_in("second")
    dialog = text(ada, "/users/delete?username=first&username=second&username=third")
    assert "2 active API keys of 2 users" in dialog
    assert "<bdi>first</bdi>: 1" in dialog
    assert 'name="revoke_keys" value="1" checked' in dialog
    assert "1 session in usermgmt ends." in dialog
    assert "These users are reviewers of 1 open access review" in dialog

    response = ada.post("/users/delete", {"username": NAMES, "revoke_keys": "1"})

    assert response.status_code == 200
    page = html.unescape(response.content.decode())
    assert "<title>Deleted 3 of 3 users" in page
    assert "<strong>first</strong>: 1 API key revoked" in page
    assert not any(works(key) for key in leavers.values())
    left = text(ada, response.context["left_url"])
    assert "offboardingProven" in left
    assert "All 3 users can't sign in, and have no active API keys and no sessions in usermgmt." in left
    events = [event for event in trail(node, actor="ada") if event.action in ("api-key-invalidate", "user-delete")]
    assert [event.action for event in events[-5:]] == [*["api-key-invalidate", "user-delete"] * 2, "user-delete"], "keys first"


def test_deleting_several_leaves_keys_if_told_so(node: TestNode, signed_in: SignIn, leavers: dict[str, Elasticsearch]) -> None:
    ada = signed_in("ada")
    assert ada.post("/users/delete", {"username": NAMES}).headers["Location"] == "/users/"
    assert all(works(key) for key in leavers.values())
    left = text(ada, "/users/offboarding?username=first&username=second&username=third&username=ada")
    assert "offboardingIncomplete" in left
    assert "1 of 4 users can't sign in" in left
    assert left.count("offboardingRow") == 3
    assert "1 active, 0 deactivated, 3 that don't exist or were deleted" in left


@pytest.mark.parametrize(("status", "title"), [(403, "You don't have permission"), (500, "did not confirm the change")])
def test_of_several_who_keeps_a_key_stays(
    node: TestNode, fault: FaultyNode, signed_in: SignIn, leavers: dict[str, Elasticsearch], status: int, title: str
) -> None:
    ada = signed_in("ada")
    fault.answers["DELETE /_security/api_key"] = status
    response = ada.post("/users/delete", {"username": NAMES, "revoke_keys": "1"})
    assert response.status_code == 207
    assert node.usernames() & set(NAMES) == {"first", "second"}
    assert all(works(key) for key in leavers.values())
    [(heading, reason, names)] = response.context["failed"]
    assert (heading, names) == ("Not all API keys were revoked", ["first", "second"])
    assert title in reason
    fault.answers = {}
    assert 'name="revoke_keys" value="1"' in response.content.decode()
    assert ada.post("/users/delete", {"username": response.context["again"], "revoke_keys": "1"}).status_code == 200
    assert not any(works(key) for key in leavers.values())


def test_of_several_the_key_of_usermgmt_is_not_preselected(node: TestNode, signed_in: SignIn, leavers: object) -> None:
    dialog = text(signed_in("ada"), f"/users/delete?username=first&username={own_roles.SERVICE}")
    assert "usermgmt itself uses an API key of one of these users" in dialog
    assert 'name="revoke_keys" value="1" data-test-subj' in dialog


def run(client: Client, action: str, names: list[str], **more: str) -> str:
    """The address of a bulk change that was carried out."""
    form = {"users": "selected", "username": names, "action": action, **more}
    url = client.post("/users/jobs/create", form).headers["Location"]
    client.post(url.replace("/view/", "/control/"), {"command": "start"})
    while "jobProgress" in text(client, url):
        client.post(url.replace("/view/", "/advance/"))
    return url


def test_a_bulk_change_leads_to_what_is_left(
    node: TestNode, signed_in: SignIn, leavers: dict[str, Elasticsearch], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "BATCH_SIZE", 2)
    ada, otto = signed_in("ada"), signed_in("otto")
    url = run(ada, "deactivate", NAMES)
    left_url = url.replace("/view/", "/offboarding/")
    assert f'href="{left_url}"' in text(otto, url)
    left = text(otto, left_url)
    assert "1 of 3 users can't sign in, and has no active API keys" in left
    assert left.count("offboardingRow") == 2
    assert 'href="/users/offboarding/first"' in left

    url = run(ada, "delete", NAMES, revoke_keys="on")
    left_url = url.replace("/view/", "/offboarding/")
    assert not any(works(key) for key in leavers.values())
    assert "All 3 users can't sign in" in text(otto, left_url)
    node.put_user("first")
    node.put_user("second")
    assert left_rows(otto, left_url) == {"first": "yes", "second": "yes", "third": "no"}
    assert "export" in [event.action for event in trail(node, actor="otto")]

    monkeypatch.setattr(views, "MAX_CHECKED", 2)
    monkeypatch.setattr(views, "MAX_SHOWN", 1)
    left = text(otto, left_url)
    assert "1 to 2 of 3" in left
    assert "The first 1 of 2 users. The CSV file has all." in left
    next_page = re.search(r'href="([^"]*)" data-test-subj="pagination-button-next"', left)
    assert next_page
    left = text(otto, left_url + next_page[1])
    assert "3 to 3 of 3" in left
    assert "offboardingProven" in left
    assert "pagination-button-next" not in left


def left_rows(client: Client, url: str) -> dict[str, str]:
    file = client.get(url.replace("/offboarding/", "/offboarding/export/")).getvalue().decode("utf-8-sig")
    return {row["Username"]: row["Remaining access"] for row in csv.DictReader(io.StringIO(file))}


def test_what_is_left_of_forged_steps_is_not_shown(node: TestNode, signed_in: SignIn, leavers: object) -> None:
    """Whoever can write the index could name users of whom nothing is left."""
    ada = signed_in("ada")
    left_url = run(ada, "deactivate", ["first", "third"]).replace("/view/", "/offboarding/")
    steps = node.elastic.search(index=indices.JOBS, query={"term": {"kind": "step"}})["hits"]["hits"]
    node.elastic.update(index=indices.JOBS, id=steps[0]["_id"], doc={"username": "nobody"}, refresh=True)
    assert ada.get(left_url).status_code == 409


def test_what_is_left_and_cannot_be_read(node: TestNode, fault: FaultyNode, signed_in: SignIn, leavers: object) -> None:
    ada = signed_in("ada")
    ada.post("/users/delete", {"username": NAMES})
    fault.answers["POST /_security/_query/api_key"] = 503
    left = text(ada, "/users/offboarding?username=third")
    assert "offboardingIncomplete" in left
    assert "Couldn't be loaded" in left
    node.put_user("first")
    dialog = text(ada, f"/users/delete?username=first&username={OWNER}&username=norah")
    assert "The API keys of these users couldn't be loaded." in dialog
    assert "revokeKeysCheckbox" in dialog
