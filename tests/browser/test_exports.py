"""Exports in a real browser, and a server that is killed in the middle of one."""

import io
import os
import re
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from accounts.services import exports
from benchmarks import loading
from benchmarks.client import Request
from benchmarks.recording import recorder
from tests.support.nodes import TestNode
from tests.support.pages import Watched, assert_accessible, assert_fits, look, sign_in
from tests.support.server import serve

CROWD = 1200


@pytest.fixture
def crowd(node: TestNode) -> Iterator[None]:
    """More than is written at once; they go as they came."""
    loading.load_users(node.elastic, range(CROWD))
    yield
    loading.remove_users(node.elastic, range(CROWD))


def read(path: Path) -> exports.Export:
    return exports.read(io.BytesIO(path.read_bytes()))


def test_the_pages_in_every_look(node: TestNode, context: Watched) -> None:
    node.put_user("jdoe", full_name="Jane", roles=[f"team_{number}_reader" for number in range(12)], metadata={"k": "v" * 80})
    page = sign_in(context.new_page(), "otto")
    context.expected("403")  # the question of a typed URL
    for url in ("/users/print", "/users/export?role=viewer"):
        look(page, url)
    page.get_by_test_id("printUsers").click()
    expect(page.get_by_test_id("printRows")).to_be_visible()
    assert_fits(page)
    assert_accessible(page)
    look(page, "/users/")
    page.get_by_test_id("userExportButton").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert_fits(page)
    assert_accessible(page)


def test_roles_and_audit_trail(node: TestNode, context: Watched, tmp_path: Path) -> None:
    page = sign_in(context.new_page(), "otto")
    context.expected("403")
    for url in ("/audit/export?since=2001-01-01", "/roles/print", "/roles/export?q=kibana"):
        look(page, url)
    page.get_by_test_id("printTable").click()
    expect(page.get_by_test_id("printRows")).to_be_visible()
    assert_fits(page)
    assert_accessible(page)
    for url, button, name in (
        ("/roles/?q=kibana", "roleExportButton", "roles"),
        ("/audit/?actor=otto&live=0", "auditExportButton", "audit-trail"),
    ):
        look(page, url)
        page.get_by_test_id(button).focus()
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("exportFormat-csv")).to_be_focused()
        assert_fits(page)
        assert_accessible(page)
        with page.expect_download() as download:
            page.keyboard.press("Enter")
        expect(page.get_by_test_id("exportProgress")).to_contain_text(f"Export complete: {name}-")
        download.value.save_as(tmp_path / name)
        assert exports.verify(io.BytesIO((tmp_path / name).read_bytes()))["data_file"] == f"{name}.csv"
        page.keyboard.press("Escape")
        expect(page.get_by_test_id(button)).to_be_focused()


def test_by_keyboard_with_a_progress_to_the_end(node: TestNode, page: Page, crowd: None, tmp_path: Path) -> None:
    sign_in(page, "otto")
    page.goto("/users/?kind=native")
    page.get_by_test_id("userExportButton").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("exportFormat-csv")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_test_id("exportFormat-csv-semicolon")).to_be_checked()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_test_id("exportFormat-ndjson")).to_be_checked()
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    expect(page.get_by_test_id("exportProgress")).to_contain_text("Export complete: users-")
    everybody = CROWD + 4  # with the cast and the service user
    bar = page.locator("progress")
    assert (bar.get_attribute("max"), bar.evaluate("bar => bar.value")) == (str(everybody), everybody)
    assert_accessible(page)
    download.value.save_as(tmp_path / "file")
    assert read(tmp_path / "file").manifest.rows == everybody
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("userExportButton")).to_be_focused()


def test_without_javascript(node: TestNode, watched: Callable[..., Watched], tmp_path: Path) -> None:
    page = sign_in(watched(java_script_enabled=False).new_page(), "otto")
    page.goto("/users/?q=norah")
    page.get_by_test_id("userExportButton").click()
    page.get_by_test_id("exportFormat-xlsx").check()
    with page.expect_download() as download:
        page.get_by_test_id("exportSubmit").click()
    assert download.value.suggested_filename.endswith(".xlsx")
    download.value.save_as(tmp_path / "file")
    assert [row.username for row in read(tmp_path / "file").rows()] == ["norah"]


class Held(list[Request]):
    """The calls to the node; the one for the second thousand users waits."""

    def __init__(self) -> None:
        super().__init__()
        self.has_come, self.may_go = threading.Event(), threading.Event()

    def append(self, call: Request) -> None:
        super().append(call)
        if b"search_after" in call.body:
            self.has_come.set()
            self.may_go.wait(60)


def test_killed_server_leaves_a_rejected_file(node: TestNode, crowd: None, page: Page, tmp_path: Path) -> None:
    sign_in(page, "otto")  # any server knows the session
    with recorder(node.url) as way:
        way.calls = held = Held()
        url, process = serve(replace(node, url=way.url), tmp_path / "log")
        try:
            page.goto(f"{url}/users/export")
            cookies = "; ".join(f"{cookie.get('name')}={cookie.get('value')}" for cookie in page.context.cookies())
            token = page.locator("[name=csrfmiddlewaretoken]").first.input_value()
            with asked(url, cookies, f"csrfmiddlewaretoken={token}&format=csv") as connection:
                assert held.has_come.wait(60)
                os.kill(worker(process.pid), signal.SIGKILL)
                received = everything(connection)
        finally:
            held.may_go.set()
            process.kill()
            process.wait()
    assert b"users.csv" in received
    with pytest.raises(exports.InvalidExport):
        exports.read(io.BytesIO(received))


def worker(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def asked(url: str, cookies: str, body: str) -> socket.socket:
    """A connection on which the file has been asked for."""
    place = urlsplit(url)
    head = (
        f"POST /users/export HTTP/1.1\r\nHost: {place.netloc}\r\nCookie: {cookies}\r\nConnection: close\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    )
    connection = socket.create_connection((str(place.hostname), int(place.port or 80)), timeout=60)
    connection.sendall(head.encode())
    return connection


def everything(connection: socket.socket) -> bytes:
    """What arrives until the end, without the headers and the lengths of the chunks."""
    answer = b""
    try:
        while piece := connection.recv(4096):
            answer += piece
    except ConnectionError:
        pass
    assert answer.startswith(b"HTTP/1.1 200"), answer
    return re.sub(rb"(?:^|\r\n)[0-9a-f]+\r\n", b"", answer.partition(b"\r\n\r\n")[2])
