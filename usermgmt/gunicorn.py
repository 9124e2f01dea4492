"""gunicorn settings. An event loop handles connections, threads handle requests (threaded_wsgi.py)."""

import fcntl
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
from http import HTTPStatus
from pathlib import Path
from typing import Any

import gunicorn.asgi.protocol  # type: ignore[import-untyped]  # a name like `protocol` here would be a setting
import gunicorn.glogging  # type: ignore[import-untyped]

# gunicorn has put the current folder first, which can contain other packages with these names.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from usermgmt import paths, tls, tracing


def _read(**options: Any) -> "subprocess.CompletedProcess[bytes]":
    """In a process of its own: in this one, old values would hide those of the file when a SIGHUP reloads it."""
    return paths.run_module("usermgmt.web_settings", stdout=subprocess.PIPE, **options)


# gunicorn's asyncio worker writes "412 Unknown" for statuses that are missing in its table, and ASGI has no reason phrases.
for _status in HTTPStatus:
    getattr(gunicorn.asgi.protocol, "_REASON_PHRASES", {}).setdefault(_status.value, _status.phrase)

METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # as in metrics.py, which this process doesn't import

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
# Seconds. A proxy can send a change while an idle connection is being closed, and mustn't send it again: it answers with 502.
keepalive = 0 if _settings["behind_proxy"] else 2
# Seconds. A stop also waits for idle connections, and browsers open some in advance.
graceful_timeout = 10
control_socket_disable = True
logconfig_dict = _settings["logging"]


class WithoutAccessLog(gunicorn.glogging.Logger):  # type: ignore[misc]
    """With a `logconfig_dict`, gunicorn makes a line of its access log for each request, although no handler takes it.

    REQUEST_LOG has lines of our own, without paths.
    """

    access_log_enabled = False


logger_class = WithoutAccessLog
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
        run = _read(stderr=subprocess.PIPE)
        if run.returncode:
            reason = run.stderr.decode(errors="replace").strip()
            server.log.error("The server continues with the previous settings. %s", reason)
        elif json.loads(run.stdout)["bind"] != bind:  # gunicorn closes the old address before it knows whether it can use the new
            server.log.error("HOST and PORT can't be changed without a restart. The server continues with the previous settings.")
        else:
            reload()

    server.reload = reload_valid_settings
    _share_metrics(server)


def on_reload(server: Any) -> None:
    """METRICS_TOKEN may be new."""
    _share_metrics(server)


def on_exit(server: Any) -> None:
    """Remove what `_share_metrics` created."""
    if folder := getattr(server, "metrics_folder", ""):
        shutil.rmtree(folder, ignore_errors=True)


def _share_metrics(server: Any) -> None:
    """Let all processes count into files of one folder, so that each of them can answer for all, and for those before it."""
    if _settings["has_metrics"] and METRICS_FOLDER not in os.environ:
        server.metrics_folder = os.environ[METRICS_FOLDER] = tempfile.mkdtemp(prefix="usermgmt-metrics-")
        # Keeps systemd-tmpfiles from deleting the files while the server runs.
        fcntl.flock(os.open(server.metrics_folder, os.O_RDONLY), fcntl.LOCK_SH)


def post_fork(server: Any, worker: Any) -> None:
    """Use the settings that were checked. The file may have changed, and a process that replaces another would not start."""
    os.environ.update(_settings["variables"], ENV_FILE=os.devnull)


def worker_exit(server: Any, worker: Any) -> None:
    """Export the last spans, while threads can still be started."""
    tracing.stop()
