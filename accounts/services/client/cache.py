"""What is the same for everybody with the same privileges and rarely changes, kept for a few seconds in this process."""

import time
from collections.abc import Callable
from functools import wraps
from threading import Lock
from typing import Final, TypeVar

from django.conf import settings

from accounts.services.connection import Person

T = TypeVar("T")


class _Kept:
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
                    self._until = time.monotonic() + settings.KEPT_SECONDS
        return self._answers[0]


# What was being read when something changed stays in a `_Kept` that nobody finds any more.
_answers: Final[dict[tuple[object, ...], _Kept]] = {}


def kept(read: Callable[[Person], T]) -> Callable[[Person], T]:
    """Ask the cluster once in `KEPT_SECONDS` for all who may see the same; for a person of unknown privileges, each time."""

    @wraps(read)
    def once(connection: Person) -> T:
        if connection.scope is None:
            return read(connection)
        answer = _answers.setdefault((once, connection.scope, tuple(settings.ELASTICSEARCH_HOSTS)), _Kept())
        return answer.get(lambda: read(connection))  # type: ignore[return-value]

    return once


def forget(read: Callable[[Person], object] | None = None) -> None:
    """Ask anew at the next time, only what `read` gives or everything: this process has changed something of it."""
    for key in list(_answers):
        if read in (None, key[0]):
            _answers.pop(key, None)
