"""script/dev, on a copy of the checkout: changes show at the next reload, errors have a debug page, and neither shows a secret."""

import base64
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from html import escape
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from playwright.sync_api import Error as BrowserError

from local_cluster.node import wait_for
from local_cluster.ports import free_ports
from tests.support.cast import PASSWORD
from tests.support.nodes import TestNode
from tests.support.pages import Watched, sign_in
from tests.support.server import answers

SECONDS_TO_SHOW = 3
SECRET_KEY = "only for this test, and long enough to be taken"
Start = Callable[[str], str]


@pytest.fixture
def start(node: TestNode, checkout: Path) -> Iterator[Start]:
    """Run a script that serves the copy; the address at which it answers."""
    environment = {
        **os.environ,
        "ENV_FILE": os.devnull,
        "SECRET_KEY": SECRET_KEY,
        "ELASTICSEARCH_HOSTS": node.url,
        "ELASTICSEARCH_API_KEY": node.api_key,
        "HTTPS": "false",
        "THROTTLE_ANSWER_SECONDS": "0",
    }
    environment.pop("DJANGO_SETTINGS_MODULE", None)

    with ExitStack() as running:

        def start(script: str) -> str:
            port, log = free_ports(1)[0], checkout / f"{Path(script).name}.log"
            output = running.enter_context(log.open("wb"))
            process = subprocess.Popen(
                [script], cwd=checkout, env={**environment, "PORT": str(port)}, stdout=output, stderr=output, start_new_session=True
            )
            running.callback(process.wait, timeout=30)
            running.callback(process.terminate)
            url = f"http://127.0.0.1:{port}"
            assert wait_for(lambda: answers(url), 60), log.read_text()
            return url

        yield start


@pytest.fixture
def open_browser(browser: Browser) -> Iterator[Callable[[str], Watched]]:
    with ExitStack() as opened:

        def open_browser(url: str) -> Watched:
            watched = Watched(browser, url)
            opened.callback(watched.context.close)
            return watched

        yield open_browser


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def append(file: Path, text: str) -> None:
    file.write_text(f"{file.read_text()}\n{text}\n")


def shows_soon(page: Page, script: str, seconds: float = SECONDS_TO_SHOW) -> bool:
    """Whether a reload of the page makes the script true in time; while the server starts again there is no answer."""

    def shows() -> bool:
        try:
            page.reload()
            return bool(page.evaluate(script))
        except BrowserError:
            return False

    return wait_for(shows, seconds)


def test_changes_show_at_the_next_reload(checkout: Path, start: Start, open_browser: Callable[[str], Watched]) -> None:
    watched = open_browser(start("script/dev"))
    page = sign_in(watched.new_page())
    page.goto("/users")
    expect(page.get_by_test_id("userRow").first).to_be_visible()

    change(checkout / "templates/users/list.html", '<h1 class="title">', '<h1 class="title">Changed ')
    assert shows_soon(page, "document.querySelector('h1').textContent.startsWith('Changed')"), "a page that is cached"
    append(checkout / "templates/_frame.html", "<p id=frame></p>")
    assert shows_soon(page, "document.querySelector('#frame') !== null"), "a fragment that is cached"
    append(checkout / "templates/_assets.html", "<link rel=changed>")
    assert shows_soon(page, "document.querySelector('link[rel=changed]') !== null"), "what every page loads"
    append(checkout / "static/css/tokens.css", "h1 { letter-spacing: 7px !important; }")
    assert shows_soon(page, "getComputedStyle(document.querySelector('h1')).letterSpacing === '7px'")
    append(checkout / "static/js/page.js", "document.documentElement.dataset.changed = 'yes';")
    assert shows_soon(page, "document.documentElement.dataset.changed === 'yes'")
    assert not [complaint for complaint in watched.complaints if "CSP" in complaint]
    assert page.locator("script[src*='htmx']").count() == 1, "errors of fragments are shown as in production"

    # The server starts again, for which a machine that is busy with other tests may need longer. Once: another change while it
    # starts could be missed.
    append(checkout / "accounts/views/users/list.py", "COLUMNS = (('', 'A Column More'),)")
    assert shows_soon(page, "document.querySelector('thead').textContent.includes('A Column More')", seconds=60)


def test_the_sessions_of_both_servers_stay(site: str, start: Start, open_browser: Callable[[str], Watched]) -> None:
    watched = open_browser(start("script/dev"))
    development = sign_in(watched.new_page())
    demo = watched.new_page()
    demo.goto(f"{site}/login")
    demo.get_by_test_id("loginUsername").fill("otto")
    demo.get_by_test_id("loginPassword").fill(PASSWORD)
    demo.get_by_test_id("loginSubmit").click()
    for page, url, name in ((development, "/account", "ada"), (demo, f"{site}/account", "otto")):
        page.goto(url)
        expect(page.locator("main")).to_contain_text(name)
    assert watched.complaints == []


# What is at hand where credentials are checked, in a message too.
BROKEN_SIGN_IN = """
def _identity(client):
    header, headers, password = client._authorization, client._of_request(), client._authorization.encode()
    raise RuntimeError(f"Broken on purpose: {headers}")
"""
BROKEN_LIST = """
def _pills(addresses, query):
    raise RuntimeError("Broken on purpose")
@require_GET
@requires_reader
def index(request):
    session, credentials, text = request.session, request.session["credentials"], str(dict(request.session))
    raise RuntimeError(f"Broken on purpose: {credentials}")
"""


def test_debug_page_only_in_development(
    node: TestNode, checkout: Path, start: Start, open_browser: Callable[[str], Watched]
) -> None:
    append(checkout / "accounts/views/users/list.py", BROKEN_LIST)
    development = start("script/dev")
    production = start("script/server")
    page = sign_in(open_browser(development).new_page(), "ada")
    page.goto("/users")
    expect(page.locator("body")).to_contain_text("RuntimeError at /users")
    expect(page.locator("#requestinfo")).to_be_visible()
    cookies = [cookie.get("value", "") for cookie in page.context.cookies() if cookie.get("name") != "usermgmt_time_zone"]
    assert_shows_no_secret(page, node, *cookies)
    assert page.evaluate("getComputedStyle(document.querySelector('#summary')).backgroundColor") != "rgba(0, 0, 0, 0)", (
        "it has a style"
    )

    other = sign_in(open_browser(production).new_page(), "ada")
    other.goto("/users")
    assert_is_no_debug_page(other)

    page = sign_in(open_browser(development).new_page())
    append(checkout / "accounts/services/signin/operators.py", BROKEN_SIGN_IN)
    assert wait_for(lambda: is_broken(page), 60)
    assert_shows_no_secret(page, node)


def is_broken(page: Page) -> bool:
    """Whether signing in leads to the debug page; the server may be about to start again."""
    page.context.clear_cookies()  # of the try before, which may have signed in and then not got the page
    try:
        page.goto("/login")
        page.get_by_test_id("loginUsername").fill("ada")
        page.get_by_test_id("loginPassword").fill(PASSWORD)
        with page.expect_navigation():
            page.get_by_test_id("loginSubmit").click()
        return "RuntimeError at /login" in page.content()
    except BrowserError:
        return False


def assert_shows_no_secret(page: Page, node: TestNode, *others: str) -> None:
    content = page.content()
    assert "Broken on purpose" in content
    in_a_header = base64.b64encode(f"ada:{PASSWORD}".encode()).decode()
    secrets = (PASSWORD, in_a_header, SECRET_KEY, node.api_key, node.elastic_password, *others)
    assert [secret for secret in secrets if escape(secret) in content or secret in content] == []


def assert_is_no_debug_page(page: Page) -> None:
    content = page.content()
    assert "Something went wrong" in content
    assert not any(word in content for word in ("Traceback", "RuntimeError", "on purpose", "list.py"))


def test_it_needs_the_demo(checkout: Path) -> None:
    environment = {"PATH": os.environ["PATH"]}
    done = subprocess.run([checkout / "script/dev"], env=environment, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 1
    assert "The demo, whose Elasticsearch node this needs, isn't running." in done.stderr
