"""Compares bulk changes and imports with bare calls that change as many users on as many connections."""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPResponse
from itertools import islice
from threading import Event
from typing import Any, Final

from benchmarks.client import Client, Failed, Request
from benchmarks.exports import memory_growth
from benchmarks.loading import PASSWORD_HASH
from benchmarks.people import SampleUser, sample_user

NAMES: Final = ("deactivate", "activate", "import")
USERS: Final = 1000
TURNS: Final = 3
WARM_UP: Final = 300  # users: the first calls take the node twice as long, and the first turn begins with a bulk change
CONNECTIONS: Final = 12  # as accounts.services.jobs.batch.WORKERS
JOBS: Final = "/users/jobs/"
OF_PROGRESS: Final = {"HX-Request": "true", "HX-Target": "job-progress"}
OF_NUMBERS: Final = {"HX-Request": "true", "HX-Target": "job-numbers"}
SECONDS_PER_NUMBERS: Final = 2


@dataclass
class Changes:
    """Users per turn, the seconds of all turns by name, and the web process's peak memory growth in bytes."""

    users: int
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(NAMES, 0.0))
    bare: dict[str, float] = field(default_factory=lambda: dict.fromkeys(NAMES, 0.0))
    growth: int = 0

    def per_second(self, seconds: float) -> float:
        return TURNS * self.users / seconds

    def share(self, *names: str) -> float:
        """The rate relative to the bare calls."""
        return sum(self.bare[name] for name in names) / sum(self.seconds[name] for name in names)


def measure(client: Client, node: Client, web: int, first_new: int) -> Changes:
    """Measure in turns, so that other load affects both equally. Leaves 2 * TURNS * USERS new sample users. Raises Failed.

    `first_new`: the number of the first of them.
    """
    active = [user.username for user in islice(filter(lambda user: user.enabled, map(sample_user, range(first_new))), USERS)]
    found = Changes(len(active))
    _turn(Changes(WARM_UP), client, node, active[:WARM_UP])
    with memory_growth(web) as growth:
        for _ in range(TURNS):
            _turn(found, client, node, active)
            new = [sample_user(number) for number in range(first_new, first_new + USERS)]
            others = [sample_user(number) for number in range(first_new + USERS, first_new + 2 * USERS)]
            first_new += 2 * USERS
            found.seconds["import"] += _timed(lambda: _import(client, new))  # noqa: B023
            found.bare["import"] += _timed(lambda: _send_all(node, [_creation(user) for user in others]))  # noqa: B023
    found.growth = growth()
    return found


def _turn(found: Changes, client: Client, node: Client, usernames: Sequence[str]) -> None:
    found.seconds["deactivate"] += _change(client, "deactivate", usernames)
    found.bare["activate"] += _timed(lambda: _send_all(node, [_status(name, "enable") for name in usernames]))
    found.bare["deactivate"] += _timed(lambda: _send_all(node, [_status(name, "disable") for name in usernames]))
    found.seconds["activate"] += _change(client, "activate", usernames)


def _timed(do: Callable[[], object]) -> float:
    start = time.perf_counter()
    do()
    return time.perf_counter() - start


def _change(client: Client, action: str, usernames: Sequence[str]) -> float:
    """The seconds from the start until all are changed, after the preview."""
    job = client.submit(f"{JOBS}create", [("users", "selected"), ("action", action), *(("username", name) for name in usernames)])
    _advance(client, job)
    return _timed(lambda: _carry_out(client, job, len(usernames)))


def _import(client: Client, users: Iterable[SampleUser]) -> None:
    """Upload, check, preview, and creation of these users."""
    lines = [json.dumps({"username": user.username, **_values(user)}) for user in users]
    job = client.submit("/users/import", [], ("users.ndjson", "\n".join(lines).encode()))
    _advance(client, job)
    _carry_out(client, job, len(lines))


def _advance(client: Client, job: str) -> None:
    """As the page does, until it shows a preview or the result."""
    while b'id="job-progress"' in client.send(Request(job)):
        while not _is_over(_advance_once(client, job)):
            pass


def _advance_once(client: Client, job: str) -> HTTPResponse:
    """One batch; meanwhile, the page shows how far it is."""
    is_over = Event()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(_show_numbers, client.another(), job, is_over)
        try:
            return client.post(job.replace("/view/", "/advance/"), f"{JOBS}create", [], OF_PROGRESS)
        finally:
            is_over.set()


def _show_numbers(client: Client, job: str, is_over: Event) -> None:
    client.headers = {**client.headers, **OF_NUMBERS}
    while not is_over.wait(SECONDS_PER_NUMBERS):
        client.send(Request(job))
    client.close()


def _is_over(response: HTTPResponse) -> bool:
    if response.status != 200:
        raise Failed(f"a bulk change can't go on: {response.status}")
    return "HX-Redirect" in response.headers


def _carry_out(client: Client, job: str, users: int) -> None:
    client.submit(job.replace("/view/", "/control/"), [("command", "start")], page=f"{JOBS}create")
    _advance(client, job)
    if f"{users:,} of {users:,} changed".encode() not in client.send(Request(job)):
        raise Failed(f"{job} didn't change all users")


def _status(username: str, verb: str) -> Request:
    return Request(f"/_security/user/{username}/_{verb}", "PUT")


def _creation(user: SampleUser) -> Request:
    body = {"metadata": {}, **_values(user)}
    return Request(f"/_security/user/{user.username}", "PUT", json.dumps(body).encode())


def _values(user: SampleUser) -> dict[str, Any]:
    profile = {"full_name": user.full_name or None, "email": user.email or None}
    return {**profile, "enabled": user.enabled, "roles": list(user.roles), "password_hash": PASSWORD_HASH}


def _send_all(node: Client, requests: Sequence[Request]) -> None:
    """On CONNECTIONS connections, each with its share."""
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(lambda first: _send_share(node.another(), requests[first::CONNECTIONS]), range(CONNECTIONS)))


def _send_share(node: Client, requests: Iterable[Request]) -> None:
    for request in requests:
        node.send(request)
    node.close()
