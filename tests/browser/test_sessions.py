"""Sessions and throttle as two browsers at two servers see them; and the warning before the end."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from accounts.services.documents import indices
from tests.support.nodes import TestNode
from tests.support.pages import Watched, assert_accessible, assert_fits, sign_in
from tests.support.server import serve

WARNING = "sessionWarning"


@pytest.fixture
def two_sites(node: TestNode, tmp_path: Path) -> Iterator[list[str]]:
    """Two servers, which have nothing in common but the cluster and their secret."""
    node.elastic.options(ignore_status=404).indices.delete(index=[indices.SESSIONS, indices.THROTTLE], ignore_unavailable=True)
    started = [serve(node, tmp_path / name, THROTTLE_FAILURES="3") for name in ("one", "two")]
    yield [url for url, _ in started]
    for _, process in started:
        process.terminate()
        process.wait(timeout=30)


def test_session_ends_in_all_processes(two_sites: list[str], browser: Browser) -> None:
    one, two = (Watched(browser, url) for url in two_sites)
    norah, ada = sign_in(one.new_page(), "norah"), sign_in(two.new_page(), "ada")
    # The cookie is for the host, whatever the port: the same session at the other server.
    elsewhere = one.new_page()
    elsewhere.goto(f"{two_sites[1]}/account/sessions")
    expect(elsewhere.get_by_test_id("sessionRow")).to_have_count(1)
    expect(elsewhere.get_by_text("This session")).to_be_visible()

    ada.goto("/sessions/?q=norah")
    ada.get_by_test_id("endSessionButton").click()
    expect(ada.get_by_role("dialog")).to_contain_text("End session of 'norah'?")
    assert_accessible(ada)
    ada.get_by_test_id("confirmModalConfirmButton").click()
    expect(ada.get_by_text("Ended 1 session")).to_be_visible()

    norah.goto("/account/")
    expect(norah.get_by_test_id("loginForm")).to_be_visible()
    assert not one.complaints + two.complaints
    for each in (one, two):
        each.context.close()


def test_throttle_is_shared_by_processes(two_sites: list[str], node: TestNode, browser: Browser) -> None:
    node.put_user("roe", password="the-right-one")
    one, two = (Watched(browser, url) for url in two_sites)
    page = one.new_page()
    for _ in range(3):
        try_password(page, "wrong-one")
    other = two.new_page()
    try_password(other, "the-right-one")
    assert node.signs_in("roe", "the-right-one"), "Elasticsearch locks nobody out"
    for each in (one, two):
        each.context.close()


def try_password(page: Page, password: str) -> None:
    page.goto("/login")
    page.get_by_test_id("loginUsername").fill("roe")
    page.get_by_test_id("loginPassword").fill(password)
    page.get_by_test_id("loginSubmit").click()
    expect(page.get_by_test_id("loginErrorMessage")).to_have_text("Username or password is incorrect. Please try again.")


def near_its_end(node: TestNode, username: str, *, created: timedelta = timedelta(0), idle: timedelta = timedelta(0)) -> None:
    """As if the person had signed in that long ago, and been here last that long ago."""
    node.elastic.indices.refresh(index=indices.SESSIONS)
    for hit in node.elastic.search(index=indices.SESSIONS, query={"term": {"username": username}}, size=1000)["hits"]["hits"]:
        if "created" in hit["_source"]:
            moments = {"created": timezone.now() - created, "last_activity": timezone.now() - idle}
            document = hit["_source"] | {name: moment.isoformat() for name, moment in moments.items()}
            node.elastic.index(index=indices.SESSIONS, id=hit["_id"], document=document)


def time_passes(page: Page, minutes: int) -> None:
    page.clock.fast_forward(timedelta(minutes=minutes).total_seconds() * 1000)  # type: ignore[arg-type]


@pytest.fixture
def jdoe(node: TestNode, watched: Callable[..., Watched]) -> Watched:
    """A person's browser, whose clock the test holds."""
    node.put_user("jdoe")
    each = watched(viewport={"width": 360, "height": 740}, reduced_motion="reduce")
    each.context.clock.install()
    return each


def test_session_warning_extends_all_tabs(node: TestNode, jdoe: Watched) -> None:
    page = sign_in(jdoe.new_page(), "jdoe")
    page.goto("/account/")
    other = jdoe.new_page()
    other.goto("/account/")
    near_its_end(node, "jdoe", idle=timedelta(minutes=28, seconds=30))
    for each in (page, other):
        time_passes(each, 29)
        expect(each.get_by_test_id(WARNING)).to_contain_text(re.compile(r"Your session ends at \d"))
    assert_fits(page)
    assert_accessible(page)

    page.get_by_role("button", name="Stay signed in").click()

    for each in (page, other):
        expect(each.get_by_test_id(WARNING)).to_have_count(0)
    time_passes(page, 20)
    page.goto("/account/")
    expect(page.get_by_test_id("username")).to_have_text("jdoe")


def test_session_warning_outlasts_a_dialog(node: TestNode, jdoe: Watched) -> None:
    page = sign_in(jdoe.new_page(), "jdoe")
    page.goto("/account/")
    page.get_by_test_id("changePasswordButton").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    near_its_end(node, "jdoe", idle=timedelta(minutes=28, seconds=30))
    time_passes(page, 29)
    expect(dialog.get_by_test_id(WARNING)).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_test_id(WARNING)).to_be_visible()


def test_active_tab_prevents_the_warning(node: TestNode, jdoe: Watched) -> None:
    page = sign_in(jdoe.new_page(), "jdoe")
    page.goto("/account/")
    with page.expect_response("**/account/extend-session"):
        time_passes(page, 29)
    expect(page.get_by_test_id(WARNING)).to_have_count(0)


def test_the_end_of_the_lifespan_cannot_be_put_off(node: TestNode, jdoe: Watched) -> None:
    page = sign_in(jdoe.new_page(), "jdoe")
    page.goto("/account/")
    near_its_end(node, "jdoe", created=timedelta(hours=11, minutes=59))
    time_passes(page, 29)
    expect(page.get_by_test_id(WARNING)).to_contain_text("can't be extended")
    expect(page.get_by_role("button", name="Stay signed in")).to_have_count(0)
    near_its_end(node, "jdoe", created=timedelta(hours=12))
    time_passes(page, 2)
    expect(page.get_by_test_id(WARNING)).to_contain_text("Your session has ended.")
    page.get_by_test_id("changePasswordButton").focus()
    page.get_by_role("button", name="Close").press("Enter")
    expect(page.get_by_test_id("changePasswordButton")).to_be_focused()
