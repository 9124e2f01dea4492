"""`usermgmt health-check`: whether the server that has the same settings answers at its own address."""

import json
import os
import socket
import ssl
import subprocess
import sys
from contextlib import ExitStack

from usermgmt import paths

SECONDS = 5
REQUEST = b"GET /livez HTTP/1.0\r\n\r\n"


def main() -> int:
    """The exit code: 0 if it answers."""
    run = paths.run_module("usermgmt.web_settings", stdout=subprocess.PIPE)
    if run.returncode:
        return run.returncode
    settings = json.loads(run.stdout)
    try:
        answer = _answer(settings["bind"], is_tls=bool(settings["certfile"]))
    except OSError as exc:
        answer = str(exc).encode()
    if answer.split(b" ")[1:2] == [b"200"]:
        return os.EX_OK
    print(f"The server at {settings['bind']} doesn't answer: {answer.decode(errors='replace')}", file=sys.stderr)  # noqa: T201
    return 1


def _answer(bind: str, *, is_tls: bool) -> bytes:
    """The first line of the answer. Raises OSError."""
    with ExitStack() as open_connections:
        connection = open_connections.enter_context(_connection(bind))
        if is_tls:
            # The certificate names the host for users, not this address, and nothing secret is sent.
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            connection = open_connections.enter_context(context.wrap_socket(connection))
        connection.sendall(REQUEST)
        with connection.makefile("rb") as lines:
            return lines.readline().strip()


def _connection(bind: str) -> socket.socket:
    if bind.startswith("unix:"):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(SECONDS)
        connection.connect(bind.removeprefix("unix:"))
        return connection
    host, _, port = bind.rpartition(":")
    host = host.strip("[]")
    local = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return socket.create_connection((local, int(port)), SECONDS)
