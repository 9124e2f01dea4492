"""The trail of changes, through the services, looked at on the node."""

from collections.abc import Callable

import pytest

from accounts.services import audit, errors, passwords, users
from accounts.services.client import PersonClient
from accounts.services.documents import indices, locks
from accounts.services.users import User
from tests.support.cast import PASSWORD
from tests.support.nodes import TestNode
from tests.support.traces import trail


@pytest.fixture
def ada(person: Callable[[str], PersonClient]) -> PersonClient:
    return person("ada")


def test_each_change_is_recorded_with_its_outcome(node: TestNode, ada: PersonClient) -> None:
    jane = User("jane", "Jane", "jane@example.org", ("viewer",))
    users.create(ada, jane, PASSWORD)
    users.update(ada, jane, User("jane", "Jane", "", ("editor", "viewer")))
    users.disable(ada, "jane")
    users.enable(ada, "jane")
    passwords.change(ada, "jane", "another-password")
    users.delete(ada, "jane")

    events = trail(node, kind="user", target="jane")[-6:]
    assert [event.action for event in events] == [
        "user-create",
        "user-update",
        "user-disable",
        "user-enable",
        "password-change",
        "user-delete",
    ]
    assert {(event.actor.username, event.outcome) for event in events} == {("ada", "success")}
    assert events[1].changes == {"email": ("jane@example.org", None), "roles": (["viewer"], ["editor", "viewer"])}
    assert events[2].changes == {"enabled": (True, False)}
    assert events[4].changes == {}
    assert events[5].changes["roles"] == (["editor", "viewer"], None)


def test_what_fails_is_a_failure(node: TestNode, ada: PersonClient) -> None:
    users.create(ada, User("kim"), PASSWORD)
    with pytest.raises(errors.UserExists):
        users.create(ada, User("kim"), PASSWORD)
    with pytest.raises(errors.EditConflict):
        users.update(ada, User("kim", "Another"), User("kim", "Kim"))
    with pytest.raises(errors.UserLocked), locks.held("user kim"):
        users.update(ada, User("kim"), User("kim", "Kim"))

    found = [(event.outcome, event.reason) for event in trail(node, target="kim")[-3:]]
    assert found == [("failure", "user_exists"), ("failure", "edit_conflict"), ("failure", "user_locked")]
    with locks.held("user kim"):  # nobody holds it any more
        pass


@pytest.mark.parametrize(
    ("error", "outcome"), [(errors.OutcomeUnknown("lost"), "unknown"), (KeyError("a fault of ours"), "unknown")]
)
def test_unknown_outcome_keeps_the_lock(node: TestNode, ada: PersonClient, error: Exception, outcome: str) -> None:
    with pytest.raises(type(error)), audit.recorded(ada, audit.Action.USER_UPDATE, "lost", lock=f"user {outcome} {error}"):
        raise error
    assert trail(node, target="lost")[-1].outcome == outcome
    with pytest.raises(errors.UserLocked), locks.held(f"user {outcome} {error}"):
        pass


def test_recorded_unknown_outcome_is_not_a_missing_one(node: TestNode, ada: PersonClient) -> None:
    """A lost response isn't a killed server: what was known by then is shown, with the time."""
    details = {"sessions": "3"}

    def change() -> None:
        with audit.recorded(ada, audit.Action.USER_UPDATE, "lost", details=details):
            details["sessions"] = "2"
            raise errors.OutcomeUnknown("lost")

    with pytest.raises(errors.OutcomeUnknown):
        change()
    found = trail(node, target="lost", outcome="unknown")[-1]
    assert (found.stage, found.outcome, found.reason) == ("outcome", "unknown", "outcome_unknown")
    assert found.details == {"sessions": "2"}
    assert found.ended
    assert found.ended > found.moment
    audit.record_verification(found, ada.actor, "success", "Verified: the change was applied.")
    found = trail(node, target="lost", action="user-update")[-1]
    assert (found.stage, found.outcome, found.details) == ("verified", "success", {"sessions": "2"})


def test_change_takes_at_most_five_calls(node: TestNode, ada: PersonClient, calls: list[str]) -> None:
    jane = User("jane", "Jane", roles=("viewer",))
    changes: list[tuple[Callable[[], object], int]] = [
        (lambda: users.create(ada, jane, PASSWORD), 4),
        (lambda: users.update(ada, jane, User("jane", "Janet", roles=("viewer",))), 4),
        (lambda: users.enable(ada, "jane", jane), 3),
    ]
    for change, most in changes:
        calls.clear()
        change()
        assert len(calls) == most, calls


def test_moments_of_users(node: TestNode, ada: PersonClient) -> None:
    users.create(ada, User("new"), PASSWORD)
    users.create(ada, User("again"), PASSWORD)
    users.delete(ada, "again")
    created = trail(node, target="new")[-1].ended
    assert created is not None
    passwords.change(ada, "new", "another-password")
    node.elastic.indices.refresh(index=indices.AUDIT_PATTERN, expand_wildcards="all")

    known = audit.activity_of(["new", "again", "nobody"])
    assert known.keys() == {"new", "again"}
    assert known["again"] == audit.UserActivity(since=known["again"].since)
    assert known["new"].created
    assert abs((known["new"].created - created).total_seconds()) < 0.01
    assert known["new"].password_changed
    assert known["new"].password_changed > known["new"].created
    begins = audit.trail_start()
    assert begins
    assert begins < known["new"].created
