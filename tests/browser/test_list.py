"""The list under real keys and clicks."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.support.api_keys import create_key
from tests.support.names import HOSTILE_NAMES
from tests.support.nodes import TestNode
from tests.support.pages import NARROW, WIDE, Watched, assert_accessible, look, sign_in


@pytest.fixture
def admin(node: TestNode, page: Page) -> Page:
    for number in range(30):
        node.put_user(f"user{number:02}", full_name=f"Person {number}", email=f"p{number}@example.org", roles=["viewer"])
    sign_in(page).goto("/users/")
    return page


def test_searching_while_typing_and_going_back(admin: Page) -> None:
    admin.get_by_test_id("searchUsers").press_sequentially("user07", delay=20)
    expect(admin.get_by_test_id("userRow")).to_have_count(1)
    expect(admin.get_by_test_id("searchUsers")).to_have_value("user07")
    expect(admin.get_by_test_id("searchUsers")).to_be_focused()
    admin.wait_for_url("**/users/?q=user07")

    admin.get_by_role("link", name="user07").click()
    expect(admin.get_by_role("heading", name="user07")).to_be_visible()
    admin.go_back()
    expect(admin.get_by_test_id("userRow")).to_have_count(1)
    expect(admin.get_by_role("navigation", name="Main")).to_be_visible()


def test_pages_sizes_and_the_switch(admin: Page) -> None:
    expect(admin.get_by_test_id("userRow")).to_have_count(20)
    admin.get_by_test_id("pagination-button-next").click()
    expect(admin.get_by_text("Showing 21–40 of 41").first).to_be_visible()
    admin.get_by_test_id("pagination-button-previous").click()
    expect(admin.get_by_text("Showing 1–20 of 41").first).to_be_visible()
    admin.get_by_test_id("pagination-button-last").click()
    expect(admin.get_by_text("Showing 41–41 of 41").first).to_be_visible()
    admin.get_by_test_id("pagination-button-first").click()
    expect(admin.get_by_text("Showing 1–20 of 41").first).to_be_visible()
    admin.get_by_test_id("tablePaginationPopoverButton").click()
    admin.get_by_test_id("tablePagination-50-rows").click()
    expect(admin.get_by_test_id("userRow")).to_have_count(41)
    admin.get_by_test_id("showReservedUsersSwitch").uncheck()
    expect(admin.get_by_test_id("userRow")).to_have_count(34)
    expect(admin.get_by_test_id("userReserved")).to_have_count(0)
    admin.reload()
    expect(admin.get_by_test_id("userRow")).to_have_count(34)
    admin.goto("/users/")
    expect(admin.get_by_test_id("userRow")).to_have_count(41)  # fifty to a page, as chosen


def test_sorting_by_the_head_of_a_column(node: TestNode, admin: Page) -> None:
    node.put_user("zzz", enabled=False)
    admin.get_by_role("link", name="Status", exact=True).click()
    expect(admin.get_by_role("columnheader", name="Status")).to_have_attribute("aria-sort", "ascending")
    expect(admin.get_by_test_id("userRow").first).to_contain_text("zzz")
    admin.get_by_role("link", name="User Name", exact=True).click()
    expect(admin.get_by_role("columnheader", name="User Name")).to_have_attribute("aria-sort", "ascending")
    admin.get_by_role("link", name="User Name", exact=True).click()
    expect(admin.get_by_role("columnheader", name="User Name")).to_have_attribute("aria-sort", "descending")
    expect(admin.get_by_test_id("userRow").first).to_contain_text("zzz")


def test_sorting_and_sizes_keep_the_focus(node: TestNode, admin: Page) -> None:
    for name in ("Status", "User Name"):
        admin.get_by_role("link", name=name, exact=True).press("Enter")
        expect(admin.get_by_role("columnheader", name=name)).to_have_attribute("aria-sort", "ascending")
        expect(admin.get_by_role("link", name=name, exact=True)).to_be_focused()
    admin.get_by_test_id("tablePaginationPopoverButton").press("Enter")
    admin.get_by_test_id("tablePagination-50-rows").press("Enter")
    expect(admin.get_by_test_id("tablePaginationPopoverButton")).to_have_text("Rows per page: 50")
    expect(admin.get_by_test_id("tablePaginationPopoverButton")).to_be_focused()
    admin.goto("/service-accounts/")
    admin.get_by_role("link", name="Service account", exact=True).press("Enter")
    expect(admin.get_by_role("columnheader", name="Service account")).to_have_attribute("aria-sort", "descending")
    expect(admin.get_by_role("link", name="Service account", exact=True)).to_be_focused()


def test_rows_stay_in_their_place_when_one_is_selected(admin: Page) -> None:
    top = "document.querySelector('tbody').getBoundingClientRect().top + scrollY"
    before = admin.evaluate(top)
    admin.locator("tbody input:enabled").first.check()
    expect(admin.get_by_test_id("deleteUserButton")).to_be_visible()
    assert admin.evaluate(top) == before


def test_filters_with_their_counts(node: TestNode, admin: Page) -> None:
    node.put_user("lost", roles=["nope"], enabled=False)
    admin.get_by_test_id("userFiltersButton").click()
    dialog = admin.get_by_role("dialog")
    expect(dialog.locator("label", has_text="Nonexistent roles")).to_contain_text("1")
    expect(dialog.locator("label", has_text="viewer")).to_contain_text("31")
    dialog.get_by_label("Nonexistent roles").check()
    dialog.get_by_label("Deactivated").check()
    admin.get_by_test_id("applyFiltersButton").click()
    expect(admin.get_by_test_id("userRow")).to_have_count(1)
    admin.get_by_test_id("searchUsers").press_sequentially("los")
    expect(admin.get_by_test_id("userRow")).to_have_count(1)
    admin.get_by_test_id("searchUsers").press_sequentially("x")
    expect(admin.get_by_text("No users match “losx” and the filters.")).to_be_visible()
    admin.get_by_role("link", name="Clear search").click()
    expect(admin.get_by_test_id("userRow")).to_have_count(20)


def test_role_badge_filters_the_list(admin: Page) -> None:
    admin.get_by_test_id("userRow").filter(has_text="otto").get_by_role("link", name="usermgmt_auditor").click()
    expect(admin.get_by_test_id("userRow")).to_have_count(1)
    admin.get_by_role("link", name="Remove filter Role: usermgmt_auditor").click()
    expect(admin.get_by_test_id("userRow")).to_have_count(20)


def test_deleting_the_selected(node: TestNode, admin: Page) -> None:
    admin.get_by_test_id("searchUsers").fill("user0")
    expect(admin.get_by_test_id("userRow")).to_have_count(10)
    for name in ("user01", "user02", "user03"):
        admin.get_by_test_id(f"checkboxSelectRow-{name}").check()
    admin.get_by_test_id("deleteUserButton").click()
    expect(admin.get_by_role("dialog")).to_contain_text("Delete 3 users")
    expect(admin.get_by_role("dialog")).to_contain_text("user02")
    admin.get_by_test_id("confirmModalCancelButton").click()
    expect(admin.get_by_role("dialog")).to_be_hidden()
    assert "user02" in node.usernames()

    admin.get_by_test_id("deleteUserButton").click()
    admin.get_by_test_id("confirmModalConfirmButton").click()
    expect(admin.get_by_text("Deleted user 'user02'")).to_be_visible()
    assert not {"user01", "user02", "user03"} & node.usernames()


def test_reserved_users_cannot_be_selected(admin: Page) -> None:
    expect(admin.get_by_test_id("checkboxSelectRow-elastic")).to_be_disabled()
    admin.get_by_test_id("checkboxSelectAll").check()
    expect(admin.get_by_test_id("checkboxSelectRow-ada")).not_to_be_checked()
    expect(admin.get_by_test_id("checkboxSelectRow-user01")).to_be_checked()


def test_every_legal_name_leads_to_its_own_page(node: TestNode, page: Page) -> None:
    for name in HOSTILE_NAMES:
        node.put_user(name)
    sign_in(page)
    page.goto("/users/?size=50&reserved=0")
    for name in HOSTILE_NAMES:
        page.get_by_test_id("userRowUserName").get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(name)
        page.get_by_test_id("editUserDeleteUserButton").click()
        expect(page.get_by_role("dialog").get_by_role("heading")).to_have_text(f"Delete user '{name}'?")
        page.get_by_test_id("confirmModalCancelButton").click()
        page.get_by_test_id("editUserChangePasswordButton").click()
        expect(page.get_by_role("dialog").get_by_role("heading")).to_contain_text(name)
        page.goto("/users/?size=50&reserved=0")


def test_a_click_waits_for_the_scripts_of_the_page(admin: Page) -> None:
    """Without JavaScript, this button leads to a page. A test means the dialog."""
    network = admin.context.new_cdp_session(admin)
    network.send("Network.enable")
    slow = {"offline": False, "latency": 500, "downloadThroughput": -1, "uploadThroughput": -1}
    network.send("Network.emulateNetworkConditions", slow)
    admin.get_by_test_id("userRowUserName").get_by_role("link", name="user01").click()
    admin.get_by_test_id("editUserDeleteUserButton").click()
    expect(admin.get_by_role("dialog").get_by_role("heading")).to_have_text("Delete user 'user01'?")


def test_without_javascript_everything_works_as_pages(node: TestNode, watched: Callable[..., Watched]) -> None:
    page = sign_in(watched(java_script_enabled=False).new_page())
    page.goto("/users/")
    page.get_by_test_id("createUserButton").click()
    page.get_by_test_id("userFormUserNameInput").fill("jdoe")
    page.get_by_test_id("passwordInput").fill("first-secret")
    page.get_by_test_id("passwordConfirmationInput").fill("first-secret")
    page.get_by_label("Roles", exact=True).select_option(["viewer", "editor"])
    page.get_by_role("button", name="Create user").click()
    expect(page.get_by_text("Created user 'jdoe'")).to_be_visible()

    page.get_by_test_id("searchUsers").fill("jdo")
    page.get_by_test_id("searchUsers").press("Enter")
    expect(page.get_by_test_id("userRow")).to_have_count(1)
    page.get_by_test_id("showReservedUsersSwitch").uncheck()
    page.get_by_test_id("searchUsers").fill("")
    page.get_by_test_id("searchUsers").press("Enter")
    expect(page.get_by_test_id("userReserved")).to_have_count(0)

    page.get_by_test_id("checkboxSelectRow-jdoe").check()
    page.get_by_test_id("deleteUserButton").click()
    page.get_by_test_id("confirmModalConfirmButton").click()
    assert node.user("jdoe") is None


def test_the_theme_stays_as_chosen(admin: Page) -> None:
    admin.get_by_test_id("userMenuButton").click()
    admin.get_by_role("button", name="Dark").click()
    expect(admin.locator("html")).to_have_attribute("data-theme", "dark")
    admin.goto("/account/")
    expect(admin.locator("html")).to_have_attribute("data-theme", "dark")


def test_the_theme_loses_no_form(admin: Page) -> None:
    admin.goto("/users/create")
    admin.get_by_label("Username").fill("jdoe")
    admin.get_by_test_id("userMenuButton").click()
    admin.get_by_role("button", name="Dark").click()
    expect(admin.locator("html")).to_have_attribute("data-theme", "dark")
    expect(admin.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")
    expect(admin.get_by_role("button", name="System")).to_have_attribute("aria-pressed", "false")
    expect(admin.get_by_label("Username")).to_have_value("jdoe")


def test_administrators_by_filter_and_badge(node: TestNode, admin: Page) -> None:
    node.elastic.security.put_role(name="creator", cluster=["cluster:admin/xpack/security/user/put"])
    node.elastic.security.put_role(name="keeper", cluster=["manage"])
    node.put_user("riser", roles=["creator", "viewer"])
    node.put_user("keeper", roles=["keeper"])
    try:
        admin.get_by_test_id("userFiltersButton").click()
        admin.get_by_role("checkbox", name="Can become an administrator").check()
        admin.get_by_test_id("applyFiltersButton").click()
        admin.wait_for_url("**flag=administrator*")
        badges = admin.get_by_test_id("userAdministrator")
        expect(badges).to_have_text(["Administrator", "Administrator", "Can become an administrator"])  # ada, elastic, riser
        badge = badges.last
        expect(badge).to_have_attribute(
            "title", "Role creator: Can create and update users (cluster:admin/xpack/security/user/put)"
        )
        for size in (WIDE, NARROW):
            admin.set_viewport_size(size)  # type: ignore[arg-type]
            look(admin, "/users/?flag=administrator")
            look(admin, "/users/?flag=possible-administrator")
            expect(admin.get_by_test_id("userAdministrator").filter(has_text="May become")).not_to_have_count(0)
        admin.go_back()
        badge.focus()
        admin.keyboard.press("Enter")
        expect(admin.get_by_role("heading", name="Is an administrator, or can become one")).to_be_in_viewport()
    finally:
        for role in ("creator", "keeper"):
            node.elastic.security.delete_role(name=role)


def test_deleting_several_revokes_their_keys(node: TestNode, admin: Page) -> None:
    for name in ("lea", "levi"):
        node.put_user(name, roles=["superuser"])
        create_key(node, name)
    admin.goto("/users/?reserved=0")
    for name in ("lea", "levi"):
        admin.get_by_test_id(f"checkboxSelectRow-{name}").check()
    admin.get_by_test_id("deleteUserButton").click()
    dialog = admin.get_by_role("dialog")
    expect(dialog.get_by_test_id("remainingApiKeys")).to_contain_text("2 active API keys of 2 users")
    expect(dialog.get_by_test_id("revokeKeysCheckbox")).to_be_checked()
    assert_accessible(admin)
    dialog.get_by_test_id("confirmModalConfirmButton").click()
    expect(dialog.get_by_test_id("deletionsDone")).to_contain_text("levi: 1 API key revoked")
    dialog.get_by_test_id("offboardingRemains").click()
    expect(admin.get_by_test_id("offboardingProven")).to_contain_text("All 2 users can't sign in")
    assert_accessible(admin)
