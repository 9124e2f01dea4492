"""The server as `script/server` starts it."""

import fcntl
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import urllib.request
import uuid
from pathlib import Path
from typing import Any

import pytest

from local_cluster.node import wait_for
from local_cluster.ports import free_ports
from tests.support.nodes import TestNode

ROOT = Path(__file__).parents[2]
UNVERIFIED = ssl._create_unverified_context()  # noqa: S323
RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid.uuid4().hex  # of all processes that share its tests


def serve(node: TestNode, log: Path, **more: str) -> tuple[str, subprocess.Popen[bytes]]:
    """Start gunicorn at a free port or the unix socket in HOST; `more` of its environment.

    It leads a group of processes, so that a test can kill all.
    """
    environment = {
        "ENV_FILE": os.devnull,
        "SECRET_KEY": "only for tests, and long enough to be taken",
        "ELASTICSEARCH_HOSTS": node.url,
        "ELASTICSEARCH_API_KEY": node.api_key,
        "HTTPS": "false",
        "CACHE_SECONDS": "0",
        "THROTTLE_FAILURES_IN_ALL": "1000000",
        "THROTTLE_ANSWER_SECONDS": "0",
        "PORT": str(free_ports(1)[0]),
        **more,
    }
    url = more.get("HOST") or f"http{'s' if 'TLS_CERTFILE' in more else ''}://127.0.0.1:{environment['PORT']}"
    return url, start({**os.environ, **environment}, log, url)


def start(environment: dict[str, str], log: Path, url: str, application: str = "usermgmt.asgi") -> "subprocess.Popen[bytes]":
    """gunicorn with the product's own settings, not the tests'; once it answers at the address that its environment gives it."""
    environment = {**environment, "DJANGO_SETTINGS_MODULE": "usermgmt.settings"}
    collect_static(environment)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "-c", "usermgmt/gunicorn.py", application],
            cwd=ROOT,
            env=environment,
            stderr=output,
            stdout=output,
            start_new_session=True,
        )
    if not wait_for(lambda: answers(url), 60):
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=30)
        pytest.fail(log.read_text())
    return process


def collect_static(environment: dict[str, str]) -> None:
    """Once in a run of tests, however many processes it has: another server may be sending these very files."""
    with (Path(tempfile.gettempdir()) / f"usermgmt-tests-{RUN}").open("a+") as collected:
        fcntl.flock(collected, fcntl.LOCK_EX)
        if not collected.seek(0, os.SEEK_END):  # now, because another process may have collected since it was opened
            subprocess.run(
                [sys.executable, "manage.py", "collectstatic", "--noinput", "-v0"], cwd=ROOT, env=environment, check=True
            )
            collected.write("collected")


def answers(url: str) -> bool:
    """Whether the server is alive, at a URL or a path of a unix socket."""
    try:
        if url.startswith("unix:"):
            return answer_at(url)[:12] == b"HTTP/1.1 200"
        with urllib.request.urlopen(f"{url}/livez", context=UNVERIFIED) as response:  # noqa: S310
            return bool(response.status == 200)
    except OSError:
        return False


def answer_at(unix_url: str, request: bytes = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n") -> bytes:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(unix_url.removeprefix("unix:"))
        connection.sendall(request)
        with connection.makefile("rb") as answer:
            return answer.read()


def recorded(node: TestNode) -> list[dict[str, Any]]:
    """The trail, as it is stored."""
    indices: Any = {"index": "usermgmt-audit-*", "expand_wildcards": ["open", "hidden"]}
    node.elastic.indices.refresh(**indices)
    return [hit["_source"] for hit in node.elastic.search(**indices, size=1000)["hits"]["hits"]]


def children_of(process: "subprocess.Popen[bytes]") -> list[str]:
    return Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
