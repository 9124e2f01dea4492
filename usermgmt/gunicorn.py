"""gunicorn settings. An event loop handles connections, threads handle requests (threaded_wsgi.py)."""

import os
from pathlib import Path

import environ


class _Env(environ.Env):  # type: ignore[misc]
    """Doesn't write to os.environ, where old values would hide those of the file when a SIGHUP reloads it."""

    ENVIRON = dict(os.environ)


env = _Env()
env.read_env(os.environ.get("ENV_FILE", Path(__file__).resolve().parent.parent / ".env"))

bind = f"{env.str('HOST', default='127.0.0.1')}:{env.int('PORT', default=8000)}"
workers = env.int("WEB_WORKERS", default=1)
worker_class = "asgi"
asgi_loop = "asyncio"
asgi_lifespan = "off"
# A username can have 507 characters, each encoded as three, and a URL can have a hundred usernames. gunicorn's own limit is 1 MB.
limit_request_line = 0
# Seconds. A stop also waits for idle connections, and browsers open some in advance.
graceful_timeout = 10
control_socket_disable = True
# Only BEHIND_PROXY decides whether to trust a reverse proxy. By default gunicorn trusts the scheme and script name in headers
# from this machine.
forwarded_allow_ips = ""
