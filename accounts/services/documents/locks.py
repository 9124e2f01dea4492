"""Locks across processes, as documents: the process that creates the document holds the lock."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from http import HTTPStatus
from time import monotonic, sleep
from typing import Any

from django.utils import timezone

from accounts.services import errors
from accounts.services.client import setup_problems
from accounts.services.documents import damage, indices, store
from accounts.services.documents.store import Version

# Longer than all calls under a lock can take together, so only the lock of a killed process is ever taken over.
LIFETIME = timedelta(minutes=2)
SECONDS_BETWEEN_TRIES = 0.05


@contextmanager
def held(name: str, *, patience: float = 0, keeps_lock: bool = True) -> Iterator[None]:
    """Hold the lock with this name. Raises UserLocked when it is held for `patience` seconds, and Unavailable.

    When the outcome of the block is unknown, a call may still be running, so the lock isn't released but expires, unless
    `keeps_lock` is false.
    A recorded change takes its lock together with the event: `audit.recorded(…, lock=name)`.
    """
    _take_patiently(name, monotonic() + patience)
    try:
        yield
    except BaseException as exc:
        if not (keeps_lock and isinstance(exc, errors.OutcomeUnknown)):
            release(name)
        raise
    release(name)


def taking(name: str) -> list[dict[str, Any]]:
    """The `_bulk` operations that take the lock; `require_taken` checks the result."""
    return [{"create": {"_index": indices.LOCKS, "_id": _id(name)}}, _document()]


def require_taken(name: str, item: Mapping[str, Any], patience: float = 0) -> None:
    """Hold the lock after such a `_bulk`. Raises UserLocked when it is held for `patience` seconds, and Unavailable."""
    if item["status"] == HTTPStatus.CONFLICT:
        _take_patiently(name, monotonic() + patience)
    elif error := item.get("error"):
        raise setup_problems.of_error(error, item["status"]) or errors.Unavailable(f"{error['type']}: {error['reason']}")


def releasing(name: str) -> list[dict[str, Any]]:
    """The `_bulk` operations that release the lock."""
    return [{"delete": {"_index": indices.LOCKS, "_id": _id(name)}}]


def release(name: str) -> None:
    """Release the lock in a separate call."""
    try:
        store.delete(indices.LOCKS, _id(name))
    except errors.ServiceError:  # it expires; the work under it is done and must not be reported as failed
        pass


def _take_patiently(name: str, deadline: float) -> None:
    while True:
        try:
            return _take(name)
        except errors.UserLocked:
            if monotonic() >= deadline:
                raise
        sleep(SECONDS_BETWEEN_TRIES)


def _take(name: str) -> None:
    try:
        _write(name, None)
    except errors.Conflict:
        _take_over_expired(name)


def _write(name: str, version: Version | None) -> None:
    try:
        store.put(indices.LOCKS, _id(name), _document(), version)
    except errors.OutcomeUnknown as exc:  # only the lock is affected: nothing was done under it
        raise errors.Unavailable(str(exc)) from None


def _take_over_expired(name: str) -> None:
    """Replace an expired lock; the version check lets only one of two processes succeed. Raises UserLocked in the other."""
    old = store.get(indices.LOCKS, _id(name))
    if old is None:  # released a moment ago: the other change is applied, and a new read shows it
        raise errors.UserLocked("the lock was just released")
    if _is_held(old["_source"]):
        raise errors.UserLocked("the lock is held")
    try:
        _write(name, Version.of(old))
    except errors.Conflict:
        raise errors.UserLocked("another process took the expired lock") from None


def _is_held(source: Mapping[str, Any]) -> bool:
    """Another program may have written it without a time: nothing is done under such a lock, and it would never expire."""
    try:
        return datetime.fromisoformat(source["until"]) > timezone.now()
    except damage.ERRORS:
        return False


def _id(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _document() -> dict[str, str]:
    return {"until": (timezone.now() + LIFETIME).isoformat()}
