"""Events over time: the counts behind the chart."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.utils import timezone

from accounts.services.audit.queries import Query

MAX_BARS: Final = 62
DEFAULT_PERIOD: Final = timedelta(days=30)
WIDTHS: Final = ("1m", "5m", "30m", "1h", "3h", "12h", "1d", "7d", "30d", "365d")
UNITS: Final = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


@dataclass(frozen=True, slots=True)
class Bar:
    start: datetime
    ends: datetime
    count: int


def aggregation(query: Query) -> dict[str, Any]:
    """The aggregation over the period of the query, by default over 30 days."""
    until = query.until or timezone.now()
    since = query.since or until - DEFAULT_PERIOD
    bounds = {"min": since.isoformat(), "max": until.isoformat()}
    interval = width(until - since)
    # Not `hard_bounds`: together with `extended_bounds`, a date_nanos field gets no counts.
    histogram = {"field": "@timestamp", "fixed_interval": interval, "min_doc_count": 0, "extended_bounds": bounds}
    histogram["time_zone"] = timezone.get_current_timezone_name()
    return {
        "filter": {"range": {"@timestamp": {"gte": bounds["min"], "lte": bounds["max"]}}},
        "aggs": {"periods": {"date_histogram": histogram}},
        "meta": {"width": interval},
    }


def width(period: timedelta) -> str:
    """The shortest interval with at most MAX_BARS bars."""
    return next((name for name in WIDTHS if period / duration(name) <= MAX_BARS), WIDTHS[-1])


def duration(name: str) -> timedelta:
    """The length of an interval in Elasticsearch's notation, such as `30m`."""
    return int(name[:-1]) * UNITS[name[-1]]


def bars(aggregations: Mapping[str, Any]) -> list[Bar]:
    """The bars in the `aggregations` of a response; empty without an audit index."""
    found = aggregations.get("bars")
    if not found:
        return []
    length = duration(found["meta"]["width"])
    counts = [(datetime.fromtimestamp(bucket["key"] / 1000, UTC), bucket["doc_count"]) for bucket in found["periods"]["buckets"]]
    return [Bar(start, start + length, count) for start, count in counts]
