"""The steps that a process takes for a batch, so that no other process takes them, and their results."""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from time import monotonic
from typing import Final

from django.utils import timezone

from accounts.services.jobs import store
from accounts.services.jobs.records import Job, Step
from accounts.services.jobs.store import StepQuery
from accounts.services.request_context import Actor
from usermgmt.logging import request_id

STEPS_AT_ONCE: Final = 50
# Pages show the results that are stored.
SECONDS_PER_WRITE: Final = 1


class Claims:
    """The steps of a job that this batch has taken. Threads may call `add`."""

    def __init__(self, job: Job, actor: Actor) -> None:
        self._job = job
        self._actor = actor
        self._last_number = 0
        self._results: deque[Step] = deque()
        self._written = monotonic()

    @property
    def are_due(self) -> bool:
        """Whether results were last stored so long ago that pages are out of date."""
        return monotonic() >= self._written + SECONDS_PER_WRITE

    def add(self, *results: Step) -> None:
        self._results.extend(results)

    def take(self) -> list[Step]:
        """The next steps, which are ours from now on; the results are stored in the same call. Raises JobNotAuthentic, Unavailable.

        The numbers go on from the last call, because a search would still find the steps that it took.
        """
        found = store.steps(self._job, StepQuery("pending", after=self._last_number, size=STEPS_AT_ONCE))
        store.require_authentic(self._job, found)  # or `put_steps` would store none of the results either
        if found:
            self._last_number = found[-1].number
        begun = partial(replace, state="started", operator=self._actor.unique_name, request=request_id.get(), begun=timezone.now())
        written = self._write([begun(step) for step in found])
        return [step for step in written if step.state == "started"]

    def store_results(self) -> None:
        """Raises Unavailable."""
        self._write([])

    def _write(self, begun: Sequence[Step]) -> list[Step]:
        self._written = monotonic()
        results = [self._results.popleft() for _ in range(len(self._results))]
        return store.put_steps([*results, *begun]) if results or begun else []


def waiting(step: Step) -> Step:
    """The step, for any process to take."""
    return replace(step, state="pending", operator="", request="", begun=None)
