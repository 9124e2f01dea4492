"""The roles box: a hasty key must never give a role that was not meant, and no click beside it is lost."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.support.nodes import TestNode
from tests.support.pages import SIZES, Watched, chosen, sign_in


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


@pytest.mark.parametrize("size", SIZES)
def test_arrows_lead_to_options_that_can_be_seen(node: TestNode, watched: Callable[..., Watched], size: dict[str, int]) -> None:
    """The list of options reaches below the window."""
    page = sign_in(watched(viewport={**size, "height": 640}).new_page())
    page.goto("/users/jobs/create")
    page.get_by_test_id("rolesDropdown").get_by_role("combobox").focus()
    active = page.locator(".roles-box [role=option].active")
    for _ in range(9):
        page.keyboard.press("ArrowDown")
        expect(active).to_be_in_viewport(ratio=1)
    page.keyboard.press("Enter")
    assert chosen(page)


def test_click_elsewhere_closes_the_list_and_is_not_lost(node: TestNode, watched: Callable[..., Watched]) -> None:
    page = sign_in(watched(viewport={"width": 1280, "height": 720}).new_page())
    page.goto("/users/create")
    page.get_by_test_id("userFormUserNameInput").fill("jdoe")
    page.get_by_test_id("passwordInput").fill("first-secret")
    page.get_by_test_id("passwordConfirmationInput").fill("first-secret")
    page.get_by_test_id("comboBoxToggleListButton").click()
    page.locator("[role=option][title=viewer]").click()
    expect(page.get_by_role("listbox")).to_be_visible()
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    button = page.get_by_role("button", name="Create user")
    before = button.bounding_box()
    assert before

    page.mouse.move(before["x"] + before["width"] / 2, before["y"] + before["height"] / 2)
    page.mouse.down()
    assert button.bounding_box() == before
    page.mouse.up()

    expect(page.get_by_text("Created user 'jdoe'")).to_be_visible()
    assert (node.user("jdoe") or {})["roles"] == ["viewer"]


def test_click_on_nothing_closes_the_list(form: Page) -> None:
    form.keyboard.press("ArrowDown")
    expect(form.get_by_role("listbox")).to_be_visible()
    form.get_by_role("heading", name="Profile").click()
    expect(form.get_by_role("listbox")).to_be_hidden()
