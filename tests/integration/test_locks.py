"""Locks, as two processes would meet them."""

from datetime import timedelta

import pytest

from accounts.services import errors
from accounts.services.documents import indices, locks, store
from tests.support.nodes import TestNode


def test_lock_is_exclusive_and_released(node: TestNode) -> None:
    with locks.held("x"):
        with pytest.raises(errors.UserLocked), locks.held("x"):
            pass
        with locks.held("y"):
            pass
    with locks.held("x"):
        pass


def test_work_that_fails_gives_it_back(node: TestNode) -> None:
    with pytest.raises(errors.UserExists), locks.held("x"):
        raise errors.UserExists("x")
    with locks.held("x"):
        pass


def test_unknown_outcome_keeps_the_lock(node: TestNode) -> None:
    with pytest.raises(errors.OutcomeUnknown), locks.held("lost"):
        raise errors.OutcomeUnknown("no answer")
    with pytest.raises(errors.UserLocked), locks.held("lost"):
        pass


def test_the_lock_of_the_dead_is_taken_over(node: TestNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "LIFETIME", timedelta(0))
    locks._take("of-the-dead")
    locks._take("of-the-dead")


def test_of_two_who_take_it_over_one_waits(node: TestNode, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as dead:
        dead.setattr(locks, "LIFETIME", timedelta(0))
        locks._take("of-two")
        read = store.get
        old = [read(indices.LOCKS, locks._id("of-two"))]
        locks._take("of-two")  # the other one is quicker
    monkeypatch.setattr(store, "get", lambda *place: old.pop() if old else read(*place))
    with pytest.raises(errors.UserLocked):
        locks._take("of-two")
    with locks.held("of-two"):
        pass


def test_locks_reveal_no_username(node: TestNode) -> None:
    with locks.held("user jdoe"):
        node.elastic.indices.refresh(index=indices.LOCKS)
        assert "jdoe" not in str(node.elastic.search(index=indices.LOCKS))
