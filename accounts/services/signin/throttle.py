"""Slows down password guessing: failed attempts are counted in documents that all processes share.

An attempt counts for the username from this address, for the username from anywhere, and for the address with any username.
Beyond a limit the next one has to wait: half a minute, then twice as long each time, up to a quarter of an hour. Meanwhile
Elasticsearch isn't called (a wrong password would evict the right one from its cache), and the answer is that of a wrong
password. A browser in which the user has signed in before has counters of its own and no others, so an attacker can't
lock the user out by guessing.

A correct password resets counters, but never all of them, because it doesn't prove that the wrong ones were typos: users of
different realms can have the same username, and usernames can differ in case alone. Their owners could guess each other's
password and sign in with their own in between.
"""

import hmac
import ipaddress
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep
from typing import Any, Final, TypeVar

from django.conf import settings
from django.utils import timezone

from accounts.services import audit, errors
from accounts.services.client import can_verify_credentials
from accounts.services.documents import damage, indices, store
from accounts.services.documents.store import Version
from usermgmt import metrics

logger = logging.getLogger(__name__)

T = TypeVar("T")

FIRST_WAIT: Final = timedelta(seconds=30)
LONGEST_WAIT: Final = timedelta(minutes=15)
# How long failures count after the last one, or after the wait that it led to.
MEMORY: Final = timedelta(minutes=15)
# Of concurrent writers one succeeds each time, and there are never more of them than threads.
MAX_TRIES: Final = 100


@dataclass(frozen=True)
class Attempt:
    """Somebody enters a password. `device`: the token of a browser in which this user has signed in before, or ""."""

    username: str
    address: str
    device: str = ""


@dataclass
class Counter:
    """One document: how many attempts failed, and until when the next one has to wait.

    Address and username are written for `delays`, beyond the limit. `username`: "" for an address, or if it isn't known to be one.
    """

    id: str
    limit: int
    address: str = ""
    username: str = ""
    is_of_username: bool = True
    is_of_device: bool = False
    is_reset_by_success: bool = True
    failures: int = 0
    until: datetime = datetime.min
    version: Version | None = None
    is_claimed: bool = False

    @property
    def is_over_limit(self) -> bool:
        """Whether attempts are allowed only one at a time."""
        return self.failures >= self.limit


def attempt(attempted: Attempt, check: Callable[[], T]) -> T:
    """What `check` returns; it isn't called after too many failures.

    Raises what `check` raises: AuthenticationFailed counts as a failure; RateLimited, a kind of it, when `check` wasn't called;
    Unavailable when the cluster could not verify the password, which never counts.
    """
    counters = _read(attempted)
    _require_turn(counters)
    try:
        answer = proving(check)
    except errors.AuthenticationFailed:
        _count(counters, attempted.username)
        raise
    except BaseException:
        _release(counters)
        raise
    _reset(counters)
    return answer


def proving(check: Callable[[], T]) -> T:
    """What `check` returns. Its AuthenticationFailed proves incorrect credentials: Unavailable if the cluster can't verify any."""
    try:
        return check()
    except errors.AuthenticationFailed as exc:
        if not can_verify_credentials():
            raise errors.Unavailable(str(exc)) from None
        raise


def wait(failures_over_limit: int) -> timedelta:
    """How long the next attempt has to wait."""
    doublings = min(failures_over_limit, LONGEST_WAIT // FIRST_WAIT)
    return min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)


def arrival_time() -> float:
    """For `wait_until_slot`."""
    return monotonic()


def wait_until_slot(arrived: float) -> None:
    """Wait until THROTTLE_ANSWER_SECONDS after the arrival, or the next multiple, so that the time of a rejection reveals nothing.

    Elasticsearch rejects an unknown username in a hundredth of the time of a wrong password.
    """
    if period := settings.THROTTLE_ANSWER_SECONDS:
        sleep(period - (monotonic() - arrived) % period)


def _counters(attempted: Attempt) -> list[Counter]:
    name, address = attempted.username.casefold(), network(attempted.address)
    few, many = settings.THROTTLE_FAILURES, settings.THROTTLE_FAILURES_IN_ALL
    if device := attempted.device:
        return [
            Counter(_id("device", name, device), few, is_of_device=True),
            Counter(_id("device in all", name, device), many, is_of_device=True, is_reset_by_success=False),
        ]
    if not address:  # a counter of all unknown addresses would let a stranger lock everyone out
        return [Counter(_id("name", name), many, is_reset_by_success=False)]
    return [
        Counter(_id("name at address", name, address), few, address),
        Counter(_id("name", name), many),
        Counter(_id("address", address), many, address, is_of_username=False, is_reset_by_success=False),
    ]


def network(address: str) -> str:
    """An IPv6 customer has a whole /64."""
    return str(ipaddress.ip_network(f"{address}/64", strict=False)) if ":" in address else address


def _id(*parts: str) -> str:
    """Keyed, because people enter passwords as usernames by mistake."""
    return hmac.digest(settings.SECRET_KEY.encode(), "\0".join(("usermgmt throttle", *parts)).encode(), "sha256").hex()


def _read(attempted: Attempt) -> list[Counter]:
    counters = _counters(attempted)
    documents = store.get_many(indices.THROTTLE, [counter.id for counter in counters])
    for counter, document in zip(counters, documents, strict=True):
        _fill(counter, document)
    return counters


def _fill(counter: Counter, document: dict[str, Any] | None) -> None:
    counter.failures, counter.until, counter.version = 0, _past(), None
    if document is None:
        return
    counter.version = Version.of(document)
    try:
        failures, until, expires, username = _values(document["_source"])
    except damage.ERRORS:  # another program has written it: the next failure replaces it
        return
    if expires > timezone.now():
        counter.failures, counter.until, counter.username = failures, until, username


def _values(source: dict[str, Any]) -> tuple[int, datetime, datetime, str]:
    """The number of failures, both times, and the username of a counter. Raises `damage.ERRORS`."""
    until, expires = (datetime.fromisoformat(source[name]).astimezone(UTC) for name in ("until", "expires"))
    failures, username = source["failures"], source.get("username", "")
    if not isinstance(failures, int) or not isinstance(username, str):
        raise TypeError("failures or username")
    return failures, until, expires, username


def _past() -> datetime:
    return timezone.now() - timedelta(seconds=1)


def _require_turn(counters: list[Counter]) -> None:
    """Raise RateLimited unless this attempt is allowed; over the limit it must be the only one at this moment."""
    if any(counter.until > timezone.now() for counter in counters):
        raise _rate_limited("too many wrong passwords")
    for counter in counters:
        if counter.is_over_limit and not _claim(counter):
            _release(counters)
            raise _rate_limited("another attempt was first")


def _rate_limited(why: str) -> errors.RateLimited:
    metrics.THROTTLED.inc()
    return errors.RateLimited(why)


def _claim(counter: Counter) -> bool:
    counter.until = timezone.now() + wait(counter.failures - counter.limit)
    counter.is_claimed = _write(counter)
    return counter.is_claimed


def _release(counters: list[Counter]) -> None:
    """Give a claimed turn back: it wasn't used, or its result doesn't count."""
    for counter in counters:
        if counter.is_claimed:
            counter.until = _past()
            _try(_write, counter)


def _count(counters: list[Counter], username: str) -> None:
    for counter in counters:
        for _ in range(MAX_TRIES):
            counter.failures += 1
            counter.until = timezone.now() + wait(counter.failures - counter.limit) if counter.is_over_limit else _past()
            if counter.is_of_username and counter.is_over_limit and not counter.username and audit.knows_username(username):
                counter.username = username
            if _write(counter):
                break
            _fill(counter, store.get(indices.THROTTLE, counter.id))


def _reset(counters: list[Counter]) -> None:
    for counter in counters:
        if counter.is_reset_by_success and counter.version:
            _try(_delete, counter)
    _release([counter for counter in counters if not counter.is_reset_by_success])


def _try(change: Callable[[Counter], object], counter: Counter) -> None:
    """The password was right; a counter that can't be updated expires by itself."""
    try:
        change(counter)
    except errors.ServiceError:
        logger.exception("Could not write a counter of failed attempts")


def _write(counter: Counter) -> bool:
    """False when another process has written it since it was read."""
    expires = max(counter.until, timezone.now()) + MEMORY
    document = {
        "failures": counter.failures,
        "until": counter.until.isoformat(),
        "expires": expires.isoformat(),
        "address": counter.address if counter.is_over_limit else "",
        "username": counter.username,
        "is_of_username": counter.is_of_username,
        "is_of_device": counter.is_of_device,
    }
    try:
        counter.version = store.put(indices.THROTTLE, counter.id, document, counter.version)
    except errors.Conflict:
        return False
    return True


def _delete(counter: Counter) -> None:
    try:
        store.delete(indices.THROTTLE, counter.id, counter.version)
    except errors.Conflict:  # another attempt failed at this moment: that counts
        pass
