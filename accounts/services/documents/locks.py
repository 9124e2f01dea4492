"""Exclusive rights across processes, as documents: whoever creates the document holds the lock."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from django.utils import timezone

from accounts.services import errors
from accounts.services.documents import indices, store
from accounts.services.documents.store import Version

# Longer than the calls that are made under a lock may take together, so that only a dead holder's lock is ever broken.
LIFETIME = timedelta(minutes=2)


@contextmanager
def held(name: str) -> Iterator[None]:
    """Hold the lock of that name. Raises UserLocked when somebody else does, and Unavailable.

    It is not given back when the outcome of the work is unknown: the call may still be on its way. It ends by itself.
    A change that is recorded takes its lock together with the record: `audit.recorded(…, lock=name)`.
    """
    _take(name)
    try:
        yield
    except errors.OutcomeUnknown:
        raise
    except BaseException:
        give_back(name)
        raise
    give_back(name)


def taking(name: str) -> list[dict[str, Any]]:
    """What `_bulk` needs to take it; `demand_taken` reads the answer."""
    return [{"create": {"_index": indices.LOCKS, "_id": _id(name)}}, _document()]


def demand_taken(name: str, item: Mapping[str, Any]) -> None:
    """Hold the lock after such a `_bulk`. Raises UserLocked when somebody else does, and Unavailable."""
    if item["status"] == HTTPStatus.CONFLICT:
        _take_over_from_the_dead(name)
    elif error := item.get("error"):
        raise errors.Unavailable(f"{error['type']}: {error['reason']}")


def giving_back(name: str) -> list[dict[str, Any]]:
    """What `_bulk` needs to give it back."""
    return [{"delete": {"_index": indices.LOCKS, "_id": _id(name)}}]


def give_back(name: str) -> None:
    """Give it back by a call of its own."""
    try:
        store.delete(indices.LOCKS, _id(name))
    except errors.ServiceError:  # it ends by itself; the work under it is done, and must not be reported as failed
        pass


def _take(name: str) -> None:
    try:
        store.put(indices.LOCKS, _id(name), _document(), None)
    except errors.Conflict:
        _take_over_from_the_dead(name)
    except errors.OutcomeUnknown as exc:  # of the lock alone: nothing was done under it
        raise errors.Unavailable(str(exc)) from None


def _take_over_from_the_dead(name: str) -> None:
    """Replace a lock that has outlived its time; of two who try, the version lets one."""
    old = store.get(indices.LOCKS, _id(name))
    if old is None:  # given back a moment ago: its work is done, and the caller will see it
        raise errors.UserLocked("the lock was just given back")
    if datetime.fromisoformat(old["_source"]["until"]) > timezone.now():
        raise errors.UserLocked("the lock is held")
    store.put(indices.LOCKS, _id(name), _document(), Version.of(old))


def _id(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _document() -> dict[str, str]:
    return {"until": (timezone.now() + LIFETIME).isoformat()}
