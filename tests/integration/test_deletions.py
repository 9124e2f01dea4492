"""Deleting users while Elasticsearch fails: each is tried, and the page and the audit trail say the same about each."""

import html
from collections.abc import Callable, Iterator

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.services import offboarding
from accounts.services.audit.actions import REASONS
from tests.support.faults import LOST, FaultyNode, faulty
from tests.support.nodes import TestNode
from tests.support.traces import trail

NAMES = ["first", "second", "third"]
SECOND = "DELETE /_security/user/second"


@pytest.fixture
def fault(node: TestNode, settings: Settings) -> Iterator[FaultyNode]:
    with faulty(node) as server:
        settings.ELASTICSEARCH_HOSTS = [server.url]
        yield server


@pytest.fixture
def ada(node: TestNode, fault: FaultyNode, signed_in: Callable[..., Client]) -> Client:
    for name in NAMES:
        node.put_user(name)
    return signed_in("ada")


def outcome(node: TestNode, username: str) -> tuple[str, str]:
    event = trail(node, target=username, action="user-delete")[-1]
    return event.outcome, event.reason


@pytest.mark.parametrize(
    ("status", "group", "reason"),
    [
        (403, "failed", "access_denied"),
        (409, "failed", "conflict"),
        (429, "failed", "declined"),
        (503, "failed", "declined"),
        (500, "unknown", "outcome_unknown"),
        (502, "unknown", "outcome_unknown"),
        (504, "unknown", "outcome_unknown"),
        (LOST, "unknown", "outcome_unknown"),
    ],
)
def test_each_user_is_tried(node: TestNode, ada: Client, fault: FaultyNode, status: int, group: str, reason: str) -> None:
    fault.answers[SECOND] = status

    response = ada.post("/users/delete", {"username": NAMES})

    assert response.status_code == 207
    assert node.usernames() & set(NAMES) == (set() if status == LOST else {"second"})
    assert [name for name, _ in response.context["deleted"]] == ["first", "third"]
    assert [names for _, _, names in response.context["failed"]] == ([["second"]] if group == "failed" else [])
    assert response.context["unknown"] == (["second"] if group == "unknown" else [])
    page = html.unescape(response.content.decode())
    assert "Deleted 2 of 3 users" in page
    assert ('<input type="hidden" name="username" value="second">' in page) is (group == "failed"), (
        "only what failed is tried again"
    )
    assert 'href="/users/"' in page
    assert outcome(node, "second") == ({"failed": "failure", "unknown": "unknown"}[group], reason)
    assert outcome(node, "third") == ("success", "")


def test_what_failed_can_be_tried_again(node: TestNode, ada: Client, fault: FaultyNode) -> None:
    fault.answers[SECOND] = 503
    again = ada.post("/users/delete", {"username": NAMES}).context["again"]
    fault.answers.clear()

    response = ada.post("/users/delete", {"username": again})

    assert response.headers["Location"] == "/users/"
    assert not node.usernames() & set(NAMES)


def test_none_deleted(node: TestNode, ada: Client, fault: FaultyNode) -> None:
    fault.answers |= {f"DELETE /_security/user/{name}": 403 for name in NAMES}
    response = ada.post("/users/delete", {"username": NAMES}, headers={"HX-Request": "true", "HX-Target": "dialog-content"})
    assert response.status_code == 403
    page = html.unescape(response.content.decode())
    assert "<html" not in page
    assert 'id="error"' in page, "htmx shows only this part of an error page"
    assert "Not deleted: You don't have permission" in page
    assert response.context["again"] == NAMES


def test_a_slow_cluster_keeps_nobody_waiting(node: TestNode, ada: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offboarding, "MAX_SECONDS", 0)
    response = ada.post("/users/delete", {"username": NAMES})
    assert (response.status_code, response.context["untried"], response.context["again"]) == (503, NAMES, NAMES)
    assert node.usernames() & set(NAMES) == set(NAMES)


@pytest.mark.parametrize(
    ("status", "title", "recorded"),
    [
        (503, "Elasticsearch temporarily rejects the request", ("failure", "declined")),
        (500, "Elasticsearch did not confirm the change", ("unknown", "outcome_unknown")),
        (LOST, "Elasticsearch did not confirm the change", ("unknown", "outcome_unknown")),
    ],
)
def test_answered_no_is_not_a_lost_answer(
    node: TestNode, ada: Client, fault: FaultyNode, status: int, title: str, recorded: tuple[str, str]
) -> None:
    fault.answers[SECOND] = status
    page = html.unescape(ada.post("/users/delete/second").content.decode())
    assert title in page
    assert ("Nothing was changed." in page) is (recorded[0] == "failure")
    assert outcome(node, "second") == recorded
    event = trail(node, target="second", action="user-delete")[-1]
    assert REASONS[event.reason] in html.unescape(ada.get(f"/audit/event/{event.id}").content.decode())


def test_a_change_that_never_left(node: TestNode, ada: Client, fault: FaultyNode) -> None:
    fault.last_request = "PUT /_bulk"  # the intent
    page = html.unescape(ada.post("/users/delete/second").content.decode())
    assert "Elasticsearch can't be reached" in page
    assert "Nothing was changed." in page
    assert "was applied" not in page
    assert "second" in node.usernames()
