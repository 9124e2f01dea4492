"""nginx, as it stands in front of the product under a path."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from local_cluster.node import wait_for
from tests.support import certificates
from tests.support.server import ROOT

# script/setup unpacks it without installing it.
PROGRAM: Final = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:{ROOT / '.nginx/usr/sbin'}")
SERVER: Final = """
    server {{
        listen 127.0.0.1:{port}{tls};
        ssl_certificate certificate.pem;
        ssl_certificate_key key.pem;
        client_max_body_size 101m;
        location {path}/ {{
            proxy_pass {upstream};
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
        }}
        location / {{ return 404; }}
    }}
"""
HTTP: Final = """
daemon off;
pid {folder}/pid;
worker_processes 1;
{user}
events {{}}
http {{
    {temporary}
    log_format requests "$status $request_method $request_uri";
    access_log {folder}/requests requests;
    {servers}
}}
"""


@contextmanager
def nginx(folder: Path, *servers: str) -> Iterator[None]:
    """Runs with these server blocks. Its log of requests is `folder/requests`."""
    if PROGRAM is None:
        (pytest.fail if "CI" in os.environ else pytest.skip)("nginx is not installed")
    identity = certificates.make("localhost")
    (folder / "certificate.pem").write_bytes(identity.pem)
    (folder / "key.pem").write_bytes(identity.key_pem)
    temporary = [f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")]
    user = "" if os.getuid() else "user root;"
    configuration = HTTP.format(folder=folder, user=user, temporary="\n    ".join(temporary), servers="".join(servers))
    (folder / "nginx.conf").write_text(configuration)
    with (folder / "nginx.log").open("wb") as log:
        process = subprocess.Popen([PROGRAM, "-p", folder, "-c", "nginx.conf", "-e", "stderr"], stdout=log, stderr=log)
    try:
        assert wait_for((folder / "pid").exists, 20), (folder / "nginx.log").read_text()  # written when it listens
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def server(port: int, path: str, upstream: str, *, tls: bool = True) -> str:
    """Serves the path, and nothing else. With a slash at its end, `upstream` replaces the path."""
    return SERVER.format(port=port, path=path, upstream=upstream, tls=" ssl" if tls else "")
