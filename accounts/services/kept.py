"""What is the same for everybody with the same privileges and rarely changes, kept for a few seconds in this process."""

import time
from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from django.conf import settings

from accounts.services.connection import Person

T = TypeVar("T")

_answers: dict[object, tuple[float, object]] = {}


def kept(read: Callable[[Person], T]) -> Callable[[Person], T]:
    """Ask the cluster once in `KEPT_SECONDS` for all who may see the same; for a person of unknown privileges, each time."""

    @wraps(read)
    def once(connection: Person) -> T:
        if connection.scope is None:
            return read(connection)
        key = (read, connection.scope, tuple(settings.ELASTICSEARCH_HOSTS))
        until, answer = _answers.get(key, (0.0, None))
        if time.monotonic() >= until:
            answer = read(connection)
            _answers[key] = (time.monotonic() + settings.KEPT_SECONDS, answer)
        return answer  # type: ignore[return-value]

    return once


def forget() -> None:
    """Ask anew at the next time: this process has changed something of it."""
    _answers.clear()
