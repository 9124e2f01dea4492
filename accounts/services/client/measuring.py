"""Counts calls to Elasticsearch, for the metrics and for the log of the request that they belong to."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from accounts.services import errors, request_context
from usermgmt import metrics


@contextmanager
def measured(api: str) -> Iterator[None]:
    """Count one call, whose outcome is the ServiceError that the block raises, or success. `api`: a name without parameters."""
    started, outcome = perf_counter(), "internal_error"
    try:
        yield
        outcome = "success"
    except errors.ServiceError as exc:
        outcome = exc.code
        raise
    finally:
        seconds = perf_counter() - started
        metrics.CALLS.labels(api, outcome).observe(seconds)
        if observation := request_context.observation.get():
            observation.calls += 1
            observation.seconds_of_calls += seconds
