"""How commands end that are stopped in the middle of a change (the commands themselves: test_stopped_commands.py)."""

import os
import signal
from collections.abc import Iterator

import pytest

from accounts.management.signals import signals_wait


@pytest.fixture(autouse=True)
def takes_ctrl_c() -> Iterator[None]:
    """Programs that a shell starts in the background ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def changed(done: list[str], signals: int = 1, problem: str = "") -> None:
    """A change during which Ctrl-C is pressed."""
    with signals_wait():
        for _ in range(signals):
            os.kill(os.getpid(), signal.SIGINT)
        if problem:
            raise ValueError(problem)
        done.append("change")


def test_a_signal_acts_after_the_change() -> None:
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        changed(done)
    assert done


def test_a_second_signal_acts_at_once() -> None:
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        changed(done, signals=2)
    assert not done


def test_an_error_of_the_change_is_not_hidden() -> None:
    with pytest.raises(ValueError, match="the new key is lost"):
        changed([], problem="the new key is lost")
