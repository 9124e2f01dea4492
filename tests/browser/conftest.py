"""A real browser at the production server, with one node behind it. Every page is watched for CSP violations and console errors."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright
from pytest_django import Settings

from local_cluster import VERSIONS
from tests.support.nodes import Nodes, TestNode
from tests.support.pages import SIZES, Watched
from tests.support.server import ROOT, serve

expect.set_options(timeout=30_000)  # for a machine that is busy with other tests; nothing waits longer than it needs

INSTALLED = shutil.which("chromium-headless-shell") or "/usr/bin/chromium"
CHROMIUM = os.environ.get("CHROMIUM", INSTALLED)
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
]


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


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy to be changed, with the packages of this one."""
    copy = tmp_path / "checkout"
    for name in ("accounts", "script", "static", "templates", "usermgmt"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "manage.py", copy)
    (copy / ".venv").symlink_to(sys.prefix)
    (copy / "script/setup").write_text("#!/bin/sh\n")  # everything is installed
    return copy


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


@pytest.fixture(scope="session", autouse=True)
def kibanas_hooks(playwright: Playwright) -> None:
    """Kibana's scripts find things by `data-test-subj`, and so do these tests."""
    playwright.selectors.set_test_id_attribute("data-test-subj")


@pytest.fixture(params=SIZES)
def context(request: pytest.FixtureRequest, watched: Callable[..., Watched]) -> Watched:
    """A browser in each size; `assert_accessible` looks at both themes."""
    return watched(viewport=request.param, reduced_motion="reduce")
