"""The export of all users against the bare reads of the same users, and what it costs the web process in memory."""

import io
import json
import statistics
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks.client import Client, Failed, Request
from benchmarks.processes import memory

FORMATS: Final = ("csv", "ndjson", "xlsx")
ROUNDS: Final = 5
A_PORTION: Final = 1000
RESERVED: Final = 7  # users that `_query/user` does not know
SECONDS_BETWEEN_LOOKS: Final = 0.01


@dataclass
class Exports:
    """Seconds of the exports by format and of the bare reads, sizes, and by how much the web process grew meanwhile, at most."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in FORMATS})
    bare: list[float] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)
    growth: int = 0

    def times(self, name: str) -> float:
        """How many times as long as the bare reads."""
        return statistics.median(self.seconds[name]) / statistics.median(self.bare)

    @property
    def worst(self) -> str:
        """The slowest format."""
        return max(FORMATS, key=self.times)


def measure(client: Client, node: Client, web: int) -> Exports:
    """All of it, round by round, beginning in a process that has exported nothing yet. Raises Failed."""
    found = Exports()
    with _watched_memory(web) as growth:
        for _ in range(ROUNDS):
            users, seconds = _timed(lambda: _bare_reads(node))
            found.bare.append(seconds)
            for name in FORMATS:
                file, seconds = _timed(lambda name=name: client.send_form("/users/export", format=name))  # type: ignore[misc]
                found.seconds[name].append(seconds)
                found.sizes[name] = len(file)
                _demand_rows(name, file, users + RESERVED)
    found.growth = growth()
    return found


def _timed(do: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    return do(), time.perf_counter() - start


def _bare_reads(node: Client) -> int:
    """Every native user as the export reads them, from a plain client that looks where the next portion begins; how many."""
    query: dict[str, Any] = {"query": {"match_all": {}}, "sort": [{"username": {"order": "asc"}}], "size": A_PORTION}
    number: int = 0
    while True:
        answer = json.loads(node.send(Request("/_security/_query/user", "POST", json.dumps(query).encode())))
        number += int(answer["count"])
        if answer["count"] < A_PORTION:
            return number
        query["search_after"] = [answer["users"][-1]["username"]]


def _demand_rows(name: str, file: bytes, expected: int) -> None:
    if name == "xlsx":
        return
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        rows = json.loads(archive.read("completeness.json"))["rows"]
    if rows != expected:
        raise Failed(f"the export has {rows} rows, not {expected}")


@contextmanager
def _watched_memory(pid: int) -> Iterator[Callable[[], int]]:
    """How many bytes more than at the beginning the process has used at most, to be asked at the end."""
    before, most, ended = memory(pid), [memory(pid)], threading.Event()

    def look() -> None:
        while not ended.wait(SECONDS_BETWEEN_LOOKS):
            most[0] = max(most[0], memory(pid))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield lambda: most[0] - before
    finally:
        ended.set()
        thread.join()
