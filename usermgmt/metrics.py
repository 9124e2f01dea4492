"""What usermgmt counts, in the format of Prometheus.

Labels are names from the code: never usernames, paths, or addresses. With gunicorn, all processes count into files of one folder
(usermgmt/gunicorn.py), so each of them can answer for all.
"""

import os
from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector

FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"  # read by prometheus_client when it is imported
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS: Final = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)  # seconds

disable_created_metrics()  # type: ignore[no-untyped-call]
_registry = CollectorRegistry()

REQUESTS: Final = Histogram(
    "usermgmt_request_duration_seconds",
    "Requests by view and class of the status (2xx), without health checks and static files; a download until its last byte.",
    ["view", "status"],
    registry=_registry,
    buckets=BUCKETS,
)
CALLS: Final = Histogram(
    "usermgmt_elasticsearch_call_duration_seconds",
    "Calls to Elasticsearch by API, and by outcome: success, or the code of an error.",
    ["api", "outcome"],
    registry=_registry,
    buckets=BUCKETS,
)
SIGN_INS: Final = Counter(
    "usermgmt_sign_ins",
    "Sign-ins on the sign-in page by outcome: success, or the code of an error.",
    ["outcome"],
    registry=_registry,
)
THROTTLED: Final = Counter(
    "usermgmt_throttled_attempts",
    "Attempts with a password that were rejected without checking it, because too many others had failed.",
    registry=_registry,
)
RATE_LIMITED: Final = Counter(
    "usermgmt_rate_limited_requests",
    "Requests of the user API that were rejected because their address had sent too many in a minute.",
    registry=_registry,
)
AUDIT_EVENTS: Final = Counter(
    "usermgmt_audit_events",
    "Events for the audit trail by outcome: success, or failure if Elasticsearch didn't accept them.",
    ["outcome"],
    registry=_registry,
)

# From 0 on: rate() doesn't see an increase to 1 if there was nothing before.
for _outcome in ("success", "failure"):
    AUDIT_EVENTS.labels(_outcome)
for _outcome in ("success", "authentication_failed", "rate_limited"):
    SIGN_INS.labels(_outcome)


def exposition(sessions: int | None) -> bytes:
    """All of it, of all processes. `sessions`: the number of active ones, or None if that isn't known."""
    registry = _registry
    if FOLDER in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    counted = generate_latest(registry)
    return counted if sessions is None else counted + generate_latest(_Sessions(sessions))


class _Sessions:
    """A collector. A gauge of prometheus_client would be a number of each process."""

    def __init__(self, number: int) -> None:
        self._number = number

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield GaugeMetricFamily("usermgmt_sessions", "Active sessions, of all servers.", value=self._number)
