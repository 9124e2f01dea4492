"""Measures in rounds, so that other load on the machine affects all measurements equally."""

import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random

from benchmarks.client import Client, Request


@dataclass
class Subject:
    """Requests that are measured together, because a user waits for all of them, and the seconds of each run."""

    name: str
    client: Client
    requests: tuple[Request, ...]
    seconds: list[float] = field(default_factory=list)
    size: int = 0

    def run(self) -> float:
        """Send the requests once; returns the time in seconds."""
        start = time.perf_counter()
        self.size = sum(len(self.client.send(request)) for request in self.requests)
        return time.perf_counter() - start

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def p95(self) -> float:
        return sorted(self.seconds)[int(len(self.seconds) * 0.95)]


def warm_up(subjects: Sequence[Subject], rounds: int) -> None:
    """Send all requests some times, to fill caches, open connections, and let the JVM compile."""
    for _ in range(rounds):
        for subject in subjects:
            subject.run()


def time_rounds(quick: Sequence[Subject], slow: Sequence[Subject], rounds: int, slow_rounds: int) -> None:
    """Measure quick subjects in each round, slow ones in about `slow_rounds` of them, each round in random order."""
    chance = Random(rounds)  # noqa: S311
    slow_every = max(1, rounds // slow_rounds)
    for number in range(rounds):
        subjects = [*quick, *(slow if number % slow_every == 0 else ())]
        chance.shuffle(subjects)
        for subject in subjects:
            subject.seconds.append(subject.run())


@dataclass
class Load:
    """Requests from concurrent clients, the time they took, and the CPU seconds that each process used."""

    requests: int = 0
    seconds: float = 0
    used: dict[str, float] = field(default_factory=dict)

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds

    def used_per_request(self, name: str) -> float:
        """CPU seconds of a process per request."""
        return self.used[name] / self.requests


def add_load(load: Load, subject: Subject, clients: int, requests: int, usage: Callable[[], dict[str, float]]) -> None:
    """Send the requests from concurrent clients, each with its own connection. `usage`: CPU seconds so far, by process."""
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
