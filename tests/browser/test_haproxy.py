"""Over TLS: by itself, and behind HAProxy with two processes, one of which is killed."""

import os
import signal
from contextlib import closing
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from local_cluster.ports import free_ports
from tests.support import certificates
from tests.support.nodes import TestNode
from tests.support.pages import sign_in_with_form
from tests.support.proxies import proxy
from tests.support.server import serve


def opens_the_list(page: Page) -> None:
    answer = page.goto("users/")
    assert answer
    assert answer.status == 200
    expect(page.get_by_role("heading", name="Users", level=1)).to_be_visible()


def test_own_certificate(node: TestNode, browser: Browser, tmp_path: Path) -> None:
    identity = certificates.make("localhost")
    (tmp_path / "tls.crt").write_bytes(identity.pem)
    (tmp_path / "tls.key").write_bytes(identity.key_pem)
    tls = {"TLS_CERTFILE": str(tmp_path / "tls.crt"), "TLS_KEYFILE": str(tmp_path / "tls.key"), "HTTPS": "true"}
    url, process = serve(node, tmp_path / "log", **tls)
    try:
        with closing(browser.new_context(ignore_https_errors=True, base_url=f"{url}/")) as context:
            opens_the_list(sign_in_with_form(context.new_page()))
            assert all(cookie["secure"] for cookie in context.cookies())
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_nobody_is_signed_out_when_a_process_is_killed(node: TestNode, browser: Browser, tmp_path: Path) -> None:
    behind = {"HTTPS": "true", "BEHIND_PROXY": "true", "REQUEST_LOG": "true"}
    servers = [serve(node, tmp_path / name, **behind) for name in ("one", "two")]
    http_port, port = free_ports(2)
    try:
        with (
            proxy("haproxy", tmp_path, (http_port, port), *(url for url, _ in servers), variant="Two servers"),
            closing(browser.new_context(ignore_https_errors=True, base_url=f"https://127.0.0.1:{port}/")) as context,
        ):
            page = sign_in_with_form(context.new_page())
            for _ in range(4):
                opens_the_list(page)
            for name in ("one", "two"):
                assert '"name":"ada"' in (tmp_path / name).read_text(), "both serve her requests"
            os.killpg(servers[0][1].pid, signal.SIGKILL)
            for _ in range(6):
                opens_the_list(page)
            page.goto("users/create")
            page.get_by_test_id("userFormUserNameInput").fill("made.by.the.other")
            page.get_by_test_id("passwordInput").fill("Vq7-another-one")
            page.get_by_test_id("passwordConfirmationInput").fill("Vq7-another-one")
            page.get_by_role("button", name="Create user").click()
            expect(page.get_by_text("Created user 'made.by.the.other'")).to_be_visible()
    finally:
        for _, process in servers:
            process.terminate()
            process.wait(timeout=30)
