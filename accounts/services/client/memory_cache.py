"""What this process remembers for some minutes, whichever of its threads learned it."""

from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

from cachetools import TTLCache

T = TypeVar("T")


class MemoryCache(Generic[T]):
    """Up to `most` things, each for up to `seconds`; a new one takes the place of the one that was longest not wanted.

    What is got is what was set, so nobody may change it. (Django's own cache would make a copy each time.)
    """

    def __init__(self, most: int, seconds: float) -> None:
        self._things: TTLCache[Hashable, T] = TTLCache(most, seconds)
        self._lock = Lock()

    def get(self, name: Hashable) -> T | None:
        """The thing of that name, or None."""
        with self._lock:
            return self._things.get(name)

    def set(self, name: Hashable, thing: T) -> None:
        """Remember it from now on."""
        with self._lock:
            self._things[name] = thing

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._things.clear()
