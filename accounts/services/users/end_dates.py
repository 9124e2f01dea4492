"""The end date of a user: the last day on which they are to be active, in UTC, as `active_until` in their metadata."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, Literal

from django.utils import timezone

from accounts.services.client import PersonClient, cached_per_scope
from accounts.services.users.users import User, user_from_api

KEY: Final = "active_until"
SOON: Final = timedelta(days=14)
MONTH: Final = timedelta(days=30)
# Read at once to look for users past their end date, because Elasticsearch can't search metadata.
MAX_READ: Final = 10_000
ISO_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)

State = Literal["later", "soon", "past", "unreadable"]


@dataclass(frozen=True, slots=True)
class EndDate:
    """As it is stored; `day` is None if that isn't a date."""

    day: date | None
    stored: Any

    def state(self, today: date) -> State:
        if self.day is None:
            return "unreadable"
        if self.day < today:
            return "past"
        return "soon" if self.day - today <= SOON else "later"


def parse(value: Any) -> date | None:
    """The date that is written as YYYY-MM-DD; None for anything else."""
    if not isinstance(value, str) or not ISO_DATE.fullmatch(value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def of(user: User) -> EndDate | None:
    """None for built-in users, and for those without an end date."""
    stored = user.metadata.get(KEY)
    return None if stored is None or user.is_reserved else EndDate(parse(stored), stored)


def day_of(metadata: Mapping[str, Any]) -> date | None:
    """The end date, if there is one that can be read."""
    return parse(metadata.get(KEY))


def without(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata without an end date that can be read; one that can't stays."""
    return {key: value for key, value in metadata.items() if key != KEY or parse(value) is None}


def today() -> date:
    """In UTC."""
    return timezone.now().date()


def is_past(user: User) -> bool:
    """Whether the user is still active, although their end date is over."""
    end = of(user)
    return user.enabled and end is not None and end.state(today()) == "past"


def ends_within_a_month(user: User) -> bool:
    """Whether the user is active, and their end date is today or on one of the next 30 days."""
    end = of(user)
    return user.enabled and end is not None and end.day is not None and today() <= end.day <= today() + MONTH


@cached_per_scope
def count_past(client: PersonClient) -> int | None:
    """How many users are active past their end date; None if there are too many active users to look at. Two calls."""
    active = {"term": {"enabled": True}}
    if client.query_user(query=active, size=0)["total"] > MAX_READ:
        return None
    return sum(is_past(user_from_api(body)) for body in client.query_user(query=active, size=MAX_READ)["users"])
