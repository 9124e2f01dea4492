"""The trail refused, read-only, closed or resolved: nothing is changed, the person is told why, reading goes on."""

import html
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from elasticsearch import ApiError, Elasticsearch
from pytest_django import Settings

from accounts.services import audit, sessions
from accounts.services.client import AdministratorClient, PersonClient
from accounts.services.cluster import own_roles
from accounts.services.cluster import setup as cluster_setup
from accounts.services.documents import indices
from tests.support.cast import PASSWORD
from tests.support.forms import posted
from tests.support.nodes import TestNode
from tests.support.pages import text


def index() -> str:
    return f"{indices.AUDIT}-{timezone.now():%Y.%m}"


@contextmanager
def read_only(node: TestNode, settings: Settings) -> Iterator[str]:
    node.elastic.indices.put_settings(index=index(), settings={"index.blocks.write": True})
    try:
        yield "An index is read-only. An administrator must remove `index.blocks.write`"
    finally:
        node.elastic.indices.put_settings(index=index(), settings={"index.blocks.write": None})


@contextmanager
def closed(node: TestNode, settings: Settings) -> Iterator[str]:
    node.elastic.indices.close(index=index())
    try:
        yield "The audit index is closed."
    finally:
        node.elastic.indices.open(index=index())
        node.elastic.cluster.health(index=index(), wait_for_status="yellow")


@contextmanager
def refused(node: TestNode, settings: Settings) -> Iterator[str]:
    weak = {**own_roles.ROLES[own_roles.SERVICE], "indices": own_roles.ROLES[own_roles.SERVICE]["indices"][:1]}
    reading = {"names": [indices.AUDIT_PATTERN], "privileges": ["read"]}
    weak["indices"] = [*weak["indices"], reading]
    answer = node.elastic.security.create_api_key(name="weak", role_descriptors={"weak": weak}, refresh=True)
    settings.ELASTICSEARCH_API_KEY = answer["encoded"]
    try:
        yield "The API key of usermgmt can't write to the audit trail"
    finally:
        settings.ELASTICSEARCH_API_KEY = node.api_key


@contextmanager
def gone(node: TestNode, settings: Settings) -> Iterator[str]:
    """With its template: Elasticsearch would make another index at the next record, in which nothing can be found."""
    node.elastic.indices.delete(index=index())
    node.elastic.indices.delete_index_template(name=indices.AUDIT)
    try:
        yield "The audit index doesn't use the template of usermgmt"
    finally:
        list(cluster_setup.set_up(AdministratorClient("elastic", node.elastic_password)))


FAULTS = [read_only, closed, refused, gone]
POSTS: list[tuple[str, dict[str, Any]]] = [
    ("/users/create", {"username": "new", "password": PASSWORD, "confirm_password": PASSWORD}),
    ("/users/deactivate/jdoe", {}),
    ("/users/delete/jdoe", {}),
    ("/users/delete", {"username": ["jdoe"]}),
    ("/users/change-password/jdoe", {"password": "another-password", "confirm_password": "another-password"}),
    (
        "/account/change-password",
        {"current_password": PASSWORD, "password": "another-password", "confirm_password": "another-password"},
    ),
]


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_changed_without_a_record(
    node: TestNode, settings: Settings, signed_in: Callable[..., Client], fault: Callable[..., Any]
) -> None:
    ada = signed_in("ada")  # the index is there
    node.put_user("jdoe", full_name="Jane")
    edit = posted(ada, "/users/edit/jdoe", full_name="Janet")
    with fault(node, settings) as why:
        writes = node.writes()
        for path, data in [*POSTS, ("/users/edit/jdoe", edit)]:
            response = ada.post(path, data)
            assert response.status_code == 503, path
            assert "Not applied because the audit trail is unavailable" in response.content.decode(), path
            assert why in html.unescape(response.content.decode()), path
        assert node.writes() == writes
        assert "Jane" in text(ada, "/users/")
        assert "Jane" in text(ada, "/users/edit/jdoe")
        assert Client().post("/login", {"username": "ada", "password": PASSWORD}).status_code == 302
    assert ada.post("/users/deactivate/jdoe").status_code == 302


def deactivate(node: TestNode, ada: Client, index: str) -> str:
    """The page after the deactivation of jdoe, during which the index becomes read-only."""
    node.put_user("jdoe")
    disable = PersonClient.disable_user

    def then_the_index_breaks(self: PersonClient, **options: Any) -> Any:
        answer = disable(self, **options)
        node.elastic.indices.put_settings(index=index, settings={"index.blocks.write": True})
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PersonClient, "disable_user", then_the_index_breaks)
        try:
            return html.unescape(ada.post("/users/deactivate/jdoe", follow=True).content.decode())
        finally:
            node.elastic.indices.put_settings(index=index, settings={"index.blocks.write": None})


def test_missing_outcome_is_reported(node: TestNode, signed_in: Callable[..., Client]) -> None:
    page = deactivate(node, signed_in("ada"), index())
    assert "outcome of the change couldn't be written to the audit trail" in page
    assert node.user("jdoe") == {**(node.user("jdoe") or {}), "enabled": False}
    assert sessions.generation("jdoe"), "their sessions end all the same, by the same call"


def test_sessions_that_could_not_be_ended_are_logged(
    node: TestNode, signed_in: Callable[..., Client], caplog: pytest.LogCaptureFixture
) -> None:
    assert "Deactivated user" in deactivate(node, signed_in("ada"), indices.SESSIONS)
    assert f"rejected a write to {indices.SESSIONS} with the outcome of audit event" in caplog.text
    assert sessions.generation("jdoe") == ""


def test_the_key_changes_and_deletes_no_event(node: TestNode, signed_in: Callable[..., Client]) -> None:
    signed_in("ada")
    node.elastic.indices.refresh(index=index())
    before = node.elastic.search(index=index(), size=1000)["hits"]["hits"]
    event = before[-1]["_id"]
    key = Elasticsearch(node.url, api_key=node.api_key)
    attempts: dict[str, Callable[[], object]] = {
        "overwrite": lambda: key.index(index=index(), id=event, document={}),
        "update": lambda: key.update(index=index(), id=event, doc={"event": {"outcome": "success"}}),
        "delete": lambda: key.delete(index=index(), id=event),
        "delete index": lambda: key.indices.delete(index=index()),
        "close index": lambda: key.indices.close(index=index()),
        "settings": lambda: key.indices.put_settings(index=index(), settings={"index.blocks.write": True}),
        "template": lambda: key.indices.delete_index_template(name=indices.AUDIT),
        "alias": lambda: key.indices.put_alias(index=index(), name="forged"),
        "create again": lambda: key.create(index=index(), id=event, document={"event": {"action": "forged"}}),
    }
    for what, attempt in attempts.items():
        with pytest.raises(ApiError) as refusal:
            attempt()
        assert refusal.value.status_code == (409 if what == "create again" else 403), what
    # What _delete_by_query and _update_by_query would send; the nodes of the tests do not have these two.
    items = key.bulk(operations=[{"delete": {"_index": index(), "_id": event}}, {"index": {"_index": index(), "_id": event}}, {}])
    assert {next(iter(item.values()))["status"] for item in items["items"]} == {403}

    # Elasticsearch lets whoever may add documents add fields too (docs/audit.md); what was written stays as it is.
    key.indices.put_mapping(index=index(), properties={"added": {"type": "keyword"}})
    node.elastic.indices.refresh(index=index())
    assert node.elastic.search(index=index(), size=1000)["hits"]["hits"] == before
    assert audit.trail_start()
