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
from tests.support.pages import Watched, assert_accessible, assert_fits, sign_in, sign_in_with_form


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
    browser.expected("ERR_FAILED", "htmx:sendError", "htmx:afterRequest")


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
    page.get_by_role("link", name="Stop").click()
    expect(page.get_by_text("Auto-refresh is off.")).to_be_visible()


def test_times_are_local(node: TestNode, watched: Callable[..., Watched]) -> None:
    page = sign_in_with_form(watched(timezone_id="Asia/Kolkata").new_page())  # the first page tells the server the time zone
    page.goto("/account/sessions")
    time = page.locator("time").first
    expect(time).to_have_text(re.compile(r"^20\d\d-\d\d-\d\d \d\d:\d\d IST$"))
    expect(time).to_have_attribute("title", re.compile(r"UTC$"))
