"""Only one demo at a time: a locked file, which the system unlocks when the process ends in whatever way."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demo.options import DemoError


@contextmanager
def only_one(file: Path, url: str) -> Iterator[None]:
    """Hold the lock; where another demo has it, say where that one is."""
    # Opened without truncating: the other demo's words stand in it.
    with os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT, 0o600), "r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoError(f"The demo is already running: {lock.read().strip()}") from None
        lock.truncate()
        lock.write(f"{url} (process {os.getpid()})\n")
        lock.flush()
        yield
