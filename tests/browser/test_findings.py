"""Findings and comparisons in a real browser: a run goes on by itself, also when it was left; every page in every look."""

import secrets
from collections.abc import Callable

from playwright.sync_api import FilePayload, Page, Route, expect

from accounts.services import audit, exports, reviews, users
from accounts.services.client import PersonClient
from accounts.services.users import User, UserQuery
from tests.support.cast import PASSWORD
from tests.support.nodes import TestNode
from tests.support.pages import Watched, assert_accessible, assert_fits, look, sign_in


def seed(node: TestNode) -> None:
    long = "a-name-that-somebody-made-from-a-department-and-a-project-and-a-region-and-a-number-0123456789"
    moved = f"moved-{secrets.token_hex(4)}"  # the trail knows nobody of that name from another test
    for name in ("anna", "Anna", moved):
        node.put_user(name, full_name=long, email="anna@example.org", roles=["viewer", "nope", long, "kibana_user"])
    node.put_user("x" * 507, roles=["user_admin"])
    node.elastic.indices.delete(index="usermgmt-findings", ignore_unavailable=True, expand_wildcards="all")
    ada = PersonClient("ada", PASSWORD)
    users.create(ada, User("comes", long, f"{long}@example.org", ("viewer", long)), PASSWORD)
    users.update(ada, users.get(ada, moved), User(moved, "Jane", "jane@example.org", ("editor", "user_admin")))
    users.delete(ada, "Anna")
    node.elastic.indices.refresh(index="usermgmt-audit-*", expand_wildcards="all")


def export(query: UserQuery | None = None) -> FilePayload:
    """The file of an export."""
    chunks = exports.write(PersonClient("otto", PASSWORD), query or UserQuery(), exports.FORMATS["csv"])
    return {"name": "users.csv.zip", "mimeType": "application/zip", "buffer": b"".join(chunk.data for chunk in chunks)}


def frozen(title: str) -> str:
    """A review, by its id."""
    review = reviews.start(PersonClient("otto", PASSWORD), UserQuery(q="comes", kind="native"), title)
    while not reviews.create_snapshot(PersonClient("otto", PASSWORD), review.id).is_over:
        pass
    return review.id


def run(page: Page) -> None:
    """From the button to the result, with the keyboard."""
    page.get_by_test_id("runFindingsButton").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("findingsMade")).to_be_visible(timeout=30_000)


def test_every_page_in_every_look(node: TestNode, context: Watched) -> None:
    seed(node)
    page = sign_in(context.new_page(), "otto")
    look(page, "/findings/")
    run(page)
    assert_fits(page)
    assert_accessible(page)
    for slug in ("managers", "unknown-roles", "unseen", "shared-email", "similar-names", "orphaned-keys?part=new"):
        look(page, f"/findings/view/{slug}")
    look(page, "/compare/")
    begins = audit.trail_start()
    assert begins
    look(page, f"/compare/trail?since={begins:%Y-%m-%d}")  # not today: it may be past midnight since
    expect(page.get_by_test_id("difference-changed")).to_be_visible()
    look(page, "/compare/trail?since=2001-01-01")
    before, after = export(), export(UserQuery(kind="native"))
    page.goto("/compare/")
    page.get_by_label("First export").set_input_files(before)
    page.get_by_label("Second export").set_input_files(after)
    page.get_by_test_id("compareExportsButton").click()
    expect(page.get_by_text("The lists have different filters")).to_be_visible()
    assert_fits(page)
    assert_accessible(page)
    look(page, f"/compare/reviews?one={frozen('Spring')}&other={frozen('Autumn')}")
    look(page, "/compare/")
    context.expected("422")


def test_interrupted_run_is_resumed_by_another_user(node: TestNode, watched: Callable[..., Watched]) -> None:
    seed(node)
    without_script = sign_in(watched(java_script_enabled=False).new_page(), "otto")
    without_script.goto("/findings/")
    without_script.get_by_test_id("runFindingsButton").click()
    expect(without_script.get_by_test_id("findingsProgress")).to_have_text("Reading users")
    without_script.get_by_role("button", name="Continue").click()
    expect(without_script.get_by_test_id("findingsProgress")).to_have_text("Reading API keys")
    assert_fits(without_script)

    page = sign_in(watched().new_page(), "ada")
    page.goto("/findings/")
    expect(page.get_by_test_id("findingsMade")).to_contain_text("by ada, started by otto", timeout=30_000)
    without_script.reload()
    expect(without_script.get_by_test_id("findingsMade")).to_be_visible()


def test_run_goes_on_after_a_lost_response(node: TestNode, watched: Callable[..., Watched]) -> None:
    seed(node)
    browser = watched()
    page = sign_in(browser.new_page())
    page.goto("/findings/")
    lost: list[Route] = []

    def lose(route: Route) -> None:
        lost.append(route)
        route.abort() if len(lost) == 1 else route.continue_()

    page.route("**/findings/resume/*", lose)
    page.get_by_test_id("runFindingsButton").click()
    expect(page.get_by_test_id("findingsMade")).to_be_visible(timeout=30_000)
    assert len(lost) > 1
    browser.expected("ERR_FAILED", "htmx:sendError", "htmx:afterRequest")


def test_finding_to_user_and_back_by_keyboard(node: TestNode, watched: Callable[..., Watched]) -> None:
    seed(node)
    page = sign_in(watched().new_page())
    page.goto("/findings/")
    run(page)
    page.get_by_role("link", name="Users with nonexistent roles").focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="anna", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Update user")).to_be_visible()
    node.put_user("anna", roles=["viewer"])
    page.goto("/findings/")
    run(page)
    expect(page.get_by_test_id("finding-unknown-roles")).to_contain_text("1 resolved")
