"""The roles box by keyboard alone; a hasty key must never give a role that was not meant."""

import pytest
from playwright.sync_api import Page, expect

from tests.support.nodes import TestNode
from tests.support.pages import chosen, sign_in


@pytest.fixture
def form(node: TestNode, page: Page) -> Page:
    sign_in(page)
    page.goto("/users/create")
    page.get_by_test_id("rolesDropdown").get_by_role("combobox").focus()
    return page


@pytest.mark.parametrize("delay", [0, 30, 100])
def test_typing_and_enter_take_the_role_that_was_typed(form: Page, delay: int) -> None:
    form.keyboard.type("watcher_a", delay=delay)
    form.keyboard.press("Enter")
    assert chosen(form) == ["watcher_admin"]


def test_no_match_adds_nothing(form: Page) -> None:
    form.keyboard.type("no_such_role")
    form.keyboard.press("Enter")
    assert chosen(form) == []


def test_arrows_backspace_and_escape(form: Page) -> None:
    form.keyboard.type("viewer")
    form.keyboard.press("Enter")
    form.keyboard.type("monitoring_user")
    form.keyboard.press("Enter")
    assert sorted(chosen(form)) == ["monitoring_user", "viewer"]
    form.keyboard.press("Backspace")
    assert chosen(form) == ["viewer"]
    form.keyboard.press("Escape")
    expect(form.get_by_role("listbox")).to_be_hidden()


def test_superuser_is_never_the_first(form: Page) -> None:
    form.keyboard.press("ArrowDown")
    expect(form.get_by_role("listbox")).to_be_visible()
    first = form.locator("[role=option]").first
    expect(first).not_to_have_attribute("title", "superuser")
