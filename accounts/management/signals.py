"""Commands that are stopped end as on Ctrl-C: what they have opened is closed, and what they have begun is ended and recorded."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Final, NoReturn

# Of the batch of a bulk change.
ENDING: Final = "Ending the changes that are in progress, which can take some seconds. Press Ctrl-C again to stop at once."
Handler = Callable[[int, FrameType | None], None]


@contextmanager
def signals_raise() -> Iterator[None]:
    """Exit on SIGTERM and SIGHUP with cleanup."""
    with _handled_by(_exit, signal.SIGTERM, signal.SIGHUP):
        yield


@contextmanager
def signals_wait(says: str = "") -> Iterator[None]:
    """Ctrl-C, SIGTERM, and SIGHUP act at the end of the block, where a change is made and recorded. A second one acts at once.

    `says`: what the first one writes to standard error. An error of the block ends the command anyway, with its message.
    """
    arrived: list[int] = []
    handled = ExitStack()

    def wait(number: int, frame: FrameType | None) -> None:
        arrived.append(number)
        handled.close()
        if says:
            os.write(2, f"\n{says}\n".encode())  # the block may be writing to `sys.stderr`

    handled.enter_context(_handled_by(wait, signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
    try:
        yield
    finally:
        handled.close()
    if arrived:
        signal.raise_signal(arrived[0])


@contextmanager
def _handled_by(handler: Handler, *numbers: signal.Signals) -> Iterator[None]:
    """A signal ignored by nohup stays ignored."""
    before = {number: signal.getsignal(number) for number in numbers}
    for number, previous in before.items():
        if previous is not signal.SIG_IGN:
            signal.signal(number, handler)
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


def _exit(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)
