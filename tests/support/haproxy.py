"""HAProxy in front of several servers, configured as in the README."""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from local_cluster.node import wait_for
from tests.support import certificates
from tests.support.server import ROOT

# script/setup unpacks it, with the libraries that are missing, without installing it.
UNPACKED: Final = ROOT / ".haproxy"
PROGRAM: Final = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin:{UNPACKED / 'usr/sbin'}")
EXAMPLE: Final = re.compile(r"With HAProxy.*\n\n((?:      .*\n|\n)+)")

TIMEOUTS: Final = """defaults
    timeout connect 2s
    timeout client 60s
    timeout server 60s"""


@contextmanager
def haproxy(folder: Path, port: int, *urls: str) -> Iterator[None]:
    """Listens with HTTPS at the port. The servers of the example are replaced by these."""
    if PROGRAM is None:
        (pytest.fail if "CI" in os.environ else pytest.skip)("HAProxy is not installed")
    identity = certificates.make("localhost")
    (folder / "usermgmt.pem").write_bytes(identity.pem + identity.key_pem)
    (folder / "haproxy.cfg").write_text(_configuration(folder, port, urls))
    environment = {**os.environ, "LD_LIBRARY_PATH": os.pathsep.join(map(str, (UNPACKED / "usr/lib").glob("*-linux-gnu")))}
    with (folder / "haproxy.log").open("wb") as log:
        command = [PROGRAM, "-db", "-f", "haproxy.cfg"]
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        assert wait_for(lambda: _listens(port), 20), (folder / "haproxy.log").read_text()
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def _configuration(folder: Path, port: int, urls: tuple[str, ...]) -> str:
    example = EXAMPLE.search((ROOT / "README.md").read_text())
    assert example, "the README has an example"
    text = re.sub(r"^ {6}", "", example[1], flags=re.MULTILINE)
    text = text.replace(":443", f"127.0.0.1:{port}").replace("/etc/haproxy/usermgmt.pem", str(folder / "usermgmt.pem"))
    line = next(line for line in text.splitlines() if " server " in line)
    options = line.split(maxsplit=3)[3]
    servers = [f"    server s{number} {url.removeprefix('http://')} {options}" for number, url in enumerate(urls)]
    others = [line for line in text.splitlines() if not line.strip().startswith("server ")]
    return "\n".join([TIMEOUTS, *others, *servers, ""])


def _listens(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0
