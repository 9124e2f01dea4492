"""The list of API keys, the page of one, and revoking it, in every look and with the keyboard."""

import re
import secrets

from playwright.sync_api import expect

from local_cluster import basic
from tests.support.cast import PASSWORD
from tests.support.nodes import TestNode
from tests.support.pages import Watched, assert_accessible, assert_fits, look, sign_in

LONG = "a-name-that-somebody-made-from-a-department-and-a-project-and-a-region-and-a-number-0123456789"


def test_from_the_list_to_a_revoked_key(node: TestNode, context: Watched) -> None:
    owner = f"keeper-{secrets.token_hex(4)}-{LONG}"
    node.elastic.security.put_role(name=LONG, cluster=["manage", "manage_own_api_key"], run_as=["elas*"])
    node.put_user(owner, roles=["user_admin", LONG])
    keeper = node.elastic.options(basic_auth=basic(owner, PASSWORD)).security
    expirations = {LONG: None, **{f"key {number}": "10d" for number in range(10)}}
    more = {"a": {"b": LONG}}
    ids = [keeper.create_api_key(name=name, expiration=end, metadata=more, refresh=True)["id"] for name, end in expirations.items()]
    node.put_user(owner, roles=["viewer"])
    page = sign_in(context.new_page())
    look(page, f"/api-keys/?q={owner}&size=10&sort=name")
    expect(page.get_by_test_id("apiKeyRow")).to_have_count(10)
    page.get_by_test_id("pagination-button-next").click()
    expect(page.get_by_test_id("apiKeyRow")).to_have_count(1)
    page.get_by_label("Expires").select_option("never")
    expect(page.get_by_test_id("apiKeyRow")).to_contain_text(LONG)
    expect(page.get_by_test_id("apiKeyRow")).to_contain_text("Can manage users and roles")
    expect(page).to_have_url(re.compile("expires=never"))
    look(page, "/api-keys/?q=nobody-has-this")
    context.expected("403")  # the question of a typed URL
    look(page, f"/api-keys/print?q={owner}")
    page.get_by_role("button", name="Start export").click()
    expect(page.get_by_test_id("printRows")).to_be_visible()
    assert_fits(page)
    assert_accessible(page)

    page.goto(f"/api-keys/?q={owner}&expires=never")
    page.get_by_role("link", name=LONG, exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("apiKeyExcess")).to_contain_text("The key can do more than its owner")
    assert_fits(page)
    assert_accessible(page)
    page.get_by_test_id("revokeApiKeyButton").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert_fits(page)
    assert_accessible(page)
    page.get_by_label("Reason").fill("Found in a log")
    page.get_by_test_id("confirmModalConfirmButton").press("Enter")
    expect(page.get_by_test_id("apiKeyDetails")).to_contain_text("Revoked")
    node.elastic.security.invalidate_api_key(ids=ids)
    node.elastic.security.delete_role(name=LONG)


def test_key_for_a_script(node: TestNode, context: Watched) -> None:
    name = f"rotation-{secrets.token_hex(4)}-{LONG}"
    page = sign_in(context.new_page())
    page.goto("/account/create-api-key")
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type(f"_{name}")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Name can't start with an underscore.")).to_have_count(2)  # above the form, and at the field
    assert_fits(page)
    assert_accessible(page)
    page.get_by_label("Name").fill(name)
    page.keyboard.press("Enter")
    encoded = page.get_by_test_id("createdApiKey").input_value()
    assert_fits(page)
    assert_accessible(page)
    page.get_by_test_id("copyApiKeyButton").click()
    expect(page.get_by_role("status").first).to_contain_text("Cop")
    node.elastic.options(api_key=encoded).security.invalidate_api_key(name=name, owner=True)
    context.expected("422")
