"""Limits how many requests of one address this process answers in a minute, against programs that repeat requests without an end.

By address alone: a program can put any username into its credentials, and Elasticsearch would have to be asked whether it's right.
"""

import logging
from math import ceil
from threading import Lock
from time import monotonic
from typing import Final

from cachetools import LRUCache
from django.conf import settings

from accounts.services.signin.throttle import network
from usermgmt import metrics

logger = logging.getLogger(__name__)

PERIOD: Final = 60  # seconds
# When the minute of each address started, with a request, and how many there were in it.
_counts: Final[LRUCache[str, tuple[float, int]]] = LRUCache(10_000)
_lock: Final = Lock()


def seconds_to_wait(address: str) -> int:
    """Count a request, if it's within the limit: 0. Otherwise, in how many seconds it can be repeated."""
    limit = settings.USER_API_REQUESTS_PER_MINUTE
    if not limit:
        return 0
    now, client = monotonic(), network(address)
    with _lock:
        start, number = _counts.get(client, (now, 0))
        if now >= start + PERIOD:
            start, number = now, 0
        number += 1
        _counts[client] = start, number
    if number <= limit:
        return 0
    metrics.RATE_LIMITED.inc()
    if number == limit + 1:  # once a minute, and not for each request
        logger.warning("User API: more than %s requests in a minute from %s", limit, address or "an unknown address")
    return ceil(start + PERIOD - now)
