"""How much happened when: the counts behind the chart of activity."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.utils import timezone

from accounts.services.audit.queries import Query

MOST_BARS: Final = 62
BY_DEFAULT: Final = timedelta(days=30)
WIDTHS: Final = ("1m", "5m", "30m", "1h", "3h", "12h", "1d", "7d", "30d", "365d")
UNITS: Final = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: what happened from a moment on."""

    begins: datetime
    ends: datetime
    count: int


def aggregation(query: Query) -> dict[str, Any]:
    """What to count, over the time that is asked for, or the last thirty days."""
    until = query.until or timezone.now()
    since = query.since or until - BY_DEFAULT
    bounds = {"min": since.isoformat(), "max": until.isoformat()}
    interval = width(until - since)
    # Not `hard_bounds`: beside `extended_bounds`, a date_nanos field has no counts any more.
    histogram = {"field": "@timestamp", "fixed_interval": interval, "min_doc_count": 0, "extended_bounds": bounds}
    return {
        "filter": {"range": {"@timestamp": {"gte": bounds["min"], "lte": bounds["max"]}}},
        "aggs": {"periods": {"date_histogram": histogram}},
        "meta": {"width": interval},
    }


def width(period: timedelta) -> str:
    """How much time one bar has, so that they are not too many."""
    return next((name for name in WIDTHS if period / duration(name) <= MOST_BARS), WIDTHS[-1])


def duration(name: str) -> timedelta:
    """A width as Elasticsearch writes it."""
    return int(name[:-1]) * UNITS[name[-1]]


def bars(aggregations: Mapping[str, Any]) -> list[Bar]:
    """The answer; empty for a trail without an index."""
    found = aggregations.get("bars")
    if not found:
        return []
    length = duration(found["meta"]["width"])
    begins = [(datetime.fromtimestamp(bucket["key"] / 1000, UTC), bucket["doc_count"]) for bucket in found["periods"]["buckets"]]
    return [Bar(begin, begin + length, count) for begin, count in begins]
