"""What is the same for everybody with the same privileges and rarely changes, kept for a few seconds in this process."""

import time
from collections.abc import Callable
from functools import wraps
from threading import Lock
from typing import Final, TypeVar

from django.conf import settings

from accounts.services.client.clients import PersonClient

T = TypeVar("T")


class _CachedRead:
    """One answer, and who is asking for the next: while one does, the others go on with what they have."""

    def __init__(self) -> None:
        self._asking = Lock()
        self._until = 0.0
        self._answers: tuple[object, ...] = ()  # one, or none yet

    def get(self, read: Callable[[], object]) -> object:
        if time.monotonic() >= self._until and not (self._answers and self._asking.locked()):
            with self._asking:
                if time.monotonic() >= self._until:
                    self._answers = (read(),)
                    self._until = time.monotonic() + settings.CACHE_SECONDS
        return self._answers[0]


# What was being read when something changed stays in a `_Kept` that nobody finds any more.
_answers: Final[dict[tuple[object, ...], _CachedRead]] = {}


def cached_per_scope(read: Callable[[PersonClient], T]) -> Callable[[PersonClient], T]:
    """Ask the cluster once in `CACHE_SECONDS` for all who may see the same; for a person of unknown privileges, each time."""

    @wraps(read)
    def once(client: PersonClient) -> T:
        if client.scope is None:
            return read(client)
        answer = _answers.setdefault((once, client.scope, tuple(settings.ELASTICSEARCH_HOSTS)), _CachedRead())
        return answer.get(lambda: read(client))  # type: ignore[return-value]

    return once


def invalidate(read: Callable[[PersonClient], object] | None = None) -> None:
    """Ask anew at the next time, only what `read` gives or everything: this process has changed something of it."""
    for key in list(_answers):
        if read in (None, key[0]):
            _answers.pop(key, None)
