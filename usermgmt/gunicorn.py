"""gunicorn's settings: threads, because a request mostly waits for Elasticsearch."""

import gc
import os
import random
from collections import Counter
from pathlib import Path
from typing import Any, Final

import environ


class _Env(environ.Env):  # type: ignore[misc]
    """With variables of its own: what the file says today would stay in the environment when a SIGHUP asks to read it again."""

    ENVIRON = dict(os.environ)


env = _Env()
env.read_env(os.environ.get("ENV_FILE", Path(__file__).resolve().parent.parent / ".env"))

bind = f"{env.str('HOST', default='127.0.0.1')}:{env.int('PORT', default=8000)}"
workers = env.int("WEB_WORKERS", default=1)
worker_class = "usermgmt.worker.StayingWorker"
threads = env.int("WEB_THREADS", default=16)
# A user name may have 507 characters, each of them three in a URL, and a dialog may name a hundred users.
limit_request_line = 0
control_socket_disable = True
# Whether a proxy stands in front is BEHIND_PROXY's to say. By itself gunicorn believes what comes from this machine: the scheme,
# and in which folder the product is.
forwarded_allow_ips = ""

# Of the threads of a process only one is in Python at a time: on several processors they would wait for each other's wake-ups.
PINNED: Final = env.bool("WEB_PINNED", default=True) and hasattr(os, "sched_setaffinity")


def pre_fork(server: Any, worker: Any) -> None:
    """Choose a processor for the process that will be: one of those with the fewest of ours."""
    if PINNED:
        # One from before a SIGHUP that pins them has none.
        ours = Counter(getattr(other, "processor", None) for other in server.WORKERS.values())
        processors = os.sched_getaffinity(0)
        fewest = min(ours[processor] for processor in processors)
        # Any of them: this may not be the only program here that is pinned.
        worker.processor = random.choice([processor for processor in processors if ours[processor] == fewest])  # noqa: S311


def post_fork(server: Any, worker: Any) -> None:
    """Stay on it; threads inherit that."""
    if PINNED:
        os.sched_setaffinity(0, {worker.processor})


def post_worker_init(worker: object) -> None:
    """What is loaded by now stays: the garbage collector need not look at it again in the middle of a page."""
    gc.freeze()
