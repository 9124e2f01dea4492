"""Allows only one running demo, with a file lock that the system releases when the process ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demo.options import DemoError


@contextmanager
def only_one(file: Path, url: str) -> Iterator[None]:
    """Hold the lock. Raises DemoError with the URL of the demo that holds it."""
    # Not truncated: the file has the URL of the other demo.
    with os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT, 0o600), "r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoError(f"The demo is already running: {lock.read().strip()}") from None
        lock.truncate()
        lock.write(f"{url} (process {os.getpid()})\n")
        lock.flush()
        yield
