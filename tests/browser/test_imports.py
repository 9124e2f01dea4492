"""Importing users in a real browser: a file with problems, the preview, and the result."""

from playwright.sync_api import Page, expect

from tests.support.nodes import TestNode
from tests.support.pages import Watched, assert_accessible, assert_fits, sign_in

LONG = "a-name-that-somebody-made-from-a-department-and-a-project-and-a-region-and-a-number-0123456789"


def choose(page: Page, content: str) -> None:
    page.get_by_test_id("importFile").set_input_files({"name": f"{LONG}.csv", "mimeType": "text/csv", "buffer": content.encode()})
    page.get_by_test_id("importButton").click()


def check(page: Page) -> None:
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 740})
        assert_fits(page)
        assert_accessible(page)


def test_import(node: TestNode, context: Watched) -> None:
    node.put_user("jdoe", roles=["viewer"])
    page = sign_in(context.new_page())
    page.goto("/users/jobs/")
    page.get_by_test_id("importLink").click()
    choose(page, f"username,roles,enabled\n{LONG},viewer,perhaps\njdoe,gone,\n")
    expect(page.get_by_test_id("importProblem")).to_have_count(1)
    expect(page.get_by_test_id("importProblem")).to_contain_text("This must be “yes” or “no”.")
    check(page)
    choose(page, f"username,full_name,roles,enabled\n{LONG},{LONG},viewer,no\njdoe,Jane,viewer,\n")
    expect(page.get_by_test_id("jobSummary")).to_contain_text("2 of 2 users will be created or changed")
    expect(page.get_by_test_id("jobStep")).to_have_count(2)
    expect(page.get_by_text("Will be created", exact=True)).to_be_visible()
    check(page)
    page.get_by_test_id("startJobButton").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("jobSummary")).to_contain_text("2 of 2 changed", timeout=30_000)
    check(page)
    assert node.user("jdoe")["full_name"] == "Jane"  # type: ignore[index]
    context.expected("422")
