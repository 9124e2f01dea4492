"""Guessing passwords is slowed down: wrong ones are counted in documents that all processes share.

A guess counts for the name from this address, for the name from everywhere, and for the address whatever the name. Beyond a
limit the next one has to wait: half a minute, then twice as long each time, a quarter of an hour at most. Meanwhile
Elasticsearch is not asked (a wrong password would throw a good one out of its cache), and the answer is that of a wrong password.
A browser in which the person has signed in before has a count of its own and no other, so that nobody keeps them out by guessing.
"""

import hmac
import ipaddress
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic, sleep
from typing import Any, Final, TypeVar

from django.conf import settings
from django.utils import timezone

from accounts.services import errors
from accounts.services.client import can_verify_credentials
from accounts.services.documents import indices, store
from accounts.services.documents.store import Version

logger = logging.getLogger(__name__)

T = TypeVar("T")

FIRST_WAIT: Final = timedelta(seconds=30)
LONGEST_WAIT: Final = timedelta(minutes=15)
# How long a wrong one is remembered after the last, or after the wait that it led to.
MEMORY: Final = timedelta(minutes=15)
# Of those who count at once one is first; more than there are threads never meet.
MAX_TRIES: Final = 100


@dataclass(frozen=True)
class Attempt:
    """Somebody tries a password. `device`: the mark of a browser in which this person has signed in before, or ""."""

    username: str
    address: str
    device: str = ""


@dataclass
class Counter:
    """One document: how many were wrong, and until when nobody may try."""

    id: str
    limit: int
    is_forgiven: bool  # by a right password
    failures: int = 0
    until: datetime = datetime.min
    version: Version | None = None
    is_claimed: bool = False

    @property
    def is_beyond(self) -> bool:
        """Whether only one guess at a time may be made."""
        return self.failures >= self.limit


def attempt(guess: Attempt, check: Callable[[], T]) -> T:
    """What `check` returns, unless too many guesses were wrong: then it is not called.

    Raises what `check` raises: AuthenticationFailed counts; RateLimited, a kind of it, when it was not called; Unavailable when the
    cluster could not tell, which never counts.
    """
    counters = _read(guess)
    _demand_turn(counters)
    try:
        answer = check()
    except errors.AuthenticationFailed as exc:
        if not can_verify_credentials():
            _give_back(counters)
            raise errors.Unavailable(str(exc)) from None
        _count(counters)
        raise
    except BaseException:
        _give_back(counters)
        raise
    _forgive(counters)
    return answer


def wait(failures_beyond: int) -> timedelta:
    """How long after so many wrong ones beyond the limit."""
    doublings = min(failures_beyond, LONGEST_WAIT // FIRST_WAIT)
    return min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)


def arrival_time() -> float:
    """A moment, for `pad`."""
    return monotonic()


def wait_until_slot(arrived: float) -> None:
    """Wait until a fixed time after the arrival, so that a refusal's time does not tell why.

    An unknown name is refused in a hundredth of the time of a wrong password. Where even the fixed time was not enough, until
    the next multiple of it.
    """
    if period := settings.THROTTLE_ANSWER_SECONDS:
        sleep(period - (monotonic() - arrived) % period)


def _counters(guess: Attempt) -> list[Counter]:
    name, address = guess.username.casefold(), _network(guess.address)
    few, many = settings.THROTTLE_FAILURES, settings.THROTTLE_FAILURES_IN_ALL
    if guess.device:
        return [Counter(_id("device", name, guess.device), few, is_forgiven=True)]
    return [
        Counter(_id("name at address", name, address), few, is_forgiven=True),
        Counter(_id("name", name), many, is_forgiven=True),
        # Or whoever has one right password could go on guessing at others for ever.
        Counter(_id("address", address), many, is_forgiven=False),
    ]


def _network(address: str) -> str:
    """An IPv6 customer has a whole /64 to send from."""
    try:
        is_long = ipaddress.ip_address(address).version == 6
    except ValueError:
        return address
    return str(ipaddress.ip_network(f"{address}/64", strict=False)) if is_long else address


def _id(*parts: str) -> str:
    """Keyed, because people type passwords in the place of names."""
    return hmac.digest(settings.SECRET_KEY.encode(), "\0".join(("usermgmt throttle", *parts)).encode(), "sha256").hex()


def _read(guess: Attempt) -> list[Counter]:
    counters = _counters(guess)
    documents = store.get_many(indices.THROTTLE, [counter.id for counter in counters])
    for counter, document in zip(counters, documents, strict=True):
        _fill(counter, document)
    return counters


def _fill(counter: Counter, document: dict[str, Any] | None) -> None:
    counter.failures, counter.until, counter.version = 0, _past(), None
    if document is None:
        return
    counter.version = Version.of(document)
    source = document["_source"]
    if datetime.fromisoformat(source["expires"]) > timezone.now():
        counter.failures, counter.until = source["failures"], datetime.fromisoformat(source["until"])


def _past() -> datetime:
    return timezone.now() - timedelta(seconds=1)


def _demand_turn(counters: list[Counter]) -> None:
    """Raise RateLimited unless this guess may be made; where they may be made one at a time, it is this one's turn."""
    if any(counter.until > timezone.now() for counter in counters):
        raise errors.RateLimited("too many wrong passwords")
    for counter in counters:
        if counter.is_beyond and not _claim(counter):
            _give_back(counters)
            raise errors.RateLimited("another guess was first")


def _claim(counter: Counter) -> bool:
    counter.until = timezone.now() + wait(counter.failures - counter.limit)
    counter.is_claimed = _write(counter)
    return counter.is_claimed


def _give_back(counters: list[Counter]) -> None:
    """The turn was not used, or what came of it counts for nothing."""
    for counter in counters:
        if counter.is_claimed:
            counter.until = _past()
            _try_to(_write, counter)


def _count(counters: list[Counter]) -> None:
    for counter in counters:
        for _ in range(MAX_TRIES):
            counter.failures += 1
            counter.until = timezone.now() + wait(counter.failures - counter.limit) if counter.is_beyond else _past()
            if _write(counter):
                break
            _fill(counter, store.get(indices.THROTTLE, counter.id))


def _forgive(counters: list[Counter]) -> None:
    for counter in counters:
        if counter.is_forgiven and counter.version:
            _try_to(_delete, counter)
    _give_back([counter for counter in counters if not counter.is_forgiven])


def _try_to(do: Callable[[Counter], object], counter: Counter) -> None:
    """What was asked for is done; a count that cannot be mended ends by itself."""
    try:
        do(counter)
    except errors.ServiceError:
        logger.exception("Could not write a counter of failed attempts")


def _write(counter: Counter) -> bool:
    """Whether nobody else has written it since it was read."""
    expires = max(counter.until, timezone.now()) + MEMORY
    document = {"failures": counter.failures, "until": counter.until.isoformat(), "expires": expires.isoformat()}
    try:
        counter.version = store.put(indices.THROTTLE, counter.id, document, counter.version)
    except errors.Conflict:
        return False
    return True


def _delete(counter: Counter) -> None:
    try:
        store.delete(indices.THROTTLE, counter.id, counter.version)
    except errors.Conflict:  # a wrong password came at this moment: that counts
        pass
