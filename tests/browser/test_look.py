"""Every page in every state: nothing for axe to find, nothing that scrolls sideways, no CSP violation, no console error."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.services import users
from accounts.services.client import PersonClient
from accounts.services.documents import indices
from tests.support.cast import PASSWORD
from tests.support.nodes import TestNode
from tests.support.pages import NARROW, Watched, assert_accessible, assert_fits, look, sign_in, sign_in_with_form
from tests.support.traces import trail


def seed(node: TestNode) -> None:
    node.put_user(
        "jdoe",
        full_name="Jane Doe",
        email="jane@example.org",
        roles=["viewer", "kibana_user", "nope"],
        enabled=False,
        metadata={"desk": {"floor": 2, "room": None}, "note": "Two\nlines", "sales": True, "a-key-that-is-rather-long": 7},
    )
    long = "a-name-that-somebody-made-from-a-department-and-a-project-and-a-region-and-a-number-0123456789"
    node.put_user(
        long,
        full_name=long.replace("-", " "),
        email=f"{long}@example.org",
        roles=[f"team_{number:02}_reader" for number in range(12)],
    )
    node.put_user("x" * 507, roles=["viewer"])
    for days in (-1, 9):
        end = (timezone.now() + timedelta(days)).date().isoformat()
        node.put_user(f"a-contractor-{days}", roles=["viewer"], metadata={"active_until": end})
    later = (timezone.now() + timedelta(minutes=10)).isoformat()
    of_address = {"address": "2001:db8:0:1::/64", "is_of_username": False}
    delays: list[dict[str, object]] = [{"username": "x" * 507}, of_address, {}]
    for number, whose in enumerate(delays):
        delay = {"failures": 20, "until": later, "expires": later, **whose}
        node.elastic.index(index=indices.THROTTLE, id=f"delay-{number}", document=delay, refresh=True)


def restorable(node: TestNode) -> list[str]:
    """The pages that restore an edit and a deletion."""
    ada = PersonClient("ada", PASSWORD)
    user = users.get(ada, "jdoe")
    metadata = {**user.metadata, "department": "x" * 200}
    users.update_all(ada, user, replace(user, full_name="Jane Roe", roles=("monitor", *user.roles), metadata=metadata))
    users.delete(ada, "x" * 507)
    return [f"/audit/restore/{event.id}" for event in trail(node, actor="ada") if event.action in ("user-update", "user-delete")]


def test_pages_of_an_administrator(node: TestNode, context: Watched) -> None:
    seed(node)
    page = sign_in(context.new_page())
    for url in (
        "/users/",
        "/users/?q=nobody-has-this",
        "/users/?role=viewer&status=deactivated&flag=no-email&size=10",
        "/users/filters?role=viewer",
        "/users/create",
        "/users/edit/jdoe",
        f"/users/edit/{'x' * 507}",
        "/users/edit/kibana",
        "/users/offboarding/jdoe",
        "/users/offboarding/nobody",
        "/users/offboarding?username=jdoe&username=nobody",
        "/users/delete/jdoe",
        "/users/delete?username=jdoe&username=elastic",
        "/users/change-password/kibana_system",
        "/users/deactivate/kibana_system",
        "/account/",
        "/account/change-password",
        "/account/sessions",
        "/sessions/",
        "/sessions/?q=nobody-has-this",
        "/sessions/end-all",
        "/system/",
        "/account/api-keys",
        "/account/create-api-key",
        "/account/user-api",
        "/users/revoke-api-keys/usermgmt_service",
        "/audit/",
        "/audit/?q=nobody-did-this",
        "/users/history/jdoe",
    ):
        look(page, url)
    for url in restorable(node):
        look(page, url)
    page.goto("/audit/")
    page.get_by_text("Show as table").click()
    assert_fits(page)
    assert_accessible(page)
    page.get_by_test_id("auditRow").first.get_by_role("rowheader").get_by_role("link").click()
    expect(page.get_by_test_id("auditEvent")).to_be_visible()
    assert_fits(page)
    assert_accessible(page)


def test_damaged_documents(node: TestNode, context: Watched) -> None:
    for index, kind in ((indices.REVIEWS, "review"), (indices.FINDINGS, "run"), (indices.JOBS, "job")):
        for id in ("short", "x" * 500):
            node.elastic.index(index=index, id=id, document={"kind": kind}, refresh=True)
    page = sign_in(context.new_page())
    for name, url in (("reviews", "/reviews/"), ("findings", "/findings/"), ("jobs", "/users/jobs/")):
        look(page, url)
        page.get_by_test_id("discardDamagedLink").click()
        expect(page).to_have_url(re.compile(f"/damaged/discard/{name}$"))
        assert_fits(page)
        assert_accessible(page)
        page.get_by_test_id("discardDamagedButton").click()
        expect(page.get_by_text("Discarded 2 damaged")).to_be_visible()
        expect(page.get_by_test_id("discardDamagedLink")).to_be_hidden()


def test_dialogs_and_open_menus(node: TestNode, context: Watched) -> None:
    seed(node)
    page = sign_in(context.new_page())
    page.goto("/users/edit/jdoe")
    for hook in ("editUserChangePasswordButton", "editUserEnableUserButton", "editUserDeleteUserButton"):
        page.get_by_test_id(hook).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        assert_fits(page)
        assert_accessible(page)
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
        expect(page.get_by_test_id(hook)).to_be_focused()
    page.get_by_test_id("userMenuButton").click()
    assert_accessible(page)
    page.goto("/users/")
    page.get_by_test_id("userFiltersButton").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert_fits(page)
    assert_accessible(page)
    page.goto("/users/create")
    page.get_by_test_id("comboBoxToggleListButton").click()
    expect(page.get_by_role("listbox")).to_be_visible()
    assert_fits(page)
    assert_accessible(page)


def test_a_menu_closes_when_the_focus_leaves_it(node: TestNode, page: Page) -> None:
    """It would cover the next buttons."""
    sign_in(page).goto("/users/")
    page.get_by_test_id("userMenuButton").press("Enter")
    page.get_by_test_id("logoutLink").focus()
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_test_id("logoutLink")).to_be_visible()
    page.get_by_test_id("logoutLink").focus()
    page.keyboard.press("Tab")
    expect(page.get_by_test_id("logoutLink")).to_be_hidden()


def test_a_narrow_navigation_shows_the_link_that_has_the_focus(node: TestNode, watched: Callable[..., Watched]) -> None:
    page = sign_in(watched(viewport=NARROW).new_page())
    page.goto("/users/")
    links = page.locator(".navigation a").all()
    assert len(links) > 5
    links[0].focus()
    for link in links:
        expect(link).to_be_focused()
        expect(link).to_be_in_viewport(ratio=0.99)
        page.keyboard.press("Tab")

    page.goto("/users/")
    findings = page.locator(".navigation").get_by_role("link", name="Findings").bounding_box()
    assert findings
    assert findings["x"] < NARROW["width"] - 10 < findings["x"] + findings["width"], "a part of it is in the window"
    page.mouse.click(NARROW["width"] - 10, findings["y"] + 10, delay=200)
    expect(page).to_have_url(re.compile("/findings/$"))


def test_a_long_username_is_whole_on_a_phone(node: TestNode, watched: Callable[..., Watched]) -> None:
    """Also where it is to be deleted."""
    name = "a_username_without_blanks_" * 4
    node.put_user(name)
    page = sign_in(watched(viewport=NARROW).new_page())
    page.goto(f"/users/edit/{name}")
    page.get_by_test_id("editUserDeleteUserButton").click()
    expect(page.get_by_role("dialog")).to_contain_text(name)
    for title in (page.locator("main h1"), page.locator("#dialog-title")):
        assert title.evaluate("element => element.scrollHeight <= element.clientHeight")


def test_phones_do_not_zoom_into_fields(node: TestNode, watched: Callable[..., Watched]) -> None:
    """Safari on iOS does if their text has less than 16 pixels."""
    page = sign_in(watched(viewport=NARROW, has_touch=True, is_mobile=True).new_page())
    for url in ("/users/", "/users/create", "/reviews/create", "/compare/"):
        page.goto(url)
        fields = page.locator("main").locator("input:not([type=checkbox]), select, textarea").locator("visible=true")
        sizes = fields.evaluate_all("fields => fields.map((field) => parseFloat(getComputedStyle(field).fontSize))")
        assert sizes
        assert min(sizes) >= 16


def test_buttons_of_the_list_leave_the_rows_their_place(node: TestNode, watched: Callable[..., Watched]) -> None:
    """On a phone they are a quarter of the window: they stay in it only while they are for selected rows."""
    for number in range(9):
        node.put_user(f"user-{number}", full_name="A name", roles=["viewer"])
    page = sign_in(watched(viewport=NARROW).new_page())
    page.goto("/users/")
    last = page.get_by_test_id("userRow").last.get_by_role("checkbox")
    last.scroll_into_view_if_needed()
    expect(page.get_by_test_id("changeUsersButton")).not_to_be_in_viewport()
    page.get_by_test_id("checkboxSelectRow-user-8").check()
    expect(page.get_by_test_id("changeUsersButton")).to_be_in_viewport(ratio=1)


def test_forms_with_errors(node: TestNode, context: Watched) -> None:
    page = sign_in(context.new_page())
    page.goto("/users/create")
    page.get_by_role("button", name="Create user").click()
    expect(page.get_by_text("Enter a username.", exact=True)).to_be_visible()
    assert_fits(page)
    assert_accessible(page)

    page.goto("/users/edit/kibana_system")
    page.get_by_test_id("editUserChangePasswordButton").click()
    page.get_by_test_id("editUserChangePasswordNewPasswordInput").fill("short")
    page.get_by_test_id("changePasswordUnderstoodCheckbox").check()
    page.get_by_test_id("changePasswordFormSubmitButton").click()
    expect(page.get_by_role("dialog")).to_contain_text("Password must be at least 8 characters.")
    expect(page.get_by_role("dialog")).to_contain_text("Kibana will lose connection to Elasticsearch")
    expect(page.get_by_test_id("editUserChangePasswordNewPasswordInput")).to_be_focused()
    assert_accessible(page)
    context.expected("422")


def test_a_conflict(node: TestNode, context: Watched) -> None:
    seed(node)
    page = sign_in(context.new_page())
    page.goto("/users/edit/jdoe")
    node.elastic.security.put_user(username="jdoe", full_name="Janet", roles=["viewer"], enabled=True, metadata={})
    page.get_by_test_id("userFormFullNameInput").fill("Jane Roe")
    page.get_by_role("button", name="Update user").click()
    expect(page.get_by_text("Janet").first).to_be_visible()
    expect(page.get_by_test_id("userFormFullNameInput")).to_have_value("Jane Roe")
    assert_fits(page)
    assert_accessible(page)
    context.expected("409")


def test_pages_of_an_auditor(node: TestNode, context: Watched) -> None:
    seed(node)
    page = sign_in(context.new_page(), "otto")
    for url in ("/users/", "/users/edit/jdoe", "/users/edit/elastic"):
        look(page, url)
    look(page, "/users/create")
    context.expected("403")


def test_pages_without_privileges(node: TestNode, context: Watched) -> None:
    page = sign_in(context.new_page(), "norah")
    look(page, "/account/")
    look(page, "/users/")
    expect(page.get_by_text("Contact your system administrator.")).to_be_visible()
    context.expected("403")


def test_signing_in_and_getting_lost(node: TestNode, context: Watched) -> None:
    page = context.new_page()
    look(page, "/login")
    page.get_by_test_id("loginUsername").fill("ada")
    page.get_by_test_id("loginPassword").fill(PASSWORD + "x")
    page.get_by_test_id("loginSubmit").click()
    expect(page.get_by_test_id("loginErrorMessage")).to_have_text("Username or password is incorrect. Please try again.")
    assert_accessible(page)
    look(page, "/no/such/page")
    sign_in_with_form(page)
    look(page, "/users/edit/gone")
    context.expected("404")


def test_toasts(node: TestNode, context: Watched) -> None:
    node.put_user("jdoe")
    page = sign_in(context.new_page())
    page.goto("/users/deactivate/jdoe")
    page.get_by_test_id("confirmModalConfirmButton").click()
    expect(page.get_by_text("Deactivated user 'jdoe'")).to_be_visible()
    assert_fits(page)
    assert_accessible(page)
