"""The trail in a browser: filters without a reload, and the history on a user's page."""

import re
from collections import Counter
from collections.abc import Callable

from playwright.sync_api import Page, Route, expect

from accounts.services import audit, errors, users
from accounts.services.client import PersonClient
from accounts.services.documents import indices
from accounts.services.users import User
from tests.support.nodes import TestNode
from tests.support.pages import NARROW, Watched, assert_accessible, assert_fits, sign_in, sign_in_with_form


def test_unknown_outcome_and_history_pages(node: TestNode, person: Callable[[str], PersonClient], page: Page) -> None:
    users.create(person("ada"), User("wanda", "Wanda", roles=("viewer",)), "a-password")
    try:
        with audit.recorded(person("ada"), audit.Action.USER_UPDATE, "wanda", changes={"roles": (["viewer"], ["editor"])}):
            raise errors.OutcomeUnknown
    except errors.OutcomeUnknown:
        pass
    node.elastic.indices.refresh(index=indices.AUDIT_PATTERN, expand_wildcards="all")
    sign_in(page).goto("/audit/")

    page.get_by_label("Outcome").select_option("unknown")
    expect(page).to_have_url(re.compile("outcome=unknown"))
    page.get_by_label("Target").fill("wanda")
    page.keyboard.press("Tab")
    expect(page).to_have_url(re.compile("target=wanda"))
    expect(page.get_by_test_id("auditRow")).to_have_count(1)
    page.get_by_test_id("auditRow").get_by_role("rowheader").get_by_role("link").click()
    assert_accessible(page)
    page.get_by_role("button", name="Verify outcome").click()
    expect(page.get_by_text("Verified: the change was not applied.").first).to_be_visible()

    page.goto("/users/edit/wanda")
    expect(page.get_by_test_id("userHistory")).to_contain_text("roles changed from viewer to editor")
    expect(page.get_by_test_id("userLastSignIn")).to_be_visible()  # nothing is on its way any more


def test_one_toast_for_all_lost_responses(node: TestNode, watched: Callable[..., Watched]) -> None:
    browser = watched()
    page = browser.new_page()
    page.clock.install()
    sign_in(page).goto("/audit/")
    expect(page.get_by_text("Refreshes every 30 seconds.")).to_be_visible()
    lost: list[Route] = []

    def lose(route: Route) -> None:
        lost.append(route)
        route.abort()

    page.route("**/audit/?*", lose)
    for count in (1, 2, 3):
        with page.expect_event("requestfailed"):
            page.clock.fast_forward(31_000)
        page.wait_for_timeout(500)
        assert len(lost) == count
    expect(page.get_by_text("The server didn't respond.")).to_have_count(1)
    page.get_by_label("Actor", exact=True).focus()
    page.get_by_role("button", name="Dismiss").press("Enter")
    expect(page.get_by_label("Actor", exact=True)).to_be_focused()
    browser.expected("ERR_FAILED", "htmx:sendError", "htmx:afterRequest")


def test_refresh_leaves_the_focus_where_it_is(node: TestNode, page: Page) -> None:
    page.clock.install()
    sign_in(page)
    node.elastic.indices.refresh(index=indices.AUDIT_PATTERN, expand_wildcards="all")
    page.goto("/audit/")
    export = page.get_by_test_id("auditExportButton")
    actor = page.get_by_test_id("auditRow").first.locator("[data-label=Actor] a")
    page.get_by_text("Show as table").click()

    for link in (actor, export, page.get_by_text("Show as table")):
        link.focus()
        refresh(page)
        expect(link).to_be_focused()
        expect(page.get_by_role("table", name="Events per period")).to_be_visible()

    export.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    refresh(page)
    page.keyboard.press("Escape")
    expect(export).to_be_focused()


def refresh(page: Page) -> None:
    page.evaluate("document.querySelector('[data-test-subj=auditRow]').dataset.old = ''")
    page.clock.fast_forward(31_000)
    expect(page.locator("[data-old]")).to_have_count(0)


def test_cards_have_label_and_value_in_one_line(node: TestNode, watched: Callable[..., Watched]) -> None:
    page = sign_in(watched(viewport=NARROW).new_page())
    node.elastic.indices.refresh(index=indices.AUDIT_PATTERN, expand_wildcards="all")
    page.goto("/audit/?action=sign-in&actor=ada")
    row = page.get_by_test_id("auditRow").first
    for label in ("Actor", "Target"):
        cell = row.locator(f"[data-label={label}]").bounding_box()
        assert cell
        assert cell["height"] < 40


def test_no_filter_stands_alone(node: TestNode, page: Page) -> None:
    sign_in(page).goto("/audit/")
    labels = ("Actor", "Target", "Action", "Outcome", "From", "To")
    for width in (1920, 1280, 1024, 768, 480, 360):
        page.set_viewport_size({"width": width, "height": 720})
        places = [page.get_by_label(label, exact=True).bounding_box() for label in labels]
        lines = [box["y"] for box in places if box]
        assert len(lines) == len(labels)
        assert min(Counter(lines).values()) > 1, width
        assert lines[-1] == lines[-2], "a span of time is in one line"
        assert_fits(page)


def test_without_javascript(node: TestNode, watched: Callable[..., Watched]) -> None:
    page = sign_in(watched(java_script_enabled=False).new_page())
    node.elastic.indices.refresh(index=indices.AUDIT_PATTERN, expand_wildcards="all")
    page.goto("/audit/")
    page.get_by_label("Action", exact=True).select_option("sign-in")
    page.get_by_role("button", name="Search").last.click()
    expect(page.get_by_test_id("auditRow").first).to_contain_text("Sign in")
    expect(page.get_by_text("Refreshes every 30 seconds.")).to_be_hidden()


def test_times_are_local(node: TestNode, watched: Callable[..., Watched]) -> None:
    page = sign_in_with_form(watched(timezone_id="Asia/Kolkata").new_page())  # the first page tells the server the time zone
    page.goto("/account/sessions")
    time = page.locator("time").first
    expect(time).to_have_text(re.compile(r"^20\d\d-\d\d-\d\d \d\d:\d\d IST$"))
    expect(time).to_have_attribute("title", re.compile(r"UTC$"))
