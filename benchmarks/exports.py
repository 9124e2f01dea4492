"""Compares exports of all users with bare reads of the same users, and measures the memory growth of the web process."""

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
BATCH_SIZE: Final = 1000
RESERVED: Final = 7  # users that `_query/user` doesn't have
SAMPLING_SECONDS: Final = 0.01


@dataclass
class Exports:
    """Seconds of the exports by format and of the bare reads, file sizes and the web process's peak memory growth in bytes."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in FORMATS})
    bare: list[float] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)
    growth: int = 0

    def times(self, name: str) -> float:
        """The median time of the format relative to the bare reads."""
        return statistics.median(self.seconds[name]) / statistics.median(self.bare)

    @property
    def worst(self) -> str:
        """The slowest format."""
        return max(FORMATS, key=self.times)


def measure(client: Client, node: Client, web: int) -> Exports:
    """Measure in rounds; the web process must not have exported anything before. Raises Failed."""
    found = Exports()
    with memory_growth(web) as growth:
        for _ in range(ROUNDS):
            users, seconds = timed(lambda: _bare_reads(node))
            found.bare.append(seconds)
            found.sizes = time_exports(client, "/users/export", users + RESERVED, found.seconds)
    found.growth = growth()
    return found


def time_exports(client: Client, path: str, rows: int, seconds: dict[str, list[float]]) -> dict[str, int]:
    """Export once in each format, and add the times to `seconds`; returns the sizes in bytes. Raises Failed."""
    sizes = {}
    for name in FORMATS:
        file, time_taken = timed(lambda name=name: client.send_form(path, format=name))  # type: ignore[misc]
        seconds[name].append(time_taken)
        sizes[name] = len(file)
        _require_rows(name, file, rows)
    return sizes


def timed(do: Callable[[], Any]) -> tuple[Any, float]:
    """The result, and the seconds that it took."""
    start = time.perf_counter()
    return do(), time.perf_counter() - start


def _bare_reads(node: Client) -> int:
    """Read all native users in batches, as the export does, with a minimal client; returns their number."""
    query: dict[str, Any] = {"query": {"match_all": {}}, "sort": [{"username": {"order": "asc"}}], "size": BATCH_SIZE}
    count: int = 0
    while True:
        answer = json.loads(node.send(Request("/_security/_query/user", "POST", json.dumps(query).encode())))
        count += int(answer["count"])
        if answer["count"] < BATCH_SIZE:
            return count
        query["search_after"] = [answer["users"][-1]["username"]]


def _require_rows(name: str, file: bytes, expected: int) -> None:
    """Raise Failed if an export doesn't say that it has this number of rows; that of a workbook isn't read."""
    if name == "xlsx":
        return
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        rows = json.loads(archive.read("completeness.json"))["rows"]
    if rows != expected:
        raise Failed(f"the export has {rows} rows, not {expected}")


@contextmanager
def memory_growth(pid: int) -> Iterator[Callable[[], int]]:
    """Sample the memory of a process; yields a function that returns the peak growth since the start, in bytes."""
    before, peak, ended = memory(pid), [memory(pid)], threading.Event()

    def sample() -> None:
        while not ended.wait(SAMPLING_SECONDS):
            peak[0] = max(peak[0], memory(pid))

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield lambda: peak[0] - before
    finally:
        ended.set()
        thread.join()
