"""Long work in batches that any process can do, and none does twice: a document says how far it is.

Before a batch, a process claims the document for a short time, so that others wait; the claim of a killed process expires. The
version of the document decides: of two processes that finish the same batch, one is too late.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeVar

from django.utils import timezone

from accounts.services import errors

# How long others wait for a batch; longer than one takes.
CLAIMED_FOR: Final = timedelta(seconds=15)


@dataclass(frozen=True, kw_only=True)
class Claimable:
    """The part of such a document by which a process claims it."""

    claimed_until: datetime | None = None

    @property
    def is_claimed(self) -> bool:
        """Whether a process is working on a batch now."""
        return self.claimed_until is not None and self.claimed_until > timezone.now()


Work = TypeVar("Work", bound=Claimable)


def next_batch(work: Work, write: Callable[[Work], Work], do: Callable[[Work], Work]) -> Work | None:
    """Claim the document, do a batch, and store the document as it is then; None if another process does it or was first.

    `write` stores it over the version that was read, and raises Conflict. What `do` raises leaves the document as it was.
    """
    if work.is_claimed:
        return None
    try:
        claimed = write(replace(work, claimed_until=timezone.now() + CLAIMED_FOR))
    except errors.Conflict:
        return None
    try:
        done = do(claimed)
    except errors.ServiceError:
        with suppress(errors.ServiceError):  # the claim expires
            write(replace(claimed, claimed_until=None))
        raise
    try:
        return write(replace(done, claimed_until=None))
    except errors.Conflict:
        return None
