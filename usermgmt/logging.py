"""Gives every log line the id of the request that it belongs to, so that a person's error page leads to it."""

import logging
from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="")


class RequestIdFilter(logging.Filter):
    """Adds ECS `trace.id`; it is also the `X-Opaque-Id` of our calls, so the cluster's own logs have it too."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, with the current request's id where there is one."""
        if current := request_id.get():
            setattr(record, "trace.id", current)
        return True
