"""The global search by keyboard alone, with real keystrokes; an older answer never counts, and no key is lost."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.support.nodes import TestNode
from tests.support.pages import Watched, assert_accessible, assert_fits, look, sign_in


@pytest.fixture
def admin(node: TestNode, page: Page) -> Page:
    node.put_user("jdoe", full_name="Jane Doe", email="jane@example.org", roles=["viewer"])
    node.put_user("jdoering", full_name="Jim Doering", enabled=False)
    sign_in(page).goto("/users/")
    return page


def field(page: Page) -> Locator:
    return page.get_by_test_id("nav-search-input")


def options(page: Page) -> Locator:
    return page.get_by_role("listbox", name="Results").get_by_role("option")


def active(page: Page) -> Locator:
    return page.get_by_role("option", selected=True)


@pytest.mark.parametrize("keys", ["Control+k", "Control+/", "/"])
def test_search_shortcut_and_action_by_keyboard(admin: Page, keys: str) -> None:
    admin.keyboard.press(keys)
    expect(field(admin)).to_be_focused()
    expect(field(admin)).to_have_value("")
    expect(active(admin)).to_have_text("Users")
    admin.keyboard.type("new us")
    expect(options(admin)).to_have_count(1)
    admin.keyboard.press("Enter")
    expect(admin.get_by_role("heading", name="Create user")).to_be_visible()


def test_typed_slash_is_a_slash(admin: Page) -> None:
    admin.goto("/users/create")
    admin.get_by_test_id("userFormFullNameInput").focus()
    admin.keyboard.type("a/b")
    expect(admin.get_by_test_id("userFormFullNameInput")).to_have_value("a/b")
    admin.keyboard.press("Control+k")
    expect(field(admin)).to_be_focused()


def test_a_dialog_keeps_the_keyboard(admin: Page) -> None:
    admin.goto("/users/edit/jdoe")
    admin.get_by_test_id("editUserDeleteUserButton").click()
    expect(admin.get_by_role("dialog")).to_be_visible()
    admin.keyboard.press("Control+k")
    expect(field(admin)).not_to_be_focused()
    expect(options(admin)).to_have_count(0)


@pytest.mark.parametrize("delay", [0, 30, 120])
def test_a_hasty_enter_opens_what_was_typed_last(admin: Page, delay: int) -> None:
    admin.keyboard.press("Control+k")
    admin.keyboard.type("jdoering", delay=delay)
    admin.keyboard.press("Enter")
    expect(admin.get_by_role("heading", name="jdoering")).to_be_visible()


def test_arrows_home_and_end_move_and_wrap(admin: Page) -> None:
    admin.keyboard.press("Control+k")
    admin.keyboard.type("jdoe")
    expect(options(admin)).to_have_count(2)
    expect(active(admin)).to_contain_text("Jane Doe")
    expect(field(admin)).to_have_attribute("aria-activedescendant", active(admin).get_attribute("id") or "")
    for key, name in (("ArrowDown", "Jim"), ("ArrowDown", "Jane"), ("ArrowUp", "Jim"), ("Home", "Jane"), ("End", "Jim")):
        admin.keyboard.press(key)
        expect(active(admin)).to_contain_text(name)
    expect(field(admin)).to_have_value("jdoe")
    admin.keyboard.press("Enter")
    admin.wait_for_url("**/users/edit/jdoering")


def test_escape_closes_then_clears_then_goes_back(admin: Page) -> None:
    button = admin.get_by_test_id("createUserButton")
    button.focus()
    admin.keyboard.press("Control+k")
    admin.keyboard.type("jdoe")
    expect(field(admin)).to_have_attribute("aria-expanded", "true")
    admin.keyboard.press("Escape")
    expect(admin.get_by_test_id("nav-search-popover")).to_be_hidden()
    expect(field(admin)).to_have_attribute("aria-expanded", "false")
    expect(field(admin)).to_have_value("jdoe")
    admin.keyboard.press("ArrowDown")
    expect(options(admin)).to_have_count(2)
    admin.keyboard.press("Escape")
    admin.keyboard.press("Escape")
    expect(field(admin)).to_have_value("")
    admin.keyboard.press("Escape")
    expect(button).to_be_focused()


def test_tab_leaves_it_closed(admin: Page) -> None:
    admin.keyboard.press("Control+k")
    expect(active(admin)).to_be_visible()
    admin.keyboard.press("Tab")
    expect(admin.get_by_test_id("nav-search-popover")).to_be_hidden()
    admin.keyboard.press("Shift+Tab")
    expect(field(admin)).to_be_focused()
    expect(admin.get_by_test_id("nav-search-popover")).to_be_hidden()


def test_the_mouse_works_and_so_does_a_new_tab(admin: Page) -> None:
    field(admin).click()
    expect(active(admin)).to_have_text("Users")
    admin.keyboard.type("jdoe")
    expect(options(admin)).to_have_count(2)
    second = options(admin).nth(1)
    second.hover()
    expect(second).to_have_attribute("aria-selected", "true")
    expect(field(admin)).to_be_focused()
    with admin.context.expect_page() as tab:
        options(admin).first.click(modifiers=["Control"])
    expect(tab.value.get_by_role("heading", name="jdoe")).to_be_visible()
    tab.value.close()
    second.click()
    admin.wait_for_url("**/users/edit/jdoering")


def test_an_answer_that_comes_late_changes_nothing(admin: Page) -> None:
    held: list[Route] = []
    admin.route("**/search?q=j", lambda route: held.append(route))
    admin.keyboard.press("Control+k")
    with admin.expect_request("**/search?q=j"):
        admin.keyboard.type("j")
    admin.keyboard.type("doering")
    expect(options(admin)).to_have_count(1)
    held[0].fulfill(body='<div><div role="listbox" aria-label="Results"><a role="option" href="/">Old</a></div></div>')
    admin.wait_for_timeout(200)
    expect(active(admin)).to_contain_text("jdoering")
    expect(field(admin)).to_have_value("jdoering")


def test_late_search_response_after_escape_is_ignored(admin: Page) -> None:
    held: list[Route] = []
    admin.route("**/search?q=jdoe", lambda route: held.append(route))
    admin.keyboard.press("Control+k")
    with admin.expect_request("**/search?q=jdoe"):
        admin.keyboard.type("jdoe")
    admin.keyboard.press("Escape")
    held[0].fulfill(body='<div><div role="listbox" aria-label="Results"><a role="option" href="/">Late</a></div></div>')
    admin.wait_for_timeout(200)
    expect(admin.get_by_test_id("nav-search-popover")).to_be_hidden()


def test_no_keystroke_is_lost_while_answers_come(admin: Page) -> None:
    text = "jane doe and everybody else who is here"
    admin.keyboard.press("/")
    admin.keyboard.type(text, delay=25)
    expect(field(admin)).to_have_value(text)
    expect(admin.get_by_text("No results for").last).to_contain_text(text)
    expect(admin.locator("#announcer")).to_have_text("No results")
    expect(field(admin)).to_have_attribute("aria-expanded", "false")


def test_number_of_results(admin: Page) -> None:
    admin.keyboard.press("/")
    admin.keyboard.type("jdoe")
    expect(admin.locator("#announcer")).to_have_text("2 results")


def test_failed_search_can_be_repeated(node: TestNode, watched: Callable[..., Watched]) -> None:
    context = watched()
    page = sign_in(context.new_page())
    page.goto("/users/")
    page.route("**/search?q=ada", lambda route: route.fulfill(status=502, body="bad gateway"))
    page.keyboard.press("/")
    page.keyboard.type("ada")
    expect(page.get_by_role("alert")).to_contain_text("Search is temporarily unavailable.")
    page.unroute_all()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Results for “ada”")).to_be_visible()
    context.expected("502")


def test_a_session_that_has_ended_leads_to_the_sign_in(admin: Page) -> None:
    admin.context.clear_cookies()
    admin.keyboard.press("/")
    expect(admin.get_by_test_id("loginForm")).to_be_visible()


def test_search_without_privileges(node: TestNode, page: Page) -> None:
    sign_in(page, "norah").goto("/account/")
    page.keyboard.press("/")
    expect(options(page)).to_have_text(["My account", "Change my password"])
    page.keyboard.type("passw")
    expect(options(page)).to_have_text(["Change my password"])
    page.keyboard.press("Enter")
    page.wait_for_url("**/account/change-password")


def test_a_user_is_duplicated_by_keyboard(admin: Page) -> None:
    admin.keyboard.press("Control+k")
    admin.keyboard.type("jdoe")
    admin.keyboard.press("Enter")
    admin.get_by_test_id("duplicateUserButton").press("Enter")
    expect(admin.get_by_test_id("duplicatedFrom")).to_contain_text("Roles copied from jdoe.")
    expect(admin.get_by_test_id("userFormUserNameInput")).to_be_focused()
    expect(admin.get_by_test_id("rolesDropdown")).to_contain_text("viewer")
    expect(admin.get_by_test_id("userFormFullNameInput")).to_have_value("")


def test_without_javascript_it_is_a_page(node: TestNode, watched: Callable[..., Watched]) -> None:
    page = sign_in(watched(java_script_enabled=False).new_page())
    page.goto("/users/")
    field(page).fill("ad")
    field(page).press("Enter")
    page.wait_for_url("**/search?q=ad")
    expect(page.get_by_role("heading", name="Results for “ad”")).to_be_visible()
    expect(page.get_by_role("heading", name="Users", level=2)).to_be_visible()
    page.get_by_role("main").get_by_role("link", name="ada").click()
    expect(page.get_by_role("heading", name="ada", exact=True)).to_be_visible()
    page.goto("/search")
    expect(page.get_by_role("main").get_by_role("link")).to_have_count(11)


def test_it_looks_right_open_and_closed(node: TestNode, context: Watched) -> None:
    node.put_user("x" * 507, full_name="X " * 200, email="x@example.org")
    page = sign_in(context.new_page())
    page.goto("/users/")
    assert_accessible(page)
    results = {"": "My account", "user": "usermgmt_service", "xxxx": "xxxx", "kibana": "kibana_system", "zzz": "No results"}
    for typed, found in results.items():
        page.keyboard.press("Control+k")
        page.keyboard.type(typed)
        expect(page.get_by_test_id("nav-search-popover")).to_contain_text(found)
        assert_fits(page)
        assert_accessible(page)
        page.keyboard.press("Escape")
    for url in (
        "/search",
        "/search?q=user",
        "/search?q=xxxx",
        "/search?q=zzz",
        "/users/create?from=kibana",
        "/users/create?from=gone",
    ):
        look(page, url)


def test_on_a_phone_the_list_fills_the_width(node: TestNode, watched: Callable[..., Watched]) -> None:
    page = sign_in(watched(viewport={"width": 360, "height": 740}, has_touch=True).new_page())
    page.goto("/users/")
    field(page).tap()
    expect(options(page).first).to_be_visible()
    box = page.get_by_test_id("nav-search-popover").bounding_box()
    assert box
    assert (box["x"], box["width"]) == (8, 344)
    options(page).filter(has_text="My account").tap()
    page.wait_for_url("**/account/")
