"""Texts of thousands of characters: lists show their first lines, and the page of the user shows all."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from accounts.services import users
from accounts.services.client import PersonClient
from accounts.services.users import User, UserQuery
from tests.support.cast import PASSWORD
from tests.support.findings import run_through
from tests.support.nodes import TestNode
from tests.support.pages import NARROW, WIDE, Watched, assert_accessible, assert_fits, sign_in
from tests.support.reviews import decide, start_review

NAME = "longwinded"
TEXT = "many words " * 450
WORD = "w" * 5_000
# A review has a name, roles that scroll, ways to become an administrator, and a comment in each item; in a card of a phone,
# texts stand below each other.
MAX_HEIGHT = {WIDE["width"]: 350, NARROW["width"]: 500}


def seed(node: TestNode) -> str:
    """The ID of a review."""
    ada = PersonClient("ada", PASSWORD)
    roles = [f"{number:02}{'r' * 200}" for number in range(30)]
    node.elastic.security.put_role(name="verbose", cluster=["manage_security"], description="d" * 1_000)
    node.put_user(NAME, full_name=TEXT, email="jane@example.org", roles=["verbose"])
    for name in (NAME, "longwinded2"):
        node.put_user(name, full_name=TEXT, email=f"{WORD}@example.org", roles=[*roles, "verbose"], metadata={"note": WORD})
    users.update(ada, users.get(ada, NAME), User(NAME, "Short", f"{WORD}@example.org", (*roles, "verbose")))
    users.update(ada, users.get(ada, NAME), User(NAME, TEXT + ".", f"{WORD}@example.org", (*roles, "verbose")))
    node.put_user("n" * 507, full_name=TEXT, roles=["verbose"])
    run_through(node, ada)
    review = start_review(ada, UserQuery(q=NAME))
    decide(ada, review, 1, "keep")
    return review.id


def assert_short(page: Page, rows: str, size: dict[str, int]) -> None:
    expect(page.locator(rows).first).to_be_visible()
    heights = [box["height"] for row in page.locator(rows).all() if (box := row.bounding_box())]
    assert heights
    assert max(heights) <= MAX_HEIGHT[size["width"]], (page.url, heights)
    assert_fits(page)
    assert_accessible(page)


def test_lists_are_short(node: TestNode, watched: Callable[..., Watched]) -> None:
    review = seed(node)
    try:
        for size in (WIDE, NARROW):
            sign_in(watched(viewport=size).new_page(), "n" * 507)
            page = sign_in(watched(viewport=size).new_page())
            for url, rows in {
                "/users/?reserved=0": "[data-test-subj=userRow]",
                "/users/?reserved=0&view=activity": "[data-test-subj=userRow]",
                "/audit/?target=longwinded": "[data-test-subj=auditRow]",
                "/users/history/longwinded": "[data-test-subj=auditRow]",
                "/findings/view/unknown-roles": "[data-test-subj=findingRow]",
                "/findings/view/shared-email": "[data-test-subj=findingRow]",
                f"/reviews/view/{review}": "[data-test-subj=reviewItem]",
                "/sessions/": "[data-test-subj=sessionRow]",
                "/roles/?q=verbose": "[data-test-subj=roleRow]",
                "/roles/view/verbose": "[data-test-subj=holderRow]",
                "/roles/who-can?privilege=manage_security": "[data-test-subj=holderRow]",
                "/search?q=longwinded": ".found .finder__result",
            }.items():
                page.goto(url)
                assert_short(page, rows, size)
            page.goto("/users/")
            page.get_by_test_id("nav-search-input").fill(NAME)
            assert_short(page, "#search-results [role=option]", size)
    finally:
        node.elastic.security.delete_role(name="verbose")


def test_the_page_of_a_user_has_all(node: TestNode, watched: Callable[..., Watched]) -> None:
    node.put_user(NAME, full_name=TEXT, email=f"{WORD}@example.org", metadata={"note": WORD})
    page = sign_in(watched().new_page(), "otto")
    page.goto(f"/users/edit/{NAME}")
    details = page.locator(".details").first
    expect(details).to_contain_text(TEXT.strip())
    expect(details).to_contain_text(WORD)
    assert details.locator("dd", has_text="many words").evaluate("element => element.scrollHeight <= element.clientHeight")
    expect(page.get_by_test_id("userMetadata")).to_contain_text(WORD)
