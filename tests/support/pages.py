"""Pages: in a browser that is watched for CSP violations and console errors, and as text."""

import html
import re

import pytest
from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page

from tests.support.cast import PASSWORD

WATCH = """
addEventListener('securitypolicyviolation', event => console.error('CSP: ' + event.violatedDirective + ' ' + event.blockedURI));
"""
# A click that comes before the scripts of a page leads to the page for browsers without JavaScript.
MARK_AS_READY = "addEventListener('DOMContentLoaded', () => { document.documentElement.dataset.ready = '' })"
# What still fades in has too little contrast. The end of a transition can start those of the elements inside.
END_ANIMATIONS = """
() => {
    const running = () => document.getAnimations().filter(
        animation => animation.playState !== "finished" && animation.effect.getComputedTiming().endTime < Infinity
    )
    for (let animations = running(); animations.length; animations = running()) {
        animations.forEach(animation => animation.finish())
    }
}
"""
# Violations alone: all that axe has looked at would take longer to transfer than to find.
FIND_VIOLATIONS = "options => axe.run(options).then(({violations}) => ({violations}))"
WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
SIZES = [pytest.param(size, id=str(size["width"])) for size in (WIDE, NARROW)]
# Themes differ in colors alone, so the second one needs only the rules about colors.
THEMES = {
    "light": {"resultTypes": ["violations"]},
    "dark": {"resultTypes": ["violations"], "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}},
}


class Watched:
    """A browser's context whose every page must stay quiet."""

    def __init__(self, browser: Browser, site: str, **options: object) -> None:
        self.complaints: list[str] = []
        self._expected: list[str] = []
        self.context: BrowserContext = browser.new_context(base_url=site, **{"timezone_id": "UTC", **options})  # type: ignore[arg-type]
        self.context.set_default_timeout(10_000)
        self._scripts = bool(options.get("java_script_enabled", True))
        self.context.add_init_script(WATCH + MARK_AS_READY)

    def new_page(self) -> Page:
        page = self.context.new_page()
        if self._scripts:
            page.add_locator_handler(page.locator("html:not([data-ready])"), lambda: page.wait_for_load_state("domcontentloaded"))
        page.on("console", lambda message: self._hear(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def _hear(self, kind: str, text: str) -> None:
        # htmx calls it an error that a newer search took the place of an older one.
        if kind == "error" and not any(words in text for words in ["htmx:sendAbort", *self._expected]):
            self.complaints.append(text)

    def expected(self, *words: str) -> None:
        """Chromium reports answers like 422 as errors of the console, sometimes late; leave those out that belong to the test."""
        self._expected += words
        self.complaints = [complaint for complaint in self.complaints if not any(word in complaint for word in words)]


def sign_in(page: Page, username: str = "ada", password: str = PASSWORD) -> Page:
    """Sign in without drawing the form; the page stays empty."""
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.request.get("login").text())
    assert token
    form = {"csrfmiddlewaretoken": token[1], "username": username, "password": password}
    response = page.request.post("login", form=form, max_redirects=0)
    assert response.status == 302, response.text()
    return page


def sign_in_with_form(page: Page, username: str = "ada", password: str = PASSWORD) -> Page:
    """Sign in as users do; then the page is the first one."""
    page.goto("login")
    page.get_by_test_id("loginUsername").fill(username)
    page.get_by_test_id("loginPassword").fill(password)
    page.get_by_test_id("loginSubmit").click()
    page.wait_for_url(lambda url: "/login" not in url)
    return page


def assert_accessible(page: Page) -> None:
    """No violation that axe knows of, in either theme."""
    page.wait_for_load_state()  # a click ends when the new page begins
    page.evaluate(AXE_SCRIPT)
    for theme, options in THEMES.items():
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        page.evaluate(END_ANIMATIONS)
        results = AxeResults(page.evaluate(FIND_VIOLATIONS, options))
        assert results.violations_count == 0, f"{theme}: {results.generate_report()}"


def assert_fits(page: Page) -> None:
    """Nothing makes the page scroll sideways."""
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def look(page: Page, url: str) -> None:
    page.goto(url)
    page.locator(".htmx-request").first.wait_for(state="detached")  # parts that are loaded after the page
    assert_fits(page)
    assert_accessible(page)


def chosen(page: Page) -> list[str]:
    options = page.locator("select[name=roles] option:checked")
    return [option.get_attribute("value") or "" for option in options.all()]


def text(client: Client, url: str, status: int = 200) -> str:
    response = client.get(url)
    assert response.status_code == status
    return html.unescape(response.content.decode())
