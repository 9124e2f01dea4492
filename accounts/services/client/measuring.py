"""Counts calls to Elasticsearch, for the metrics, and for the log and the trace of the request that they belong to."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from accounts.services import errors, request_context
from usermgmt import metrics, tracing


@contextmanager
def measured(api: str) -> Iterator[None]:
    """Count one call, whose outcome is the ServiceError that the block raises, or success. `api`: a name without parameters."""
    started, outcome = perf_counter(), "internal_error"
    observation, recorder = request_context.observation.get(), tracing.recorder
    span = recorder.start_call(observation.span, api) if recorder and observation and observation.span else None
    try:
        yield
        outcome = "success"
    except errors.ServiceError as exc:
        outcome = exc.code
        raise
    finally:
        seconds = perf_counter() - started
        metrics.CALLS.labels(api, outcome).observe(seconds)
        if observation:
            observation.calls += 1
            observation.seconds_of_calls += seconds
        if recorder and span:
            recorder.end_call(span, "" if outcome == "success" else outcome)
