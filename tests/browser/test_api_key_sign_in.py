"""Signing in with an API key, where an administrator has turned it on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from accounts.views.login import INCORRECT_API_KEY
from tests.support.api_keys import new_key
from tests.support.nodes import TestNode
from tests.support.pages import SIZES, Watched, assert_accessible, assert_fits
from tests.support.server import serve


@pytest.fixture
def site(node: TestNode, tmp_path: Path) -> Iterator[str]:
    url, process = serve(node, tmp_path / "log", API_KEY_SIGN_IN="true")
    yield url
    process.terminate()
    process.wait(timeout=30)


@pytest.mark.parametrize("size", SIZES)
def test_pages(node: TestNode, site: str, browser: Browser, size: ViewportSize) -> None:
    _, key = new_key(node, "ada")
    context = Watched(browser, site, viewport=size)
    page = context.new_page()
    page.goto("/users/?q=norah")
    page.get_by_text("No password?").click()
    expect(page.get_by_test_id("loginNoPassword")).to_contain_text("They can sign in with an API key.")
    assert_good(page)
    page.get_by_test_id("loginWithApiKeyLink").click()
    expect(page).to_have_title("Sign in with an API key – Elasticsearch users")
    assert_good(page)
    page.get_by_role("textbox", name="API key").fill("something else")
    page.get_by_role("button", name="Show API key").click()
    expect(page.get_by_role("textbox", name="API key")).to_have_attribute("type", "text")
    page.get_by_role("textbox", name="API key").press("Enter")
    expect(page.get_by_test_id("loginErrorMessage")).to_have_text(INCORRECT_API_KEY)
    expect(page.get_by_role("textbox", name="API key")).to_have_value("")
    assert_good(page)
    page.get_by_role("textbox", name="API key").fill(key)
    page.get_by_test_id("loginSubmit").click()

    expect(page).to_have_url(f"{site}/users/?q=norah")
    page.get_by_test_id("userMenuButton").click()
    expect(page.get_by_test_id("userMenuApiKey")).to_have_text("API key nightly")
    assert_good(page)
    page.goto("/account/sessions")
    expect(page.get_by_test_id("sessionApiKey")).to_have_text("API key nightly")
    assert_good(page)
    assert not context.complaints
    context.context.close()


def test_without_javascript(node: TestNode, site: str, browser: Browser) -> None:
    _, key = new_key(node, "ada")
    context = Watched(browser, site, java_script_enabled=False)
    page = context.new_page()
    page.goto("/users/?q=norah")
    page.get_by_text("No password?").click()
    expect(page.get_by_test_id("loginNoPassword").get_by_text("They can sign in with an API key.")).to_be_visible()
    page.get_by_test_id("loginWithApiKeyLink").click()
    page.get_by_role("textbox", name="API key").fill(key)
    page.get_by_test_id("loginSubmit").click()
    expect(page).to_have_url(f"{site}/users/?q=norah")
    page.get_by_test_id("userMenuButton").click()
    expect(page.get_by_test_id("userMenuApiKey")).to_be_visible()
    assert not context.complaints
    context.context.close()


def assert_good(page: Page) -> None:
    assert_fits(page)
    assert_accessible(page)
