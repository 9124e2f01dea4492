"""gunicorn settings. An event loop handles connections, threads handle requests (threaded_wsgi.py)."""

import json
import os
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

# gunicorn has put the current folder first, which can contain other packages with these names.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from usermgmt import paths, tls


def _read() -> "subprocess.CompletedProcess[bytes]":
    """In a process of its own: in this one, old values would hide those of the file when a SIGHUP reloads it."""
    return paths.run_module("usermgmt.web_settings", stdout=subprocess.PIPE)


_run = _read()
if _run.returncode:
    sys.exit(_run.returncode)
_settings = json.loads(_run.stdout)

bind = _settings["bind"]
workers = _settings["workers"]
certfile, keyfile = _settings["certfile"] or None, _settings["keyfile"] or None
_tls_context = tls.server_context(certfile, keyfile) if certfile and keyfile else None
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


def ssl_context(config: Any, default_factory: Any) -> ssl.SSLContext | None:
    """That of the main process: gunicorn's own would let a process that can't read the files serve HTTP without TLS."""
    return _tls_context


def on_starting(server: Any) -> None:
    """Reload (SIGHUP) only settings with which the server can continue: gunicorn would end it."""
    reload = server.reload

    def reload_valid_settings() -> None:
        run = _read()
        if run.returncode:
            server.log.error("A setting is wrong. The server continues with the previous settings.")
        elif json.loads(run.stdout)["bind"] != bind:  # gunicorn closes the old address before it knows whether it can use the new
            server.log.error("HOST and PORT can't be changed without a restart. The server continues with the previous settings.")
        else:
            reload()

    server.reload = reload_valid_settings


def post_fork(server: Any, worker: Any) -> None:
    """Use the settings that were checked. The file may have changed, and a process that replaces another would not start."""
    os.environ.update(_settings["variables"], ENV_FILE=os.devnull)
