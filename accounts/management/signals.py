"""Commands that are stopped end as on Ctrl-C: what they have opened is closed, and what they have begun is ended and recorded."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn


@contextmanager
def signals_raise() -> Iterator[None]:
    """Exit on SIGTERM and SIGHUP with cleanup. A signal ignored by nohup stays ignored."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, _exit)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def signals_wait() -> Iterator[None]:
    """Ctrl-C, SIGTERM, and SIGHUP act at the end of the block, where a change is made and recorded. A second one acts at once."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    arrived: list[int] = []

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def wait(number: int, frame: FrameType | None) -> None:
        arrived.append(number)
        restore()

    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, wait)
    try:
        yield
    finally:
        restore()
        if arrived:
            signal.raise_signal(arrived[0])


def _exit(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)
