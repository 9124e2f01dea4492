"""What can be taken back from an event of the audit trail, and to which values."""

import json
from dataclasses import replace
from typing import Any

import pytest

from accounts.services import errors
from accounts.services.audit import Action, Event
from accounts.services.request_context import Actor
from accounts.services.users import User, changed_fields, restores

WAS = User("jdoe", full_name="Jane", roles=("viewer", "editor"), metadata={"a": 1, "b": 1, "c": 1, "_own": 1})
NOW = replace(WAS, full_name="Janet", roles=("editor", "superuser"), metadata={"a": 2, "c": 1, "d": 1, "_own": 1})


def event(was: User | None, now: User | None, action: str = Action.USER_UPDATE, outcome: Any = "success", **more: Any) -> Event:
    """As it is read from the audit trail."""
    made = Event.now(Actor("ada"), action, "jdoe", "user", outcome=outcome, changes=changed_fields(was, now), **more)
    return Event.of({"_source": made.document(), "_index": made.index})


def restored(event: Event, user: User) -> dict[str, Any]:
    return {field.name: field.restored for field in restores.fields(event, user)}


def test_an_edit_is_taken_back() -> None:
    assert restores.denial_reason(event(WAS, NOW)) == ""
    found = restores.fields(event(WAS, NOW), NOW)
    assert [(field.name, field.is_change, field.is_changed_since) for field in found] == [
        ("full_name", True, False),
        ("roles", True, False),
        ("metadata", True, False),
    ]
    user = restores.restored_user(NOW, restored(event(WAS, NOW), NOW))
    assert changed_fields(user, WAS) == {}


def test_roles_and_keys_that_were_changed_since_stay() -> None:
    since = replace(NOW, full_name="Joan", roles=("superuser", "monitor"), metadata={"a": 3, "c": 2, "d": 1, "e": 1})
    assert restored(event(WAS, NOW), since) == {
        "full_name": "Jane",
        "roles": ["monitor", "viewer"],
        "metadata": {"a": 1, "b": 1, "c": 2, "e": 1},
    }
    assert all(field.is_changed_since for field in restores.fields(event(WAS, NOW), since))


def test_all_metadata_that_a_failed_edit_erased_is_taken_back() -> None:
    erased = event(WAS, NOW, outcome="failure", reason=errors.MetadataErased.code)
    user = replace(NOW, metadata={})
    (metadata,) = (field for field in restores.fields(erased, user) if field.name == "metadata")
    assert not metadata.is_changed_since
    assert metadata.restored == {"a": 1, "b": 1, "c": 1}


def test_nothing_is_left_to_restore() -> None:
    assert not any(field.is_change for field in restores.fields(event(WAS, NOW), WAS))


def test_a_deleted_user_is_as_before() -> None:
    deletion = event(WAS, None, Action.USER_DELETE)
    assert restores.denial_reason(deletion) == ""
    assert changed_fields(restores.deleted_user(deletion), WAS) == {}
    empty = User("jdoe", enabled=False)
    assert restores.deleted_user(event(empty, None, Action.USER_DELETE)) == empty


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (event(WAS, NOW, outcome=""), restores.IN_PROGRESS),
        (event(WAS, NOW, outcome="failure", reason="conflict"), restores.NOT_CHANGED),
        (event(WAS, NOW, outcome="failure", reason=errors.MetadataErased.code), ""),
        (event(WAS, NOW, outcome="unknown"), ""),
        (event(WAS, WAS), restores.NOT_RECORDED),
        (event(None, NOW), restores.NOT_RECORDED),
        (replace(event(WAS, NOW), changes={"enabled": (None, False)}), restores.NOT_RECORDED),
        (replace(event(WAS, None, Action.USER_DELETE), changes={"full_name": ("Jane", None)}), restores.NOT_RECORDED),
    ],
)
def test_what_the_audit_trail_lacks_isnt_offered(given: Event, reason: str) -> None:
    assert restores.denial_reason(given) == reason
    assert restores.is_restorable(given) is (reason == "")


def test_only_changes_of_users_can_be_restored() -> None:
    assert not restores.is_restorable(event(None, NOW, Action.USER_CREATE))
    assert not restores.is_restorable(replace(event(WAS, NOW), kind="api_key"))


@pytest.mark.parametrize(
    "other", [replace(NOW, email="a@b"), replace(NOW, enabled=False), replace(NOW, metadata={**NOW.metadata, "a": True})]
)
def test_the_state_of_a_user_changes_with_every_field(other: User) -> None:
    edit = event(WAS, NOW)
    assert restores.state(edit, NOW) == restores.state(edit, replace(NOW, roles=("superuser", "editor")))
    assert restores.state(edit, other) != restores.state(edit, NOW)
    assert restores.state(event(other, NOW), NOW) != restores.state(edit, NOW), "what the page showed would no longer be true"


def test_metadata_is_recorded_as_json() -> None:
    assert json.loads(event(WAS, NOW).changes["metadata"][0]) == {"a": 1, "b": 1, "c": 1}
