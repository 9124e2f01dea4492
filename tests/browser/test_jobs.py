"""Bulk changes in a real browser: from the selection to the result, with pause and resume, in every look."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from django.utils import timezone
from playwright.sync_api import Page, Route, expect

from accounts.services import jobs
from accounts.services.client import PersonClient
from accounts.services.jobs import store
from accounts.services.jobs.store import StepQuery
from accounts.services.users import UserQuery
from tests.support.nodes import TestNode
from tests.support.pages import Watched, assert_accessible, assert_fits, look, sign_in

LONG = "a-name-that-somebody-made-from-a-department-and-a-project-and-a-region-and-a-number-0123456789"


def seed(node: TestNode) -> None:
    for name in ("bulk-1", "bulk-2", f"bulk-{LONG}"):
        node.put_user(name, full_name=LONG, roles=["viewer", "editor"])


def check(page: Page) -> None:
    assert_fits(page)
    assert_accessible(page)


def test_every_page_in_every_look(node: TestNode, context: Watched) -> None:
    seed(node)
    page = sign_in(context.new_page())
    look(page, "/users/jobs/")
    page.goto("/users/?q=bulk")
    page.get_by_test_id("checkboxSelectRow-bulk-1").check()
    page.get_by_test_id("checkboxSelectRow-bulk-2").check()
    expect(page.get_by_test_id("changeUsersButton")).to_have_text("Change 2 users")
    page.get_by_test_id("changeUsersButton").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("2 selected users")).to_be_visible()
    check(page)
    page.get_by_test_id("previewButton").click()
    expect(page.get_by_role("alert")).to_contain_text("Select an action.")
    actions = page.get_by_role("radiogroup", name="Action", description="Select an action.")
    expect(actions).to_be_focused()
    page.get_by_test_id("previewButton").focus()
    page.get_by_role("alert").get_by_role("link", name="Action").click()
    expect(actions).to_be_focused()
    check(page)
    page.get_by_label("Deactivate users").check()
    page.get_by_test_id("previewButton").click()
    expect(page.get_by_test_id("jobSummary")).to_contain_text("2 of 2 users will change")
    expect(page.get_by_test_id("jobStep")).to_have_count(2)
    check(page)
    page.get_by_test_id("startJobButton").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("jobSummary")).to_contain_text("2 of 2 changed", timeout=30_000)
    check(page)
    look(page, "/users/jobs/")
    assert node.user("bulk-1")["enabled"] is False  # type: ignore[index]
    context.expected("422")


def test_pause_and_resume(node: TestNode, watched: Callable[..., Watched]) -> None:
    seed(node)
    without_script = sign_in(watched(java_script_enabled=False).new_page())
    without_script.goto("/users/?q=bulk")
    without_script.get_by_test_id("changeUsersButton").click()
    without_script.get_by_label("Add roles").check()
    without_script.get_by_label("Roles", exact=True).select_option("kibana_admin")
    without_script.get_by_test_id("previewButton").click()
    without_script.get_by_role("button", name="Add roles to 3 users").click()
    expect(without_script.get_by_test_id("jobProgress")).to_contain_text("0 of 3 users")
    assert_fits(without_script)
    without_script.get_by_test_id("pauseJobButton").click()
    expect(without_script.get_by_test_id("jobSummary")).to_contain_text("3 users not changed yet")

    node.put_user("eve", roles=["user_admin"])
    page = sign_in(watched().new_page(), "eve")
    page.goto("/users/")
    page.get_by_test_id("jobsLink").click()
    page.get_by_role("link", name="Add roles: kibana_admin").click()
    check(page)
    page.get_by_test_id("resumeJobButton").click()
    expect(page.get_by_test_id("jobSummary")).to_contain_text("3 of 3 changed", timeout=30_000)
    without_script.reload()
    expect(without_script.get_by_test_id("jobSummary")).to_contain_text("3 of 3 changed")
    assert node.user("bulk-1")["roles"] == ["viewer", "editor", "kibana_admin"]  # type: ignore[index]


def test_changes_that_end_after_a_pause(node: TestNode, page: Page, person: Callable[[str], PersonClient]) -> None:
    """They count as in progress, and the page shows their result by itself."""
    seed(node)
    ada = person("ada")
    job = jobs.create(ada, "deactivate", (), UserQuery(q="bulk"), "bulk")
    jobs.advance(ada, job.id, lambda action, user, wanted: "")
    jobs.start(ada, job.id)
    jobs.pause(ada, job.id)
    jobs.refresh()
    [step, *_] = store.steps(job := jobs.get(job.id), StepQuery())
    [step] = store.put_steps([replace(step, state="started", begun=timezone.now())])

    page = sign_in(page)
    page.goto(f"/users/jobs/view/{job.id}")
    summary = page.get_by_test_id("jobSummary")
    expect(summary).to_contain_text("0 of 3 changed")
    expect(summary).to_contain_text("1 user in progress. 2 users not changed yet.")
    with page.expect_response(f"**/users/jobs/advance/{job.id}"):
        pass
    expect(summary).to_contain_text("1 user in progress.")
    store.put_steps([replace(step, state="success")])
    expect(summary).to_contain_text("1 of 3 changed")
    expect(summary).not_to_contain_text("in progress")
    expect(page.get_by_role("navigation", name="Results")).to_contain_text("Success 1")


def test_a_server_that_was_away(node: TestNode, watched: Callable[..., Watched]) -> None:
    """The page goes on by itself when another process answers."""
    seed(node)
    browser = watched()
    page = sign_in(browser.new_page())
    page.goto("/users/jobs/create?filter=q%3Dbulk")
    page.get_by_label("Deactivate users").check()
    page.get_by_test_id("previewButton").click()
    lost: list[str] = []

    def lose(route: object) -> None:
        lost.append("once")
        route.abort() if len(lost) == 1 else route.continue_()  # type: ignore[attr-defined]

    page.route("**/users/jobs/advance/*", lose)
    page.get_by_test_id("startJobButton").click()
    expect(page.get_by_test_id("jobSummary")).to_contain_text("3 of 3 changed", timeout=30_000)
    assert len(lost) > 1
    browser.expected("ERR_FAILED", "htmx:sendError", "htmx:afterRequest")


@pytest.mark.parametrize("path", ["/users/jobs/advance/*", "/findings/resume/*"])
def test_what_is_typed_while_the_page_goes_on(node: TestNode, page: Page, path: str) -> None:
    """The result replaces the progress, and the text in the search stays, with the focus."""
    seed(node)
    page = sign_in(page)
    if "jobs" in path:
        page.goto("/users/jobs/create?filter=q%3Dbulk")
        page.get_by_label("Deactivate users").check()
        page.get_by_test_id("previewButton").click()
        start = page.get_by_test_id("startJobButton")
    else:
        page.goto("/findings/")
        start = page.get_by_test_id("runFindingsButton")
    held: list[Route] = []
    is_typed = False
    page.route(f"**{path}", lambda route: route.continue_() if is_typed else held.append(route))
    with page.expect_request(f"**{path}"):
        start.click()
    search = page.locator("#search-input")
    search.press_sequentially("jd")
    if "jobs" in path:
        with page.expect_response(lambda response: response.request.headers.get("hx-target") == "job-numbers"):
            pass
        expect(page.get_by_test_id("jobProgress")).to_contain_text("0 of 3 users")
        check(page)
    is_typed = True
    for route in held:
        route.continue_()
    expect(page.locator("progress")).to_have_count(0, timeout=30_000)
    if "jobs" in path:
        expect(page.get_by_test_id("jobSummary")).to_contain_text("3 of 3 changed")
    expect(search).to_have_value("jd")
    expect(search).to_be_focused()
