"""Metadata in the form of a user: keys are added, changed, and removed, and nothing is lost if Elasticsearch fails in between."""

import html
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.services import audit, compare, errors, users
from accounts.services.audit import replay
from accounts.services.client import PersonClient
from accounts.services.users import User, outcomes, restores, trail_check
from tests.support.cast import PASSWORD
from tests.support.faults import LOST, FaultyNode, faulty
from tests.support.forms import fields, posted
from tests.support.nodes import TestNode
from tests.support.pages import text
from tests.support.traces import trail

SignIn = Callable[..., Client]
URL = "/users/edit/jdoe"
PUT = "PUT /_security/user/jdoe"
STORED: dict[str, Any] = {"badge": 7.0, "desk": {"floor": 2, "room": None}, "note": "a\r\nb", "sales": True}
# Rows are sorted by key.
REMOVE_FLOOR = {"metadata-1-value": '{"room": null}'}
NEW_KEY = {"metadata-4-key": "new key", "metadata-4-type": "json", "metadata-4-value": '["x", 1]'}


def stored(node: TestNode) -> Any:
    return (node.user("jdoe") or {})["metadata"]


def test_keys_are_added_changed_and_really_removed(node: TestNode, signed_in: SignIn) -> None:
    node.put_user("jdoe", roles=["viewer"], enabled=False, full_name="Jane", metadata=STORED)
    ada = signed_in("ada")
    calls = node.writes()
    assert ada.post(URL, posted(ada, URL, **NEW_KEY)).status_code == 302
    assert stored(node) == {**STORED, "new key": ["x", 1]}
    assert node.writes() - calls == 1

    changes = {"metadata-0-DELETE": "on", "metadata-4-key": "is sales", "metadata-2-type": "text", **REMOVE_FLOOR}
    assert ada.post(URL, posted(ada, URL, full_name="Janet", **changes)).status_code == 302
    assert stored(node) == {"desk": {"room": None}, "note": "a\r\nb", "new key": '[\n  "x",\n  1\n]', "is sales": True}
    user = node.user("jdoe") or {}
    assert (user["full_name"], user["enabled"], user["roles"]) == ("Janet", False, ["viewer"])
    event = trail(node, target="jdoe")[-1]
    assert (event.action, event.outcome, set(event.changes)) == ("user-update", "success", {"full_name", "metadata"})
    assert '"badge": 7.0' in event.changes["metadata"][0]
    assert "badge" not in event.changes["metadata"][1]

    assert ada.post(URL, posted(ada, URL, **{f"metadata-{row}-DELETE": "on" for row in range(4)})).status_code == 302
    assert stored(node) == {}
    assert "No metadata." in text(signed_in("otto"), URL)
    node.put_user("jdoe", metadata=STORED)
    assert '"floor": 2' in text(signed_in("otto"), URL)


def test_errors_and_conflicts_keep_what_was_typed(node: TestNode, signed_in: SignIn) -> None:
    node.put_user("jdoe", metadata=STORED)
    ada = signed_in("ada")
    response = ada.post(URL, posted(ada, URL, **{**NEW_KEY, "metadata-4-value": "{x"}))
    page = html.unescape(response.content.decode())
    assert response.status_code == 422
    assert "Metadata</a>: new key: Enter valid JSON" in page
    assert "{x</textarea>" in page

    form = posted(ada, URL, **{**NEW_KEY, **REMOVE_FLOOR, "metadata-0-DELETE": "on"})
    node.elastic.security.put_user(username="jdoe", roles=[], metadata={"note": "other"})
    response = ada.post(URL, form)
    page = html.unescape(response.content.decode())
    assert response.status_code == 409
    assert "Metadata “note”" in page
    assert stored(node) == {**STORED, "note": "other"}
    assert ada.post(URL, fields(response.content.decode())).status_code == 302
    assert stored(node) == {"desk": {"room": None}, "note": "other", "sales": True, "new key": ["x", 1]}


def test_a_user_who_was_deleted_can_be_created_with_what_was_typed(node: TestNode, signed_in: SignIn) -> None:
    node.put_user("jdoe", metadata=STORED)
    ada = signed_in("ada")
    form = posted(ada, URL, **{**NEW_KEY, "metadata-0-DELETE": "on"})
    node.elastic.security.delete_user(username="jdoe")
    page = html.unescape(ada.post(URL, form).content.decode())
    assert "Metadata “new key”" in page
    assert "Metadata “badge”" not in page
    response = ada.post("/users/create", {**form, "username": "jdoe"})
    assert response.status_code == 422
    form = fields(response.content.decode())
    assert ada.post("/users/create", {**form, "password": PASSWORD, "confirm_password": PASSWORD}).status_code == 302
    assert stored(node) == {**{key: STORED[key] for key in STORED if key != "badge"}, "note": "a\nb", "new key": ["x", 1]}


@pytest.fixture
def fault(node: TestNode, settings: Settings) -> Iterator[FaultyNode]:
    with faulty(node) as server:
        settings.ELASTICSEARCH_HOSTS = [server.url]
        yield server


@pytest.mark.parametrize(("status", "code", "title"), [(503, 503, "was not written"), (LOST, 504, "did not confirm")])
def test_nothing_is_lost_if_the_metadata_isnt_written_again(
    node: TestNode, fault: FaultyNode, signed_in: SignIn, status: int, code: int, title: str
) -> None:
    node.put_user("jdoe", metadata=STORED)
    ada = signed_in("ada")
    fault.answers[PUT], fault.passes[PUT] = status, 2  # the first writes what is new, the second erases
    if status == LOST:  # before the node gets it
        fault.answers[PUT] = 500
    response = ada.post(URL, posted(ada, URL, **{**NEW_KEY, **REMOVE_FLOOR}))
    page = html.unescape(response.content.decode())
    assert response.status_code == code
    assert title in page
    assert "metadataNotWritten" in page
    assert stored(node) == {}
    event = trail(node, target="jdoe")[-1]
    assert (event.outcome, event.reason) == (("failure", "metadata_erased") if code == 503 else ("unknown", "metadata_unknown"))

    del fault.answers[PUT]
    if code == 504:  # the lock of a change that may be on its way expires later
        node.forget()
        ada = signed_in("ada")
    assert ada.post(URL, fields(response.content.decode())).status_code == 302
    # What a browser posts of a text that isn't stored anymore.
    assert stored(node) == {**STORED, "note": "a\nb", "desk": {"room": None}, "new key": ["x", 1]}


def test_failure_that_erased_the_metadata_is_a_change_that_was_made(
    node: TestNode, fault: FaultyNode, person: Callable[[str], PersonClient]
) -> None:
    ada, otto = person("ada"), person("otto")
    made = User("jdoe", roles=("viewer",), metadata={"a": 1, "b": 2})
    users.create(ada, made, PASSWORD)
    changes = {"email": (None, "lost@example.org")}
    with pytest.raises(errors.OutcomeUnknown), audit.recorded(ada, audit.Action.USER_UPDATE, "jdoe", changes=changes) as lost:
        raise errors.OutcomeUnknown("lost")
    trail(node)
    since = datetime.now(UTC)
    fault.answers[PUT], fault.passes[PUT] = 503, 1
    with pytest.raises(errors.MetadataErased):
        users.update_all(ada, made, replace(made, roles=("superuser",), metadata={"a": 1}), replaces_metadata=True)
    del fault.answers[PUT]
    event = trail(node, target="jdoe")[-1]
    assert (event.outcome, event.reason) == ("failure", "metadata_erased")

    past = compare.between(otto, since)
    (difference,) = past.comparison.differences
    assert [field.name for field in difference.fields] == ["Roles", "Can manage users"]
    assert difference.by[0].startswith("ada (Update user, ")
    assert not past.changed_elsewhere
    assert audit.count_without_failures(audit.Query(target="jdoe", since=since)) == 1
    replayed = replay.users()["jdoe"]
    assert (replayed.fields["roles"], replayed.fields["metadata"]) == (["superuser"], None)
    assert not [each for each in trail_check.check(otto).differences if each.username == "jdoe"]
    assert outcomes.verify_outcome(ada, lost.id).reason == outcomes.CHANGED_SINCE
    restored = {field.name: field for field in restores.fields(event, users.get(ada, "jdoe"))}
    assert restored["metadata"].restored == {"a": 1, "b": 2}
    assert not restored["metadata"].is_changed_since


def test_what_was_applied_before_the_removal_was_rejected_is_not_called_unchanged(
    node: TestNode, fault: FaultyNode, signed_in: SignIn
) -> None:
    node.put_user("jdoe", metadata=STORED)
    ada = signed_in("ada")
    fault.answers[PUT], fault.passes[PUT] = 503, 1  # the first writes what is new
    response = ada.post(URL, posted(ada, URL, **{**NEW_KEY, **REMOVE_FLOOR}))
    assert stored(node)["new key"] == ["x", 1]
    assert "Nothing was changed" not in html.unescape(response.content.decode())
    event = trail(node, target="jdoe")[-1]
    assert (event.outcome, event.reason) == ("unknown", "metadata_unknown")


def test_a_rejected_value_erases_nothing(node: TestNode, fault: FaultyNode, signed_in: SignIn) -> None:
    node.put_user("jdoe", metadata=STORED)
    ada = signed_in("ada")
    fault.answers[PUT] = 400
    response = ada.post(URL, posted(ada, URL, **{**NEW_KEY, "metadata-0-DELETE": "on"}))
    assert response.status_code == 422
    assert stored(node) == STORED


def test_keys_with_an_underscore_stay(node: TestNode, signed_in: SignIn) -> None:
    node.put_user("jdoe", metadata={"team": "a", "badge": 7})
    body = {"doc": {"metadata": {"_system": 1}}}
    role: Any = [{"names": [".security*"], "privileges": ["all"], "allow_restricted_indices": True}]
    node.elastic.security.put_role(name="restricted_writer", indices=role)
    node.put_user("writer", roles=["restricted_writer"])
    writer = node.elastic.options(basic_auth=("writer", PASSWORD))
    headers = {"content-type": "application/json", "accept": "application/json"}
    writer.perform_request("POST", "/.security/_update/user-jdoe?refresh=true", body=body, headers=headers)
    node.elastic.security.delete_role(name="restricted_writer")
    ada = signed_in("ada")
    assert "_system (read-only)" in text(ada, URL)

    assert ada.post(URL, posted(ada, URL, **{"metadata-1-value": "b"})).status_code == 302
    assert stored(node) == {"team": "b", "badge": 7, "_system": 1}
    response = ada.post(URL, posted(ada, URL, **{"metadata-0-DELETE": "on"}))
    assert response.status_code == 422
    assert "you can't remove keys" in html.unescape(response.content.decode())
    assert stored(node) == {"team": "b", "badge": 7, "_system": 1}
