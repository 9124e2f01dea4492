"""Prints a line for each step, with a running clock on a terminal."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Progress:
    """Numbers the steps: `[2/6] Starting Elasticsearch 8.19.21 … 5 s`."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.number = 0

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Print the title, and the duration when the block succeeds."""
        self.number += 1
        print(f"[{self.number}/{self.steps}] {title} …", end="", flush=True)
        start = time.monotonic()
        try:
            with _clock(start):
                yield
            print(f" {_seconds(start)}", end="", flush=True)
        finally:
            print(flush=True)  # an error message starts on a new line


@contextmanager
def _clock(start: float) -> Iterator[None]:
    """On a terminal, show the elapsed seconds at the end of the line."""
    done = threading.Event()
    ticker = threading.Thread(target=_tick, args=(start, done), daemon=True)
    if sys.stdout.isatty():
        ticker.start()
    try:
        yield
    finally:
        done.set()
        if ticker.is_alive():
            ticker.join()


def _tick(start: float, done: threading.Event) -> None:
    while not done.wait(1):
        text = f" {_seconds(start)}"
        print(text + "\b" * len(text), end="", flush=True)


def _seconds(start: float) -> str:
    return f"{time.monotonic() - start:.0f} s"
