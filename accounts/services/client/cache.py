"""What this process caches: answers of Elasticsearch for a few seconds, and what it derived for some minutes."""

import time
from collections.abc import Callable, Hashable
from functools import wraps
from threading import Lock
from typing import Final, Generic, TypeVar

from cachetools import TTLCache
from django.conf import settings

from accounts.services.client.clients import PersonClient

T = TypeVar("T")


class _CachedRead:
    """One cached answer. While one thread reads it again, the others use the previous one."""

    def __init__(self) -> None:
        self._reading = Lock()
        self._expires = 0.0
        self._answers: tuple[object, ...] = ()  # one, or none yet

    def get(self, read: Callable[[], object]) -> object:
        if time.monotonic() >= self._expires and not (self._answers and self._reading.locked()):
            with self._reading:
                if time.monotonic() >= self._expires:
                    self._answers = (read(),)
                    self._expires = time.monotonic() + settings.CACHE_SECONDS
        return self._answers[0]


# `invalidate` drops the whole object, so an answer that is being read at that moment is never used.
_reads: Final[dict[tuple[object, ...], _CachedRead]] = {}


def cached_per_scope(read: Callable[[PersonClient], T]) -> Callable[[PersonClient], T]:
    """Cache what `read` returns for CACHE_SECONDS, for all users with the same privileges; without a known scope, never."""

    @wraps(read)
    def cached(client: PersonClient) -> T:
        if client.scope is None:
            return read(client)
        answer = _reads.setdefault((cached, client.scope, tuple(settings.ELASTICSEARCH_HOSTS)), _CachedRead())
        return answer.get(lambda: read(client))  # type: ignore[return-value]

    return cached


def cached_for_service(read: Callable[[], T]) -> Callable[[], T]:
    """Cache what `read` returns with the API key of usermgmt for CACHE_SECONDS."""

    @wraps(read)
    def cached() -> T:
        key = (cached, settings.ELASTICSEARCH_API_KEY, tuple(settings.ELASTICSEARCH_HOSTS))
        return _reads.setdefault(key, _CachedRead()).get(read)  # type: ignore[return-value]

    return cached


def invalidate(read: Callable[[PersonClient], object] | None = None) -> None:
    """Forget the answers of `read`, or all of them: after a change by this process."""
    for key in list(_reads):
        if read in (None, key[0]):
            _reads.pop(key, None)


class MemoryCache(Generic[T]):
    """Up to `maxsize` values, each for up to `ttl` seconds, for all threads; evicts the least recently used.

    Values are returned without a copy and must not be modified.
    """

    def __init__(self, maxsize: int, ttl: float) -> None:
        self._values: TTLCache[Hashable, T] = TTLCache(maxsize, ttl)
        self._lock = Lock()

    def get(self, key: Hashable) -> T | None:
        with self._lock:
            return self._values.get(key)

    def set(self, key: Hashable, value: T) -> None:
        with self._lock:
            self._values[key] = value

    def clear(self) -> None:
        with self._lock:
            self._values.clear()
