"""Adds the request ID to every log line, so that the one on an error page leads to its log lines."""

import logging
from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="")


class RequestIdFilter(logging.Filter):
    """Adds the ECS field `trace.id`. Requests to Elasticsearch send it as `X-Opaque-Id`, so the cluster's logs have it too."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always True; adds the current request ID, if any."""
        if current := request_id.get():
            setattr(record, "trace.id", current)
        return True
