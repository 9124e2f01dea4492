"""What this process caches: answers of Elasticsearch for a few seconds, and what it derived for some minutes."""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from math import inf
from threading import Lock
from time import monotonic
from typing import Final, Generic, TypeVar

from cachetools import TTLCache
from django.conf import settings

from accounts.services.client.clients import PersonClient

T = TypeVar("T")


# When the first of the cached answers expires that the current read has used.
_first_expires: Final = ContextVar("_first_expires", default=inf)


class _CachedRead:
    """One cached answer, which expires CACHE_SECONDS after it was requested, or with an older cached answer that it was made from.

    While one thread reads it again, the others use the previous one for up to CACHE_SECONDS more. `times`: that many CACHE_SECONDS.
    """

    def __init__(self, times: int = 1) -> None:
        self._times = times
        self._reading = Lock()
        self._expires = 0.0
        self._answers: tuple[object, ...] = ()  # one, or none yet

    def get(self, read: Callable[[], object]) -> object:
        is_being_read = self._reading.locked()
        if not self._is_usable(is_being_read):
            with self._reading:
                if not self._is_usable(is_being_read):  # otherwise the thread before read it
                    self._read(read)
        _first_expires.set(min(_first_expires.get(), self._expires))
        return self._answers[0]

    def _is_usable(self, is_being_read: bool) -> bool:
        grace = self._lifetime() if is_being_read else 0
        return bool(self._answers) and monotonic() < self._expires + grace

    def _read(self, read: Callable[[], object]) -> None:
        outer = _first_expires.set(monotonic() + self._lifetime())
        try:
            self._answers = (read(),)
            self._expires = _first_expires.get()
        finally:
            _first_expires.reset(outer)

    def _lifetime(self) -> float:
        return self._times * float(settings.CACHE_SECONDS)


# `invalidate` drops the whole object, so an answer that is being read at that moment is never used.
_reads: Final[dict[tuple[object, ...], _CachedRead]] = {}
# What is read with the API key of usermgmt doesn't depend on users and role mappings, so no change drops it.
_service_reads: Final[dict[tuple[object, ...], _CachedRead]] = {}


def cached_per_scope(read: Callable[[PersonClient], T]) -> Callable[[PersonClient], T]:
    """Cache what `read` returns for CACHE_SECONDS, for all users with the same privileges; without a known scope, never."""

    @wraps(read)
    def cached(client: PersonClient) -> T:
        if client.scope is None:
            return read(client)
        answer = _reads.setdefault((cached, client.scope, tuple(settings.ELASTICSEARCH_HOSTS)), _CachedRead())
        return answer.get(lambda: read(client))  # type: ignore[return-value]

    return cached


def cached_for_service(times: int = 1) -> Callable[[Callable[[], T]], Callable[[], T]]:
    """Cache what the function returns with the API key of usermgmt for CACHE_SECONDS, or for several times as long."""

    def decorate(read: Callable[[], T]) -> Callable[[], T]:
        @wraps(read)
        def cached() -> T:
            key = (cached, settings.ELASTICSEARCH_API_KEY, tuple(settings.ELASTICSEARCH_HOSTS))
            return _service_reads.setdefault(key, _CachedRead(times)).get(read)  # type: ignore[return-value]

        return cached

    return decorate


def invalidate(read: Callable[[PersonClient], object] | None = None) -> None:
    """Forget the answers of `read`, or those of all `cached_per_scope`: after a change by this process."""
    for key in list(_reads):
        if read in (None, key[0]):
            _reads.pop(key, None)


@contextmanager
def invalidating(read: Callable[[PersonClient], object] | None = None) -> Iterator[None]:
    """`invalidate` after the block, also after an error: a change whose outcome is unknown may have been applied."""
    try:
        yield
    finally:
        invalidate(read)


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
