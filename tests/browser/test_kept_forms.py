"""Forms that can't be taken, in two tabs of a real browser, and users of whom some can't be deleted."""

from dataclasses import replace
from pathlib import Path
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.cast import PASSWORD
from tests.support.faults import faulty
from tests.support.nodes import TestNode
from tests.support.pages import NARROW, WIDE, Watched, assert_accessible, assert_fits, chosen, look, sign_in
from tests.support.server import serve


def sign_in_again(older: Page) -> None:
    """In another tab of the same browser."""
    tab = older.context.new_page()
    tab.goto("/users/")
    tab.get_by_test_id("userMenuButton").click()
    tab.get_by_test_id("logoutLink").click()
    sign_in(tab)
    tab.close()


def looks_right(page: Page) -> None:
    assert_fits(page)
    assert_accessible(page)


def test_form_of_an_older_tab(node: TestNode, context: Watched) -> None:
    page = sign_in(context.new_page())
    page.goto("/users/create")
    page.get_by_test_id("userFormUserNameInput").fill("jdoe")
    page.get_by_test_id("userFormFullNameInput").fill("Jane Doe")
    page.get_by_test_id("passwordInput").fill("first-secret")
    page.get_by_test_id("passwordConfirmationInput").fill("first-secret")
    page.get_by_test_id("rolesDropdown").locator("input").first.click()
    page.locator("[role=option][title=viewer]").click()
    page.keyboard.press("Escape")
    sign_in_again(page)

    page.get_by_role("button", name="Create user").click()

    expect(page.get_by_role("heading", name="This form has expired")).to_be_visible()
    looks_right(page)
    page.get_by_role("button", name="Submit form").click()
    expect(page.get_by_test_id("userFormFullNameInput")).to_have_value("Jane Doe")
    assert chosen(page) == ["viewer"]
    expect(page.get_by_test_id("passwordInput")).to_have_value("")
    assert node.user("jdoe") is None
    context.expected("403", "422")


def test_dialog_of_an_older_tab(node: TestNode, context: Watched) -> None:
    node.put_user("jdoe")
    page = sign_in(context.new_page())
    page.goto("/users/edit/jdoe")
    page.get_by_test_id("editUserDeleteUserButton").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    sign_in_again(page)
    page.get_by_test_id("confirmModalConfirmButton").click()
    expect(page.get_by_role("dialog")).to_contain_text("This form has expired")
    looks_right(page)
    page.get_by_role("button", name="Submit form").click()
    expect(page.get_by_text("Deleted user 'jdoe'")).to_be_visible()
    assert node.user("jdoe") is None
    context.expected("403")


def test_selection_of_an_ended_session(node: TestNode, context: Watched) -> None:
    """The dialog can't be shown anymore. What was selected for it is still selected after the sign-in."""
    for name in ("first", "second"):
        node.put_user(name)
    page = sign_in(context.new_page())
    page.goto("/users/?reserved=0")
    for name in ("first", "second"):
        page.get_by_test_id(f"checkboxSelectRow-{name}").check()
    page.context.add_cookies([{"name": "usermgmt_session", "value": "ended", "url": urljoin(page.url, "/")}])

    page.get_by_test_id("deleteUserButton").click()

    expect(page.get_by_text("Your session has ended.")).to_be_visible()
    page.get_by_test_id("loginUsername").fill("ada")
    page.get_by_test_id("loginPassword").fill(PASSWORD)
    page.get_by_test_id("loginSubmit").click()
    expect(page.get_by_role("list", name="Users to delete").get_by_role("listitem")).to_have_text(["first", "second"])
    page.get_by_test_id("confirmModalConfirmButton").click()
    expect(page.get_by_text("Deleted user 'second'")).to_be_visible()
    assert not node.usernames() & {"first", "second"}


def test_form_for_a_deleted_user(node: TestNode, context: Watched) -> None:
    node.put_user("jdoe", full_name="Jane", roles=["viewer"])
    page = sign_in(context.new_page())
    page.goto("/users/edit/jdoe")
    page.get_by_test_id("userFormFullNameInput").fill("Jane Doe")
    node.elastic.security.delete_user(username="jdoe")
    page.get_by_role("button", name="Update user").click()
    expect(page.get_by_test_id("keptInput")).to_contain_text("Jane Doe")
    looks_right(page)
    page.get_by_test_id("createAgainButton").click()
    expect(page.get_by_test_id("userFormUserNameInput")).to_have_value("jdoe")
    expect(page.get_by_test_id("userFormFullNameInput")).to_have_value("Jane Doe")
    assert chosen(page) == ["viewer"]
    look(page, "/no/such/page")
    look(page, "/logout")
    context.expected("404", "405", "422")


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_some_users_cannot_be_deleted(node: TestNode, browser: Browser, tmp_path: Path, script: bool) -> None:
    with faulty(node) as fault:
        site, process = serve(replace(node, url=fault.url), tmp_path / "log")
        try:
            for size in (WIDE, NARROW):
                _delete_three(node, fault.answers, browser, site, java_script_enabled=script, viewport=size)
        finally:
            process.terminate()
            process.wait(timeout=30)


def _delete_three(node: TestNode, answers: dict[str, int], browser: Browser, site: str, **options: object) -> None:
    for name in ("first", "second", "third"):
        node.put_user(name)
    answers |= {"DELETE /_security/user/second": 503, "DELETE /_security/user/third": 500}
    watched = Watched(browser, site, **options)
    page = sign_in(watched.new_page())
    if options["java_script_enabled"]:
        page.goto("/users/?reserved=0")
        for name in ("first", "second", "third"):
            page.get_by_test_id(f"checkboxSelectRow-{name}").check()
        page.get_by_test_id("deleteUserButton").click()
    else:
        page.goto("/users/delete?username=first&username=second&username=third")
    page.get_by_test_id("confirmModalConfirmButton").click()
    expect(page.get_by_role("heading", name="Deleted 1 of 3 users")).to_be_visible()
    expect(page.get_by_test_id("deletionsDone")).to_contain_text("first")
    expect(page.get_by_test_id("deletionsFailed")).to_contain_text("second")
    expect(page.get_by_test_id("deletionsUnknown")).to_contain_text("third")
    if options["java_script_enabled"]:
        looks_right(page)
    answers.clear()
    page.get_by_test_id("deletionsRetryButton").click()
    expect(page.get_by_text("Deleted user 'second'")).to_be_visible()
    assert node.usernames() & {"first", "second", "third"} == {"third"}
    watched.context.close()
    assert watched.complaints == []
