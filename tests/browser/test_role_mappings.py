"""The pages of role mappings in a real browser: search and filters with the keyboard, and every state for axe, wide and narrow."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.support.nodes import TestNode
from tests.support.pages import NARROW, WIDE, Watched, assert_accessible, assert_fits, look, sign_in
from tests.support.role_mappings import ADMINS, EVERYONE, SAML, no_mappings_left, put_mapping

LONG = "a-name-that-somebody-made-from-a-department-and-a-project-and-a-region-and-a-number-0123456789"
LOOKS = (
    (WIDE, ("", "?q=nothing", "view/everyone")),
    (NARROW, ("?page=2", f"view/{LONG}", "view/off")),
)


def seed(node: TestNode) -> None:
    team = {"any": [ADMINS, {"all": [SAML, {"except": {"field": {"username": ["ann", "b*", LONG]}}}]}]}
    put_mapping(node, LONG, ["superuser", "kibana_user", LONG], team, metadata={"team": {"name": LONG}})
    put_mapping(node, "everyone", ["superuser"], EVERYONE)
    put_mapping(node, "off", ["viewer", "nope"], enabled=False)
    for number in range(50):
        put_mapping(node, f"team {number:02}", ["viewer"], {"field": {"groups": "cn=developers,dc=example,dc=org"}})


def test_role_mappings(node: TestNode, watched: Callable[..., Watched]) -> None:
    with no_mappings_left(node):
        seed(node)
        for size, urls in LOOKS:
            page = sign_in(watched(reduced_motion="reduce", viewport=size).new_page(), "otto")
            for url in urls:
                look(page, f"/role-mappings/{url}")
        page.evaluate("location.href = '/role-mappings/print?status=disabled'")  # as a link of ours does
        page.wait_for_url("**/print?status=disabled")
        assert_fits(page)
        assert_accessible(page)

        page = sign_in(watched().new_page(), "otto")
        page.goto("/role-mappings/")
        page.get_by_test_id("searchRoleMappings").focus()
        page.keyboard.type("team 4")
        expect(page.get_by_test_id("roleMappingCount")).to_have_text("14 of 53 role mappings")  # 04, 14, …, and 40 to 49
        page.get_by_test_id("searchRoleMappings").fill("")
        page.get_by_test_id("roleMappingAdministrator").focus()
        page.keyboard.type("Y")
        expect(page.get_by_test_id("roleMappingCount")).to_have_text("2 of 53 role mappings")
        page.get_by_role("link", name="Role mapping", exact=True).press("Enter")
        expect(page.get_by_test_id("roleMappingRow").first).to_contain_text("everyone")
        expect(page.get_by_role("columnheader", name="Role mapping")).to_have_attribute("aria-sort", "descending")
        expect(page.get_by_role("link", name="Role mapping", exact=True)).to_be_focused()
        page.get_by_test_id("roleMappingExportButton").press("Enter")
        expect(page.get_by_role("dialog")).to_contain_text("2 role mappings")
        assert_fits(page)
        assert_accessible(page)
        page.keyboard.press("Escape")
        page.get_by_role("link", name="everyone", exact=True).press("Enter")
        expect(page.get_by_test_id("roleMappingOpen")).to_be_visible()
