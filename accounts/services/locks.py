"""Exclusive rights across processes, as documents: whoever creates the document holds the lock."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.utils import timezone

from accounts.services import errors, indices
from accounts.services.connection import service

# Longer than the calls that are made under a lock may take together, so that only a dead holder's lock is ever broken.
LIFETIME = timedelta(minutes=2)


@contextmanager
def held(name: str) -> Iterator[None]:
    """Hold the lock of that name. Raises Busy when somebody else does, and Unavailable.

    It is not given back when the outcome of the work is unknown: the call may still be on its way. It ends by itself.
    """
    document_id = hashlib.sha256(name.encode()).hexdigest()
    _take(document_id)
    try:
        yield
    except errors.OutcomeUnknown:
        raise
    except BaseException:
        _give_back(document_id)
        raise
    _give_back(document_id)


def _take(document_id: str) -> None:
    document = {"until": (timezone.now() + LIFETIME).isoformat()}
    try:
        service().create(index=indices.LOCKS, id=document_id, document=document)
    except errors.Conflict:
        _take_over_from_the_dead(document_id, document)
    except errors.OutcomeUnknown as exc:  # of the lock alone: nothing was done under it
        raise errors.Unavailable(str(exc)) from None


def _take_over_from_the_dead(document_id: str, document: dict[str, str]) -> None:
    """Replace a lock that has outlived its time; of two who try, the version lets one."""
    try:
        old = service().get(index=indices.LOCKS, id=document_id)
    except errors.NotFound:  # given back a moment ago: its work is done, and the caller will see it
        raise errors.Busy("the lock was just given back") from None
    if datetime.fromisoformat(old["_source"]["until"]) > timezone.now():
        raise errors.Busy("the lock is held")
    service().index(
        index=indices.LOCKS, id=document_id, document=document, if_seq_no=old["_seq_no"], if_primary_term=old["_primary_term"]
    )


def _give_back(document_id: str) -> None:
    try:
        service().delete(index=indices.LOCKS, id=document_id)
    except errors.ServiceError:  # it ends by itself; the work under it is done, and must not be reported as failed
        pass
