"""The delays after failed attempts to sign in (`throttle`), for administrators: which there are, and lifting them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from django.utils import timezone

from accounts.services import audit
from accounts.services.client import PersonClient, service_client
from accounts.services.documents import damage, indices, store

MAX_COUNTERS: Final = 1000  # of one search


@dataclass(frozen=True)
class Delay:
    """The next attempt has to wait: for a username (from an address, in a known browser, or anywhere), or for an address.

    `username`: "" if the entered text isn't known to be a username. `address`: an IP address or an IPv6 network, "" for all.
    """

    id: str
    username: str
    address: str
    is_of_username: bool
    is_of_device: bool
    failures: int
    until: datetime

    @classmethod
    @damage.checked
    def of(cls, hit: Mapping[str, Any]) -> Self:
        """From a hit of a search."""
        source = hit["_source"]
        return cls(
            id=hit["_id"],
            username=source.get("username", ""),
            address=source.get("address", ""),
            is_of_username=source.get("is_of_username", True),
            is_of_device=source.get("is_of_device", False),
            failures=source["failures"],
            until=datetime.fromisoformat(source["until"]),
        )

    @property
    def target(self) -> str:
        """The username, or else the address; "" if neither is known."""
        return self.username or self.address


def current() -> list[Delay]:
    """All delays at this moment, the longest first. Raises Unavailable and NotSetUp."""
    query = {"range": {"expires": {"gt": "now"}}}
    found = service_client().search(
        index=indices.THROTTLE, query=query, sort=[{"expires": "desc"}], size=MAX_COUNTERS, ignore_unavailable=True
    )
    delays, _ = damage.readable(Delay.of, found["hits"]["hits"])  # a damaged one delays nobody
    return [delay for delay in delays if delay.until > timezone.now()]


def lift(client: PersonClient, lifted: Sequence[Delay]) -> None:
    """Allow the next attempts at once, and record it. The failed attempts are forgotten.

    Raises AuditUnavailable, and lifts nothing, if the audit trail can't be written; Unavailable.
    """
    for delay in lifted:
        kind = "user" if delay.username else "address"
        with audit.recorded(client, audit.Action.SIGN_IN_ALLOW, delay.target, kind=kind):
            store.delete(indices.THROTTLE, delay.id)
