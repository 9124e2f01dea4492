"""A real browser at the production server, with one node behind it. Every page is watched for CSP violations and console errors."""

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright
from pytest_django import Settings

from local_cluster import VERSIONS
from local_cluster.node import wait_for
from local_cluster.ports import free_ports
from tests.conftest import PASSWORD, Nodes, TestNode

ROOT = Path(__file__).parents[2]
RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid.uuid4().hex  # of all processes that share its tests
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
]
WATCH = """
addEventListener('securitypolicyviolation', event => console.error('CSP: ' + event.violatedDirective + ' ' + event.blockedURI));
"""


@pytest.fixture(params=VERSIONS[:1])
def node(request: pytest.FixtureRequest, nodes: Nodes, settings: Settings) -> TestNode:
    """One version is enough for the pages; the services are tested on both."""
    return nodes.get(request.param, settings)


@pytest.fixture(scope="session")
def servers() -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    running: dict[str, subprocess.Popen[bytes]] = {}
    yield running
    for process in running.values():
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture
def site(node: TestNode, servers: dict[str, subprocess.Popen[bytes]], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the product, served as in production."""
    if not servers:
        url, process = serve(node, tmp_path_factory.mktemp("site") / "log")
        servers[url] = process
    return next(iter(servers))


def serve(node: TestNode, log: Path, **more: str) -> tuple[str, subprocess.Popen[bytes]]:
    """Start gunicorn at a free port; `more` of its environment. It leads a group of processes, so that a test can kill all."""
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
    url = f"http://127.0.0.1:{environment['PORT']}"
    return url, start({**os.environ, **environment}, log, url)


def start(environment: dict[str, str], log: Path, url: str) -> "subprocess.Popen[bytes]":
    """gunicorn with the product's own settings, not the tests'; once it answers at the address that its environment gives it."""
    environment = {**environment, "DJANGO_SETTINGS_MODULE": "usermgmt.settings"}
    collect_static(environment)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "-c", "usermgmt/gunicorn.py", "usermgmt.asgi"],
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
        if not collected.tell():
            subprocess.run(
                [sys.executable, "manage.py", "collectstatic", "--noinput", "-v0"], cwd=ROOT, env=environment, check=True
            )
            collected.write("collected")


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/livez") as response:  # noqa: S310
            return bool(response.status == 200)
    except OSError:
        return False


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        without_it = pytest.fail if "CI" in os.environ else pytest.skip
        without_it(f"no browser at {CHROMIUM}; the environment variable CHROMIUM names another place")
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
    yield browser
    browser.close()


class Watched:
    """A browser's context whose every page must stay quiet."""

    def __init__(self, browser: Browser, site: str, **options: object) -> None:
        self.complaints: list[str] = []
        self.context: BrowserContext = browser.new_context(base_url=site, **options)  # type: ignore[arg-type]
        self.context.set_default_timeout(10_000)
        self.context.add_init_script(WATCH)

    def new_page(self) -> Page:
        page = self.context.new_page()
        page.on("console", lambda message: self._hear(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def _hear(self, kind: str, text: str) -> None:
        # htmx calls it an error that a newer search took the place of an older one.
        if kind == "error" and "htmx:sendAbort" not in text:
            self.complaints.append(text)

    def expected(self, *words: str) -> None:
        """Chromium reports answers like 422 as errors of the console; take those out that belong to the test."""
        self.complaints = [complaint for complaint in self.complaints if not any(word in complaint for word in words)]


@pytest.fixture
def watched(browser: Browser, site: str) -> Iterator[Callable[..., Watched]]:
    made: list[Watched] = []

    def make(**options: object) -> Watched:
        made.append(Watched(browser, site, **options))
        return made[-1]

    yield make
    for each in made:
        each.context.close()
    assert not [complaint for each in made for complaint in each.complaints]


@pytest.fixture
def page(watched: Callable[..., Watched]) -> Page:
    return watched().new_page()


def sign_in(page: Page, username: str = "ada", password: str = PASSWORD) -> Page:
    page.goto("/login")
    page.get_by_test_id("loginUsername").fill(username)
    page.get_by_test_id("loginPassword").fill(password)
    page.get_by_test_id("loginSubmit").click()
    page.wait_for_url(lambda url: "/login" not in url)
    return page


@pytest.fixture(scope="session", autouse=True)
def kibanas_hooks(playwright: Playwright) -> None:
    """Kibana's scripts find things by `data-test-subj`, and so do these tests."""
    playwright.selectors.set_test_id_attribute("data-test-subj")


def assert_accessible(page: Page) -> None:
    """No violation that axe knows of."""
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


def assert_fits(page: Page) -> None:
    """Nothing makes the page scroll sideways."""
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
