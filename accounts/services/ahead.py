"""Questions that are on their way to Elasticsearch while a page does other things, without a thread for each."""

import threading
import time
from collections.abc import Callable, Sequence
from contextvars import copy_context
from functools import partial
from typing import Any, Final, Generic, TypeVar
from weakref import WeakValueDictionary

import pycurl
from greenlet import getcurrent, greenlet

T = TypeVar("T")

SECONDS_TO_LOOK: Final = 0.1  # how often libcurl sees to its time-outs
SECONDS_TO_CONNECT: Final = 0.001  # how often it is asked while it has no socket to wait for


class Ahead(Generic[T]):
    """What `ask` returns or raises: asked at once, and known by `answer`.

    It runs until its question has left, and goes on while somebody in its thread waits for an answer, this or another. `ask` may
    hold no lock meanwhile: whoever wants it may be what it waits for. One that is dropped is not waited for.
    """

    def __init__(self, ask: Callable[[], T]) -> None:
        self._outcome: _Outcome[T] = _Outcome()
        self._task = _Task(partial(_run, ask, self._outcome))
        self._task.gr_context = copy_context()  # the request's id
        self._task.switch()

    def answer(self) -> T:
        """Wait for it."""
        while not self._task.dead:
            _transfers.wait()
        if self._outcome.error:
            raise self._outcome.error
        return self._outcome.answer


class _Outcome(Generic[T]):
    """One of the two, in the end. A `Future` would be made for threads to wait for, at some cost."""

    answer: T
    error: Exception | None = None


class _Task(greenlet):
    """Nothing that it runs may refer to it, or it would never be dropped."""


def _run(ask: Callable[[], T], outcome: "_Outcome[T]") -> None:
    try:
        outcome.answer = ask()
    except Exception as exc:  # noqa: BLE001  # for whoever waits for the answer
        outcome.error = exc


def transfer(curl: pycurl.Curl) -> None:
    """Send a question and take the answer, as `curl.perform()`; in an `Ahead` its thread does other things meanwhile."""
    if isinstance(getcurrent(), _Task):
        _transfers.run(curl)
    else:
        curl.perform()


class _Transfers(threading.local):
    """Those of one thread."""

    def __init__(self) -> None:
        self._multi = pycurl.CurlMulti()
        self._tasks: WeakValueDictionary[pycurl.Curl, greenlet] = WeakValueDictionary()

    def run(self, curl: pycurl.Curl) -> None:
        self._tasks[curl] = getcurrent()
        self._multi.add_handle(curl)
        try:
            self._multi.perform()
            failure = getcurrent().parent.switch()  # type: ignore[union-attr]  # only a thread's own greenlet has no parent
        finally:
            self._multi.remove_handle(curl)
            self._tasks.pop(curl, None)
        if failure:
            raise pycurl.error(*failure)

    def wait(self) -> None:
        """Until something arrives; whoever it is for goes on with it."""
        if not self._arrived():
            if not self._multi.select(SECONDS_TO_LOOK):
                time.sleep(SECONDS_TO_CONNECT)
            self._multi.perform()
            self._arrived()

    def _arrived(self) -> bool:
        _, arrived, failed = self._multi.info_read()
        for curl in arrived:
            self._go_on(curl, ())
        for curl, *failure in failed:
            self._go_on(curl, failure)
        return bool(arrived or failed)

    def _go_on(self, curl: Any, failure: Sequence[Any]) -> None:
        if task := self._tasks.get(curl):  # another that went on may have dropped it
            task.parent = getcurrent()
            task.switch(failure)


_transfers = _Transfers()
