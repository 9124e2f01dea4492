"""The page Access and the service accounts in a real browser: by keyboard, on a phone, and for axe."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.support.nodes import TestNode
from tests.support.pages import NARROW, Watched, assert_accessible, assert_fits, look, sign_in

TOKENS = ("fleet-berlin", "x" * 256)
RULES = {"all": [{"field": {"realm.name": ["ldap1", f"saml-{'x' * 200}"]}}]}


@pytest.fixture
def seeded(node: TestNode) -> None:
    elastic = node.elastic.security
    for name in TOKENS:
        elastic.create_service_token(namespace="elastic", service="fleet-server", name=name, refresh=True)
    elastic.put_role_mapping(name="everybody", enabled=True, roles=["superuser"], rules=RULES)


def test_from_the_overview_to_a_token(node: TestNode, seeded: None, watched: Callable[..., Watched]) -> None:
    page = sign_in(watched().new_page(), "otto")
    look(page, "/access/")
    page.get_by_test_id("accessTable").get_by_role("link", name="Service accounts").focus()
    page.keyboard.press("Enter")
    search = page.get_by_label("Search", exact=True).and_(page.get_by_test_id("searchServiceAccounts"))
    searches: list[str] = []
    page.on("request", lambda request: searches.extend(re.findall(r"/service-accounts/\?q=berlin\b", request.url)))
    search.press_sequentially("berlin")
    # A later response would replace the button that has the focus.
    expect(page.get_by_test_id("serviceAccountExportButton")).to_have_attribute("href", re.compile(r"q=berlin\b"))
    expect(page.get_by_test_id("serviceAccountRow")).to_have_count(1)
    page.get_by_test_id("serviceAccountExportButton").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("tableExport")).to_contain_text("1 service account: name or token contains “berlin”")
    assert len(searches) == 1, "leaving the field isn't another one"
    assert_accessible(page)
    page.keyboard.press("Escape")
    page.get_by_role("link", name="elastic/fleet-server").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("tokenRow")).to_have_count(2)
    assert_fits(page)
    assert_accessible(page)


def test_on_a_phone(node: TestNode, seeded: None, watched: Callable[..., Watched]) -> None:
    phone = watched(viewport=NARROW, reduced_motion="reduce")
    page = sign_in(phone.new_page(), "otto")
    for url in ("access/", "service-accounts/", "service-accounts/?q=nope", "service-accounts/view/elastic/fleet-server"):
        look(page, url)
