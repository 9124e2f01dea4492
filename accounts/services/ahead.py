"""Questions that are asked ahead: the cluster works on the answer while the page's unchanging parts are written."""

import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")

# As many as a process has threads that could each ask once; see usermgmt/gunicorn.py.
THREADS = 32


@cache
def _pool() -> ThreadPoolExecutor:
    """Made when first needed: threads do not survive the fork of a server's worker."""
    return ThreadPoolExecutor(THREADS, thread_name_prefix="ahead")


def ahead(ask: Callable[..., T], *args: Any) -> Callable[[], T]:
    """Begin to ask, and return what waits for the answer; what asking raises is raised there. The request's id goes along."""
    return _pool().submit(contextvars.copy_context().run, ask, *args).result
