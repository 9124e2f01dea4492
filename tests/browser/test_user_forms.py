"""The forms of a user in a real browser, with and without JavaScript."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from accounts.services.documents import indices
from tests.support.cast import PASSWORD
from tests.support.nodes import TestNode
from tests.support.pages import Watched, assert_accessible, assert_fits, sign_in

Watch = Callable[..., Watched]
HOSTILE = {
    "full_name": "Jane\r\nDoe\0 \u2028é ",
    "email": " asf ",
    "roles": ["viewer", "gone for good", "editor", "kibana_admin", "viewer", "<a,b>"],
    "enabled": False,
    "metadata": {"badge": None, "desk": {"floor": 2.0}},
}


@pytest.mark.parametrize("has_javascript", [True, False])
@pytest.mark.parametrize(("hook", "field"), [("userFormFullNameInput", "full_name"), ("userFormEmailInput", "email")])
def test_what_isnt_edited_is_stored_as_before(node: TestNode, watched: Watch, hook: str, field: str, has_javascript: bool) -> None:
    node.put_user("jdoe", **HOSTILE)
    before = node.user("jdoe")
    page = sign_in(watched(java_script_enabled=has_javascript).new_page())
    page.goto("/users/edit/jdoe")
    page.get_by_test_id(hook).fill("jörg@beispiel.example")
    page.get_by_role("button", name="Update user").click()
    expect(page.get_by_text("Updated user 'jdoe'")).to_be_visible()
    assert node.user("jdoe") == {**(before or {}), field: "jörg@beispiel.example"}


def test_metadata_is_edited_and_restored(node: TestNode, watched: Watch) -> None:
    context = watched()
    stored = {"badge": 7, "desk": {"floor": 2}}
    node.put_user("jdoe", metadata=stored)
    page = sign_in(context.new_page())
    page.goto("/users/edit/jdoe")
    rows = page.get_by_role("group")
    rows.filter(has_text="Remove").first.get_by_label("Remove").check()
    rows.last.get_by_label("Key").fill("on call")
    rows.last.get_by_label("Type").select_option("True or false")
    rows.last.get_by_label("Value").fill("maybe")
    page.get_by_test_id("addMetadataRow").click()
    expect(rows.last.get_by_label("Key")).to_be_focused()
    rows.last.get_by_label("Key").fill("note")
    rows.last.get_by_label("Type").select_option("Text")
    rows.last.get_by_label("Value").fill("two\nlines")
    page.get_by_role("button", name="Update user").click()
    expect(page.get_by_text("Metadata: on call: Enter true or false.")).to_be_visible()
    assert_fits(page)
    assert_accessible(page)
    page.get_by_role("group", name="New key").first.get_by_label("Value").fill("true")
    page.get_by_role("button", name="Update user").click()
    expect(page.get_by_text("Updated user 'jdoe'")).to_be_visible()
    assert (node.user("jdoe") or {})["metadata"] == {"desk": {"floor": 2}, "on call": True, "note": "two\nlines"}

    node.elastic.indices.refresh(index=indices.AUDIT_PATTERN, expand_wildcards="all")
    page.goto("/users/history/jdoe")
    page.get_by_test_id("restoreLink").click()
    expect(page.get_by_test_id("restoreRow")).to_contain_text('{"badge": 7, "desk": {"floor": 2}}')
    page.get_by_test_id("restoreButton").click()
    expect(page.get_by_text("Restored values of user 'jdoe'")).to_be_visible()
    assert (node.user("jdoe") or {})["metadata"] == stored
    context.expected("422")


def test_new_metadata_row_has_nothing_of_an_invalid_one(node: TestNode, watched: Watch) -> None:
    context = watched()
    node.put_user("jdoe")
    page = sign_in(context.new_page())
    page.goto("/users/edit/jdoe")
    rows = page.get_by_role("group", name="New key")
    rows.last.get_by_label("Key").fill("on call")
    rows.last.get_by_label("Type").select_option("True or false")
    rows.last.get_by_label("Value").fill("maybe")
    page.get_by_role("button", name="Update user").click()
    expect(rows.last.locator("[aria-invalid]")).to_have_count(1)
    page.get_by_test_id("addMetadataRow").click()
    expect(rows).to_have_count(2)
    expect(rows.last.locator("[aria-invalid], [aria-describedby], .field--invalid")).to_have_count(0)
    expect(rows.last.get_by_label("Type")).to_have_value("text")
    context.expected("422")


def test_error_of_roles_leads_to_the_text_field(node: TestNode, watched: Watch) -> None:
    context = watched()
    page = sign_in(context.new_page())
    page.goto("/users/jobs/create")
    page.get_by_label("Add roles").check()
    page.get_by_test_id("previewButton").click()
    field = page.locator("#id_roles-ts-control")
    expect(field).to_be_focused()
    page.get_by_role("heading", level=1).click()
    page.get_by_role("alert").get_by_role("link", name="Roles").click()
    expect(field).to_be_focused()
    context.expected("422")


def test_form_can_be_submitted_again_after_a_stop(node: TestNode, watched: Watch) -> None:
    page = watched().new_page()
    page.clock.install()
    sign_in(page).goto("/users/create")
    page.evaluate("""
        window.sent = 0;
        addEventListener("submit", event => {
            if (!event.defaultPrevented) sent++;
            event.preventDefault(); // as if the user stopped the request
        });
    """)

    def submit() -> int:
        page.get_by_role("button", name="Create user").click()
        return int(page.evaluate("sent"))

    assert [submit(), submit()] == [1, 1]
    page.keyboard.press("Escape")
    assert [submit(), submit()] == [2, 2]
    page.clock.fast_forward(10_000)
    assert submit() == 3


def test_a_list_with_a_long_address_can_be_searched(node: TestNode, page: Page) -> None:
    sign_in(page)
    page.goto("/users/?" + "&".join(f"role={number:03}-{'x' * 100}" for number in range(100)))
    with page.expect_response("**/users/?*q=nobody*") as response:
        page.get_by_role("searchbox").fill("nobody")
    assert response.value.status == 200


def test_notes_on_roles_without_javascript(node: TestNode, watched: Watch) -> None:
    node.put_user("jdoe", roles=["viewer", "kibana_user", "nope"])
    notes = ("nope doesn't exist in this cluster.", "kibana_user is deprecated.")
    for has_javascript in (False, True):
        page = sign_in(watched(java_script_enabled=has_javascript).new_page())
        page.goto("/users/edit/jdoe")
        for note in notes:
            expect(page.get_by_text(note)).to_be_visible(visible=not has_javascript)
        if not has_javascript:
            expect(page.locator("option[value=nope]")).to_have_attribute("label", "nope (doesn't exist)")
    expect(page.get_by_test_id("rolesDropdown")).to_contain_text("kibana_userdeprecated")


def test_the_warning_about_a_similar_username(node: TestNode, context: Watched) -> None:
    node.put_user("joe9")
    page = sign_in(context.new_page())
    page.goto("/users/create")
    username, warning = page.get_by_test_id("userFormUserNameInput"), page.get_by_test_id("similarUsernames")
    username.press_sequentially("Joe9")
    expect(warning).to_contain_text("User “joe9” exists.")
    assert_fits(page)
    assert_accessible(page)
    username.press_sequentially("0")
    expect(warning).to_be_hidden()
    username.press("Backspace")
    warning.get_by_role("checkbox", name="Create “Joe9” as another user").check()
    for hook in ("passwordInput", "passwordConfirmationInput"):
        page.get_by_test_id(hook).fill(PASSWORD)
    page.get_by_role("button", name="Create user").click()
    expect(page.get_by_text("Created user 'Joe9'")).to_be_visible()


@pytest.mark.parametrize("has_javascript", [True, False])
def test_confirmation_of_a_similar_username_outlasts_another_error(node: TestNode, watched: Watch, has_javascript: bool) -> None:
    node.put_user("joe9")
    context = watched(java_script_enabled=has_javascript)
    page = sign_in(context.new_page())
    page.goto("/users/create")
    page.get_by_test_id("userFormUserNameInput").fill("Joe9")
    if not has_javascript:
        page.get_by_role("button", name="Create user").click()
        for hook in ("passwordInput", "passwordConfirmationInput"):
            page.get_by_test_id(hook).fill(PASSWORD)
        page.get_by_role("button", name="Create user").click()
    confirmation = page.get_by_role("checkbox", name="Create “Joe9” as another user")
    confirmation.check()
    page.get_by_role("button", name="Create user").click()
    expect(page.get_by_role("link", name="Password", exact=True)).to_be_visible()
    expect(confirmation).to_be_checked()
    context.expected("422")


def test_the_warning_comes_after_submitting_too(node: TestNode, watched: Watch) -> None:
    node.put_user("joe9")
    context = watched(java_script_enabled=False)
    page = sign_in(context.new_page())
    page.goto("/users/create")
    page.get_by_test_id("userFormUserNameInput").fill("Joe9")
    for _ in range(2):
        for hook in ("passwordInput", "passwordConfirmationInput"):
            page.get_by_test_id(hook).fill(PASSWORD)
        page.get_by_role("button", name="Create user").click()
        page.wait_for_load_state()  # a click ends when the new page begins
        if page.get_by_test_id("similarUsernames").is_visible():
            page.get_by_role("checkbox", name="Create “Joe9” as another user").check()
    expect(page.get_by_text("Created user 'Joe9'")).to_be_visible()
    context.expected("422")
