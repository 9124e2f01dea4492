"""gunicorn's settings. An event loop talks to the clients, and threads answer them (threaded_wsgi.py)."""

import gc
import os
from pathlib import Path

import environ


class _Env(environ.Env):  # type: ignore[misc]
    """With variables of its own: what the file says today would stay in the environment when a SIGHUP asks to read it again."""

    ENVIRON = dict(os.environ)


env = _Env()
env.read_env(os.environ.get("ENV_FILE", Path(__file__).resolve().parent.parent / ".env"))

bind = f"{env.str('HOST', default='127.0.0.1')}:{env.int('PORT', default=8000)}"
workers = env.int("WEB_WORKERS", default=1)
worker_class = "asgi"
asgi_loop = "asyncio"
asgi_lifespan = "off"
# A user name may have 507 characters, each of them three in a URL, and a dialog may name a hundred users. gunicorn ends at 1 MB.
limit_request_line = 0
# A stop waits this long for open connections, including those without a request: browsers open some in advance.
graceful_timeout = 10
control_socket_disable = True
# Whether a proxy stands in front is BEHIND_PROXY's to say. By itself gunicorn believes what comes from this machine: the scheme,
# and in which folder the product is.
forwarded_allow_ips = ""


def post_worker_init(worker: object) -> None:
    """What is loaded by now stays: the garbage collector need not look at it again in the middle of a page."""
    gc.freeze()
