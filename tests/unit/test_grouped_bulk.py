"""Bulk requests that are sent together: each thread gets its own results, or the error."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import pytest

from accounts.services import errors
from accounts.services.documents import store

Results = list[Mapping[str, Any]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The IDs of each call. The first call takes until two more requests wait; a call with the ID "fails" does so."""
    calls: list[list[str]] = []

    def send(client: object, operations: Sequence[Mapping[str, Any]], options: object) -> Results:
        ids = [action["_id"] for operation in operations for action in operation.values() if "_id" in action]
        calls.append(ids)
        group = store._group.get()
        assert group
        while len(calls) == 1 and len(group._waiting) < 2:
            time.sleep(0.001)
        if "fails" in ids:
            raise errors.Unavailable("down")
        return [{"_id": id, "status": 200} for id in ids]

    monkeypatch.setattr(store, "_bulk", send)
    monkeypatch.setattr(store, "service_client", lambda: None)
    return calls


def send_all(*requests: list[dict[str, Any]], threads: int = 1) -> list[Future[Results]]:
    with store.grouped_bulk(threads), ThreadPoolExecutor(len(requests)) as pool:
        return [pool.submit(copy_context().run, store.bulk, request) for request in requests]


def create(*ids: str) -> list[dict[str, Any]]:
    operations: list[dict[str, Any]] = []
    for id in ids:
        operations += [{"create": {"_id": id}}, {"field": {}}]
    return operations


def ids(results: Results) -> list[str]:
    return [result["_id"] for result in results]


def test_each_gets_its_own_results(sent: list[list[str]]) -> None:
    found = send_all(create("a"), create("b", "c"), [{"delete": {"_id": "d"}}, *create("e")])
    assert [ids(future.result()) for future in found] == [["a"], ["b", "c"], ["d", "e"]]
    assert len(sent) == 2
    assert sorted(id for call in sent for id in call) == ["a", "b", "c", "d", "e"]
    assert store._group.get() is None


def test_they_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def send(client: object, operations: Sequence[Mapping[str, Any]], options: object) -> Results:
        calls.append(len(operations) // 2)
        return [{"status": 200}] * calls[-1]

    monkeypatch.setattr(store, "_bulk", send)
    monkeypatch.setattr(store, "service_client", lambda: None)
    monkeypatch.setattr(store, "SECONDS_FOR_GROUP", 600)
    send_all(create("a"), create("b"), create("c"), threads=3)
    assert calls == [3]
    monkeypatch.setattr(store, "SECONDS_FOR_GROUP", 0.001)
    send_all(create("a"), threads=3)
    assert calls == [3, 1], "but not for ever"


def test_at_the_end_they_wait_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is there is sent, whether its thread waits already or not."""
    calls: list[int] = []

    def send(client: object, operations: Sequence[Mapping[str, Any]], options: object) -> Results:
        calls.append(len(operations) // 2)
        return [{"status": 200}] * calls[-1]

    monkeypatch.setattr(store, "_bulk", send)
    monkeypatch.setattr(store, "service_client", lambda: None)
    monkeypatch.setattr(store, "SECONDS_FOR_GROUP", 600)
    with store.grouped_bulk(3) as group, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(copy_context().run, store.bulk, create("a"))
        while not group._is_sending:
            time.sleep(0.001)
        group.wait_no_more()
        waiting.result(timeout=60)
        pool.submit(copy_context().run, store.bulk, create("b")).result(timeout=60)
    assert calls == [1, 1]


def test_each_gets_the_error(sent: list[list[str]]) -> None:
    first, *others = send_all(create("first"), create("a"), create("fails"))
    lost = [future for future in (first, *others) if future.exception()]
    assert len(lost) == len(next(call for call in sent if "fails" in call))
    assert {type(future.exception()) for future in lost} == {errors.Unavailable}


def test_an_incomplete_response_leaves_nobody_waiting(sent: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    complete = store._bulk
    monkeypatch.setattr(store, "_bulk", lambda *call: complete(*call)[: -1 if len(sent) > 1 else None])
    first, *others = send_all(create("first"), create("a"), create("b"))
    assert sum(isinstance(future.exception(), errors.OutcomeUnknown) for future in (first, *others)) == 2
