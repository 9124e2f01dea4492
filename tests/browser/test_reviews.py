"""A review by two people in two browsers, from its start to the verified report, while the web process is killed in the middle."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect

from accounts.services import reviews
from accounts.services.client import PersonClient
from accounts.services.documents import indices
from accounts.services.reviews import remediation
from accounts.services.users import UserQuery
from tests.support.cast import PASSWORD
from tests.support.nodes import TestNode
from tests.support.pages import NARROW, Watched, assert_accessible, look, sign_in
from tests.support.reviews import decide, sign_off, start_review
from tests.support.server import serve

COUNT = 12


class Killable:
    """A web server that a test may kill; it comes back at the same address."""

    def __init__(self, node: TestNode, log: Path) -> None:
        self._node, self._log = node, log
        self.url, self._process = serve(node, log)

    def kill(self) -> None:
        """All its processes, at once and without a word."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(timeout=30)

    def restart(self) -> None:
        """Another one at the same port."""
        _, self._process = serve(self._node, self._log, PORT=self.url.rpartition(":")[2])


@pytest.fixture
def server(node: TestNode, tmp_path: Path) -> Iterator[Killable]:
    server = Killable(node, tmp_path / "log")
    yield server
    server.kill()


def item(page: Page, number: int) -> "expect":  # type: ignore[valid-type]
    return page.locator(f"#item-{number}")


def is_marked(page: Page, number: int, words: str) -> None:
    expect(page.locator(f"#item-{number} .review-item__by")).to_contain_text(words)


def people(node: TestNode) -> list[str]:
    names = [f"person-{number:02}" for number in range(1, COUNT + 1)]
    for name in names:
        node.put_user(name, roles=["viewer"])
    return names


def test_two_reviewers_and_a_killed_server(node: TestNode, server: Killable, browser: Browser) -> None:
    names = people(node)
    ada, otto = (Watched(browser, server.url) for _ in range(2))
    first, second = sign_in(ada.new_page(), "ada"), sign_in(otto.new_page(), "otto")

    first.goto("/users/?q=person&reserved=0")
    first.get_by_test_id("reviewUsersButton").click()
    first.get_by_test_id("reviewTitle").fill("Quarter")
    first.get_by_test_id("startReviewButton").click()
    expect(first.get_by_test_id("reviewItem")).to_have_count(COUNT)
    second.goto("/users/")
    second.get_by_test_id("reviewsDue").get_by_role("link").click()
    second.goto(second.url.replace("?show=pending", ""))

    # By keyboard alone, both at once; the first open one has the focus.
    for number in (1, 2):
        first.keyboard.press("k")
        is_marked(first, number, "Keep, ada")
    second.locator("#item-7").focus()
    second.keyboard.press("r")
    second.keyboard.press("Enter")
    second.keyboard.type("kept in reserve")  # letters are text in here
    second.keyboard.press("Enter")
    second.keyboard.press("c")
    is_marked(second, 7, "Remove, otto")
    is_marked(second, 8, "Change, otto")
    first.keyboard.press("k")  # the page requests the progress after a decision of its own
    is_marked(first, 3, "Keep, ada")
    expect(first.get_by_test_id("reviewProgress")).to_contain_text("5 of 12 reviewed")

    # The same one by both: the later sees the other's, and confirms.
    first.keyboard.press("k")
    is_marked(first, 4, "Keep, ada")
    second.locator("#item-4").focus()
    second.keyboard.press("r")
    expect(second.locator("#item-4").get_by_role("alert")).to_contain_text("Someone else decided on this user")
    is_marked(second, 4, "Keep, ada")
    second.locator("#item-4").get_by_role("button", name="Save my decision").click()
    is_marked(second, 4, "Remove, otto")

    server.kill()
    first.locator("#comment-5").fill("typed while nobody answered")
    first.locator("#item-5").focus()
    first.keyboard.press("k")
    expect(first.get_by_text("The server didn't respond.").first).to_be_visible()
    expect(first.locator("#comment-5")).to_have_value("typed while nobody answered")
    server.restart()
    first.locator("#item-5").focus()
    first.keyboard.press("k")
    is_marked(first, 5, "Keep, ada")
    first.keyboard.press("k")
    is_marked(first, 6, "Keep, ada")

    second.goto(f"{second.url.partition('?')[0]}?show=pending")
    expect(second.get_by_test_id("reviewItem")).to_have_count(4)
    expect(second.locator("#item-9")).to_be_focused()
    for key in "kkkk":
        second.keyboard.press(key)
    expect(second.get_by_test_id("reviewProgress")).to_contain_text("12 of 12 reviewed")
    second.get_by_test_id("signOffButton").click()
    second.get_by_test_id("reviewSignOffPassword").fill(PASSWORD)
    second.get_by_test_id("signOffSubmit").click()
    expect(second.get_by_test_id("reviewReport").locator("tbody tr")).to_have_count(COUNT)

    node.elastic.indices.refresh(index=indices.AUDIT_PATTERN, expand_wildcards="all")
    second.reload()
    expect(second.get_by_test_id("reviewCheck")).to_contain_text("Verified: the decisions match the sign-off")
    report = [row.split()[0] for row in second.get_by_test_id("reviewReport").locator("tbody th").all_inner_texts()]
    assert report == names == sorted(name for name in node.usernames() if name.startswith("person"))
    expect(second.get_by_test_id("reviewReport")).to_contain_text("typed while nobody answered")

    first.goto(second.url)
    first.get_by_test_id("reviewRemovals").click()
    first.get_by_test_id("reviewDeleteAll").click()
    first.get_by_test_id("confirmModalConfirmButton").click()
    expect(first.get_by_test_id("reviewRemovalsTable").get_by_text("Deleted")).to_have_count(2)
    assert {name for name in names if node.user(name) is None} == {names[3], names[6]}
    node.elastic.indices.refresh(index=indices.AUDIT_PATTERN, expand_wildcards="all")
    second.reload()
    expect(second.get_by_text("Delete user, Success: ada")).to_have_count(2)
    for each in (ada, otto):
        each.expected("ERR_CONNECTION_REFUSED", "htmx:sendError", "htmx:afterRequest", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE")
        assert each.complaints == []
        each.context.close()


def seed(node: TestNode, person: Callable[[str], PersonClient]) -> tuple[str, str]:
    """An open review with all sorts of users, and one that is signed off."""
    people(node)
    long = "a-name-that-somebody-made-from-a-department-and-a-project-and-a-region-and-a-number-0123456789"
    node.put_user(long, full_name=long, email=f"{long}@example.org", roles=[f"team_{number}_reader" for number in range(12)])
    node.put_user("jdoe", full_name="Jane Doe", email="jane@example.org", roles=["kibana_user", "nope"], enabled=False)
    otto = person("otto")
    both = [reviews.start(otto, query, "Quarter of all") for query in (UserQuery(), UserQuery(q="person"))]
    for review in both:
        while not reviews.create_snapshot(otto, review.id).is_over:
            pass
    reviews.refresh()
    for number in (1, 2):
        reviews.decide(otto, both[0].id, number, "keep", "A comment", "")
    for each in reviews.all_items(both[1].id):
        reviews.decide(otto, both[1].id, each.number, reviews.DECISIONS[each.number % 3], "", "")
    reviews.begin_sign_off(otto, both[1].id)
    while not reviews.lock_decisions(otto, both[1].id).is_over:
        pass
    return both[0].id, both[1].id


@pytest.fixture
def opened(node: TestNode, person: Callable[[str], PersonClient]) -> str:
    """The ID of an open review."""
    return seed(node, person)[0]


@pytest.fixture
def page(opened: str, watched: Callable[..., Watched]) -> Page:
    """Its page."""
    page = sign_in(watched().new_page(), "ada")
    page.goto(f"/reviews/view/{opened}")
    return page


class Late:
    """Holds the first request of a decision, and no other one."""

    def __init__(self, page: Page) -> None:
        self.page, self.held = page, list[Route]()
        page.route("**/reviews/decide/*", self._hold)

    def _hold(self, route: Route) -> None:
        if self.held:
            route.continue_()
        self.held.append(route)

    def answer(self) -> None:
        self.page.wait_for_timeout(200)
        while not self.held:
            self.page.wait_for_timeout(50)
        self.held[0].continue_()

    def again(self) -> None:
        self.held.clear()


def test_last_decision_counts_while_an_earlier_one_is_sent(opened: str, page: Page) -> None:
    late = Late(page)
    page.locator("#item-3").focus()
    page.keyboard.press("k")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("r")
    late.answer()
    is_marked(page, 3, "Remove, ada")

    late.again()
    page.locator("#item-4").focus()
    page.keyboard.press("k")
    page.locator("#comment-4").fill("Enough")
    page.keyboard.press("Enter")
    late.answer()
    is_marked(page, 4, "Keep, ada")
    expect(page.locator("input[name=initial-4-comment]")).to_have_value("Enough")

    late.again()
    page.locator("#item-5").focus()
    page.keyboard.press("k")
    page.locator("#comment-5").press_sequentially("Unfinished")
    late.answer()
    is_marked(page, 5, "Keep, ada")
    page.keyboard.press("Tab")
    expect(page.locator("input[name=initial-5-comment]")).to_have_value("Unfinished")
    reviews.refresh()
    stored = [each.decision for each in reviews.all_items(opened) if each.number in (3, 4, 5)]
    assert [(each.choice, each.comment) for each in stored if each] == [("remove", ""), ("keep", "Enough"), ("keep", "Unfinished")]


def test_newer_decision_waits_behind_a_conflict(opened: str, page: Page, person: Callable[[str], PersonClient]) -> None:
    reviews.decide(person("otto"), opened, 3, "change", "", "")
    late = Late(page)
    page.locator("#item-3").get_by_role("radio", name="Keep").check()
    page.locator("#item-3").get_by_role("radio", name="Remove").check()
    late.answer()
    expect(page.locator("#item-3").get_by_role("alert")).to_contain_text("Someone else decided on this user")
    expect(page.locator("#remove-3")).to_be_checked()
    is_marked(page, 3, "Change, otto")
    page.locator("#item-3").get_by_role("button", name="Save my decision").click()
    is_marked(page, 3, "Remove, ada")


def test_decision_by_keyboard_keeps_the_focus(page: Page) -> None:
    page.locator("#item-3").get_by_role("radio").first.focus()
    page.keyboard.press("Space")
    is_marked(page, 3, "Keep, ada")
    page.keyboard.press("ArrowRight")
    is_marked(page, 3, "Change, ada")
    page.keyboard.press("r")
    is_marked(page, 3, "Remove, ada")


def test_comment_without_a_decision(page: Page) -> None:
    """The row says that it isn't saved, and the page isn't left without a question."""
    row, hint = page.locator("#item-3"), "Not saved yet. Select a decision to save the comment."
    page.locator("#comment-3").fill("A reason")
    page.locator("#comment-3").press("Enter")
    expect(row).to_contain_text(hint)
    expect(page.get_by_role("status")).to_contain_text(hint)
    page.once("dialog", lambda dialog: dialog.dismiss())
    with page.expect_event("dialog") as asked:
        page.get_by_role("navigation", name="Users by decision").get_by_role("link", name="Pending").click()
    assert asked.value.type == "beforeunload"
    expect(page.locator("#comment-3")).to_have_value("A reason")
    row.get_by_role("radio", name="Keep").check()
    is_marked(page, 3, "Keep, ada")
    expect(page.locator("input[name=initial-3-comment]")).to_have_value("A reason")
    expect(row).not_to_contain_text(hint, use_inner_text=True)
    page.goto("/reviews/")
    expect(page).to_have_title(re.compile("Access reviews"))


def test_counts_of_the_tabs_follow_decisions(page: Page) -> None:
    tabs = page.get_by_role("navigation", name="Users by decision")
    keep, pending = tabs.get_by_role("link", name="Keep"), tabs.get_by_role("link", name="Pending")
    expect(keep).to_have_text("Keep 2")
    left = int(pending.inner_text().split()[1])
    page.locator("#keep-3").check()
    pending.focus()
    expect(keep).to_have_text("Keep 3")
    expect(pending).to_have_text(f"Pending {left - 1}")
    expect(page.get_by_test_id("reviewProgress")).to_contain_text(f"{left - 1} pending")
    expect(pending).to_be_focused()
    expect(tabs.locator("[aria-current]")).to_have_text(re.compile("^All"))


def test_every_page_of_a_review(node: TestNode, person: Callable[[str], PersonClient], context: Watched) -> None:
    opened, done = seed(node, person)
    page = sign_in(context.new_page(), "ada")
    for url in (
        "/reviews/",
        "/reviews/create?q=person",
        f"/reviews/view/{opened}",
        f"/reviews/view/{opened}?show=pending&q=nobody",
        f"/reviews/sign-off/{opened}",
        f"/reviews/report/{opened}",
        f"/reviews/report/{done}",
        f"/reviews/removals/{done}",
        f"/reviews/apply-removals/{done}?action=delete",
        f"/reviews/check/{done}",
        f"/reviews/cancel/{opened}",
        "/users/",
    ):
        look(page, url)


def test_a_review_is_canceled(opened: str, watched: Callable[..., Watched]) -> None:
    """By keyboard. An error is beside the field."""
    wide = watched()
    page = sign_in(wide.new_page(), "ada")
    page.goto(f"/reviews/view/{opened}")
    page.get_by_test_id("reviewCancel").focus()
    page.keyboard.press("Enter")
    page.get_by_test_id("reviewCancelSubmit").click()
    expect(page.get_by_test_id("reviewCancelReason")).to_have_accessible_description(re.compile(r"Enter a reason\."))
    wide.expected("422")
    assert_accessible(page)
    page.get_by_test_id("reviewCancelReason").fill("The wrong users, " + "and-a-long-word" * 20)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("reviewCanceled")).to_contain_text("The wrong users")
    narrow = sign_in(watched(viewport=NARROW).new_page(), "otto")
    for url in (f"/reviews/report/{opened}", "/reviews/"):
        look(page, url)
        look(narrow, url)


def is_next_batch(request: Request) -> bool:
    return request.method == "POST" and "hx-request" in request.headers


def test_failed_removals_are_named_while_something_is_typed(
    node: TestNode, person: Callable[[str], PersonClient], watched: Callable[..., Watched]
) -> None:
    """More than a batch, of which one fails, as the last request is made to say."""
    for number in range(remediation.BATCH_SIZE + 1):
        node.put_user(f"leaver-{number:02}")
    otto = person("otto")
    review = start_review(otto, UserQuery(q="leaver"))
    for number in range(1, remediation.BATCH_SIZE + 2):
        decide(otto, review, number, "remove")
    sign_off(otto, review)
    page = sign_in(watched().new_page(), "ada")
    page.goto(f"/reviews/apply-removals/{review.id}?action=deactivate")
    held: list[Route] = []
    page.route("**/reviews/removals/*", lambda route: held.append(route) if is_next_batch(route.request) else route.continue_())
    with page.expect_request(is_next_batch):
        page.get_by_test_id("confirmModalConfirmButton").click()
    search = page.locator("#search-input")
    search.press_sequentially("jd")
    held[0].continue_(post_data=(held[0].request.post_data or "").replace("failed=0", "failed=1"))
    expect(page.locator("#toasts")).to_contain_text("Not deactivated: 1 user.")
    expect(page.get_by_test_id("reviewRemovalsTable")).to_be_visible()
    expect(search).to_have_value("jd")
    expect(search).to_be_focused()
    page.get_by_role("button", name="Dismiss").click()
    expect(page.locator(".toast")).to_have_count(0)


@pytest.fixture
def doors(node: TestNode, person: Callable[[str], PersonClient]) -> Iterator[None]:
    """Three API keys of ada, one with a long name and many privileges, and a role mapping."""
    ada = person("ada")
    ada.invalidate_api_key(owner=True)
    many = {"many": {"indices": [{"names": [f"team-{number}-logs-*"], "privileges": ["read"]} for number in range(12)]}}
    long = "a-key-with-a-name-that-somebody-made-from-a-department-and-a-project-and-a-region"
    for name, own in {"deploy": {}, long: many, "old": many}.items():
        ada.create_api_key(name=name, role_descriptors=own, refresh=True)
    rule = {"any": [{"field": {"realm.name": "saml1"}}, {"field": {"groups": "cn=a-group-with-a-long-name,dc=example,dc=org"}}]}
    node.elastic.security.put_role_mapping(name="everyone-from-saml", roles=["superuser", "nope"], rules=rule, enabled=True)
    yield
    ada.invalidate_api_key(owner=True)
    node.elastic.security.delete_role_mapping(name="everyone-from-saml")


def test_review_of_api_keys_and_role_mappings(
    node: TestNode, person: Callable[[str], PersonClient], watched: Callable[..., Watched], doors: None
) -> None:
    page = sign_in(watched().new_page(), "ada")
    page.goto("/reviews/create")
    page.get_by_role("link", name="API keys").click()
    page.get_by_label("Only API keys that never expire").check()
    page.get_by_role("button", name="Apply filters").click()
    page.get_by_test_id("reviewTitle").fill("Keys")
    page.get_by_test_id("startReviewButton").click()
    expect(page.get_by_test_id("reviewItem").first).to_be_focused()
    count = page.get_by_test_id("reviewItem").count()
    assert count >= 3
    page.keyboard.press("c")  # there is nothing to change in a key
    for number in range(1, count + 1):
        name = page.locator(f"#name-{number}").inner_text()
        page.keyboard.press("r" if name == "old" else "k")
        is_marked(page, number, "Revoke, ada" if name == "old" else "Keep, ada")
    expect(page.get_by_test_id("reviewProgress")).to_contain_text("1 revoke")
    page.get_by_test_id("signOffButton").click()
    page.get_by_test_id("reviewSignOffPassword").fill(PASSWORD)
    page.get_by_test_id("signOffSubmit").click()
    page.get_by_test_id("reviewRemovals").click()
    page.get_by_test_id("reviewRevokeAll").click()
    keys = page.url.rpartition("/")[2].partition("?")[0]
    assert_accessible(page)
    page.get_by_test_id("confirmModalConfirmButton").click()
    expect(page.get_by_test_id("reviewRemovalsTable").get_by_text("Revoked")).to_be_visible()

    mappings = reviews.start(person("otto"), reviews.MappingFilter(), "Mappings").id
    while not reviews.create_snapshot(person("otto"), mappings).is_over:
        pass
    open_keys = reviews.start(person("otto"), reviews.KeyFilter(), "Open keys").id
    while not reviews.create_snapshot(person("otto"), open_keys).is_over:
        pass
    narrow = sign_in(watched(viewport=NARROW, reduced_motion="reduce").new_page(), "ada")
    for url in (
        "/reviews/",
        "/reviews/create?subject=api-keys",
        f"/reviews/view/{open_keys}",
        f"/reviews/report/{keys}",
        f"/reviews/removals/{keys}",
        f"/reviews/view/{mappings}",
        f"/reviews/report/{mappings}",
    ):
        for each in (page, narrow):
            look(each, url)
