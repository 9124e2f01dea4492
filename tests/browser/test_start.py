"""Starting the server: the addresses at which it serves, a read-only installation, and a wrong setting. No node is needed."""

import http.client
import os
import re
import signal
import socketserver
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from playwright.sync_api import Browser, expect

from accounts.services.client import setup_problems
from local_cluster.node import wait_for
from local_cluster.ports import free_ports
from tests.support.nginx import nginx, server
from tests.support.server import answer_at, answers, start

SETTINGS = {
    "ENV_FILE": os.devnull,
    "SECRET_KEY": "$nly for tests, and long enough to be taken",
    "ELASTICSEARCH_HOSTS": "http://127.0.0.1:1/, http://127.0.0.1:1",
    "ELASTICSEARCH_API_KEY": "a-key",
    "HTTPS": "false",
}
STYLE = re.compile(r'href="(/static/css/app[^"]+)"')
# In a mount namespace of its own, so that everybody is kept from writing, even root.
READ_ONLY = 'mount --bind "$PWD" "$PWD" && mount -o remount,bind,ro "$PWD" && cd "$PWD" && ! touch new 2>/dev/null && exec "$@"'
UNSHARE = ["unshare", "--mount", *(["--map-root-user"] if os.getuid() else [])]
needs_namespaces = pytest.mark.skipif(
    subprocess.run([*UNSHARE, "true"], check=False).returncode != 0, reason="mount namespaces aren't allowed here"
)


@contextmanager
def serving(log: Path, url: str, **environment: str) -> Iterator[None]:
    process = start({**os.environ, **SETTINGS, **environment}, log, url)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.mark.parametrize("host", ["::", " [::1] ", "localhost"])
def test_hosts_are_served(host: str, tmp_path: Path) -> None:
    port = free_ports(1)[0]
    url = f"http://{'localhost' if host == 'localhost' else '[::1]'}:{port}"
    with serving(tmp_path / "log", url, HOST=host, PORT=str(port), ALLOW_HTTP="true"):
        assert answers(url)


def test_unix_socket_is_served(tmp_path: Path) -> None:
    with TemporaryDirectory() as folder:  # a shorter path than tmp_path
        url = f"unix:{folder}/socket"
        with serving(tmp_path / "log", url, HOST=url):
            answer = answer_at(url, b"GET /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert (answer[:12], b'action="/login"' in answer) == (b"HTTP/1.1 200", True)


def test_page_about_a_proxy_has_its_styles(tmp_path: Path) -> None:
    port = free_ports(1)[0]
    url = f"http://127.0.0.1:{port}"

    def request(path: str) -> tuple[int, str, str]:
        headers = {"X-Forwarded-For": "10.0.0.1", "X-Forwarded-Proto": "https"}
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.headers["Content-Type"].partition(";")[0], answer.read().decode()

    with serving(tmp_path / "log", url, PORT=str(port), HTTPS="true", BEHIND_PROXY="false"):
        status, _, page = request("/login")
        assert (status, "must set BEHIND_PROXY=true" in page) == (400, True)
        (style,) = STYLE.findall(page)
        assert request(style)[:2] == (200, "text/css")
        assert request("/livez")[0] == 200
    assert "must set BEHIND_PROXY=true" in (tmp_path / "log").read_text()


def test_second_proxy_that_hides_https_is_named(browser: Browser, tmp_path: Path) -> None:
    port, inner, outer = free_ports(3)
    url = f"http://127.0.0.1:{port}"
    behind = {"HTTPS": "true", "BEHIND_PROXY": "true", "BASE_PATH": "/es-users"}
    servers = server(outer, "/es-users", f"http://127.0.0.1:{inner}"), server(inner, "/es-users", url, tls=False)
    with (
        serving(tmp_path / "log", url, PORT=str(port), **behind),
        nginx(tmp_path, outer, *servers),
        closing(browser.new_context(ignore_https_errors=True)) as context,
    ):
        page = context.new_page()
        answer = page.goto(f"https://127.0.0.1:{outer}/es-users/login")
        assert answer
        assert answer.status == 400
        expect(page.get_by_role("main")).to_contain_text("the others must pass it on unchanged")
    assert "the others must pass it on unchanged" in (tmp_path / "log").read_text()


def run_server(checkout: Path, *prefix: str, **environment: str) -> "subprocess.Popen[bytes]":
    outside = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    with (checkout.parent / "log").open("wb") as log:
        return subprocess.Popen(
            [*prefix, "script/server"],
            cwd=checkout,
            env={**outside, **SETTINGS, **environment},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


@needs_namespaces
def test_read_only_installation_is_served(checkout: Path, tmp_path: Path) -> None:
    port, temporary = free_ports(1)[0], tmp_path / "temporary"
    temporary.mkdir()
    (checkout / "staticfiles").mkdir()  # an old one
    process = run_server(checkout, *UNSHARE, "sh", "-c", READ_ONLY, "sh", PORT=str(port), TMPDIR=str(temporary))
    url = f"http://127.0.0.1:{port}"
    try:
        assert wait_for(lambda: answers(url) or process.poll() is not None, 60)
        assert process.poll() is None, (tmp_path / "log").read_text()
        with urllib.request.urlopen(f"{url}/login") as page:  # noqa: S310
            (style,) = STYLE.findall(page.read().decode())
        with urllib.request.urlopen(url + style) as css:  # noqa: S310
            assert css.headers["Content-Type"].startswith("text/css")
        assert not list((checkout / "staticfiles").iterdir())
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)


@needs_namespaces
def test_read_only_installation_names_the_temporary_folder(checkout: Path, tmp_path: Path) -> None:
    process = run_server(checkout, *UNSHARE, "sh", "-c", READ_ONLY, "sh", TMPDIR="/nonexistent")
    assert process.wait(timeout=60) == 1
    log = (tmp_path / "log").read_text()
    assert ("Set TMPDIR" in log, "Traceback" in log) == (True, False)


def test_wrong_setting_ends_the_script_with_one_line(checkout: Path, tmp_path: Path) -> None:
    process = run_server(checkout, ELASTICSEARCH_HOSTS="http://elastic:canary@127.0.0.1:9200")
    assert process.wait(timeout=60) == os.EX_CONFIG
    log = (tmp_path / "log").read_text()
    assert log.startswith("Configuration: ELASTICSEARCH_HOSTS must not contain a username or password")
    assert (log.count("\n"), "canary" in log) == (1, False)


def test_server_that_others_reach_without_encryption_doesnt_start(checkout: Path, tmp_path: Path) -> None:
    process = run_server(checkout, HOST="::")
    assert process.wait(timeout=60) != 0
    log = (tmp_path / "log").read_text()
    assert ("(accounts.E007) HTTPS=false is only possible at an address of this machine" in log, "Traceback" in log) == (
        True,
        False,
    )


class PlainHttp(BaseHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Nothing: the bytes of TLS aren't worth reading."""


def test_problem_of_the_cluster_is_named_and_the_server_starts(checkout: Path, tmp_path: Path) -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), PlainHttp) as without_tls:
        threading.Thread(target=without_tls.serve_forever, daemon=True).start()
        port = str(free_ports(1)[0])
        hosts = f"https://127.0.0.1:{without_tls.server_address[1]}"
        process = run_server(checkout, PORT=port, ELASTICSEARCH_HOSTS=hosts, ELASTICSEARCH_API_KEY="aWQ6c2VjcmV0")
        try:
            assert wait_for(lambda: answers(f"http://127.0.0.1:{port}") or process.poll() is not None, 60)
            log = (tmp_path / "log").read_text()
            assert (setup_problems.PLAIN_HTTP in log, "Traceback" in log) == (True, False), log
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=30)
            without_tls.shutdown()
