"""Making the changes of a batch side by side. More steps are taken while those of the previous ones are still being made."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from threading import Semaphore
from time import monotonic
from typing import Final

from accounts.services import errors
from accounts.services.documents.store import grouped_bulk
from accounts.services.jobs.claims import Claims, waiting
from accounts.services.jobs.records import Change, Step

# Between two batches Elasticsearch has nothing to do: with batches of a second and a half, for up to a fifth of the time.
SECONDS_PER_BATCH: Final = 5
# Elasticsearch applies the most changes per second with about four of them at once; the others wait for the audit trail meanwhile,
# whose writes are sent together. With 6 threads and each write sent as soon as possible, `script/bench` deactivated 63 users per
# second instead of 84, and activated as many.
WORKERS: Final = 12
# So many changes are waiting or being made when more steps are taken, which takes less time than they do.
AHEAD: Final = 2 * WORKERS
# With these, no other user can be changed either.
ENDS_BATCH: Final = (errors.AuditUnavailable, errors.NotSetUp, errors.AuthenticationFailed)


@dataclass(frozen=True)
class Work:
    """What a batch does. `decide`: what is to be changed, and the steps that need no change by now.

    `change`: makes a change, with a refresh or without one, and returns its step; raises what ENDS_BATCH has, with nothing changed.
    `is_wanted`: whether the job is still to be carried out. `refreshes_last`: whether the other changes make no refresh.
    """

    decide: Callable[[Sequence[Step]], tuple[list[Change], list[Step]]]
    change: Callable[[Change, bool], Step]
    is_wanted: Callable[[], bool]
    refreshes_last: bool


@dataclass
class Batch:
    """What isn't begun by its end waits again, as after an error of the cluster."""

    work: Work
    claims: Claims
    deadline: float = field(default_factory=lambda: monotonic() + SECONDS_PER_BATCH)
    failures: list[Exception] = field(default_factory=list)
    # The step whose change is made however long that takes.
    sure: str = ""
    # Made alone, with a refresh, so that searches find them all.
    last: Change | None = None

    def run(self, claimed: Sequence[Step]) -> bool:
        """Change the users of these steps, and of more until the time is over; returns whether it was over before the steps were.

        Raises what ENDS_BATCH has, Unavailable.
        """
        self.sure = claimed[0].id
        try:
            is_over = self._change_all(claimed)
        finally:
            if self.last:
                self._change(self.last)
            self.claims.store_results()
        if self.failures:
            raise self.failures[0]
        return is_over

    def _change_all(self, claimed: Sequence[Step]) -> bool:
        slots = Semaphore(AHEAD)
        with grouped_bulk(min(WORKERS, len(claimed))) as group:
            context = copy_context()

        def change(each: Change) -> None:
            try:
                self._change(each)
            finally:
                slots.release()

        with ThreadPoolExecutor(WORKERS) as pool:
            while claimed:
                queue = self._decided(claimed)
                try:
                    while queue:
                        slots.acquire()
                        pool.submit(context.copy().run, change, queue.popleft())
                        self._show_results()
                finally:
                    self.claims.add(*(waiting(each.step) for each in queue))
                is_over = self._is_over() or not self.work.is_wanted()
                claimed = [] if is_over else self.claims.take()
            group.wait_no_more()
        return is_over

    def _decided(self, claimed: Sequence[Step]) -> deque[Change]:
        try:
            changes, unchanged = self.work.decide(claimed)
        except errors.ServiceError:
            self.claims.add(*map(waiting, claimed))
            raise
        self.claims.add(*unchanged)
        if changes and self.work.refreshes_last and not self.last:
            self.last = changes.pop()
            self.sure = self.last.step.id
        return deque(changes)

    def _show_results(self) -> None:
        if self.claims.are_due:
            self.claims.store_results()
            if not self.work.is_wanted():
                self.deadline = 0

    def _is_over(self) -> bool:
        return bool(self.failures) or monotonic() >= self.deadline

    def _change(self, each: Change) -> None:
        step = each.step
        if self.failures or (self._is_over() and step.id != self.sure):
            return self.claims.add(waiting(step))
        try:
            self.claims.add(self.work.change(each, each is self.last))
        except ENDS_BATCH as exc:
            self.failures.append(exc)
            # Its event is in the audit trail, with the outcome that it wasn't made: the next attempt needs another one.
            self.claims.add(replace(waiting(step), attempt=step.attempt + exc.is_recorded))
        except Exception as exc:  # noqa: BLE001  # only the audit trail knows what was done: the step stays started
            self.failures.append(exc)
