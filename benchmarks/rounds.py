"""Times everything round by round, so that whatever else happens on the machine happens to all alike."""

import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random

from benchmarks.client import Client, Request


@dataclass
class Subject:
    """The requests that are timed together because a user waits for all of them."""

    name: str
    client: Client
    requests: tuple[Request, ...]
    seconds: list[float] = field(default_factory=list)
    size: int = 0

    def run(self) -> float:
        """Do it once; how many seconds that took."""
        start = time.perf_counter()
        self.size = sum(len(self.client.send(request)) for request in self.requests)
        return time.perf_counter() - start

    @property
    def median(self) -> float:
        """Half of the times were shorter."""
        return statistics.median(self.seconds)

    @property
    def p95(self) -> float:
        """All but one in twenty were shorter."""
        return sorted(self.seconds)[int(len(self.seconds) * 0.95)]


def warm_up(subjects: Sequence[Subject], rounds: int) -> None:
    """Let compilers, caches and connections get ready."""
    for _ in range(rounds):
        for subject in subjects:
            subject.run()


def time_rounds(quick: Sequence[Subject], slow: Sequence[Subject], rounds: int, slow_rounds: int) -> None:
    """Each quick subject once a round, the slow ones in some of the rounds; in another order each time."""
    chance = Random(rounds)  # noqa: S311
    slow_every = max(1, rounds // slow_rounds)
    for number in range(rounds):
        subjects = [*quick, *(slow if number % slow_every == 0 else ())]
        chance.shuffle(subjects)
        for subject in subjects:
            subject.seconds.append(subject.run())


@dataclass
class Load:
    """What many clients at once got, and what that cost the processes behind it."""

    requests: int = 0
    seconds: float = 0
    used: dict[str, float] = field(default_factory=dict)

    @property
    def per_second(self) -> float:
        """Answers in a second."""
        return self.requests / self.seconds

    def used_per_request(self, name: str) -> float:
        """A process's CPU seconds for one answer."""
        return self.used[name] / self.requests


def add_load(load: Load, subject: Subject, clients: int, requests: int, usage: Callable[[], dict[str, float]]) -> None:
    """Send so many requests from so many clients, each with a connection of its own."""
    before, start = usage(), time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(lambda share: _send(subject, share), [requests // clients] * clients))
    load.seconds += time.perf_counter() - start
    load.requests += requests // clients * clients
    for name, used in usage().items():
        load.used[name] = load.used.get(name, 0) + used - before[name]


def _send(subject: Subject, count: int) -> None:
    client = subject.client.another()
    for _ in range(count):
        for request in subject.requests:
            client.send(request)
