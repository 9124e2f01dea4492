"""Passwords with a real keyboard: generate and copy, show, the hint while typing, the box to tick, what comes afterwards."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from local_cluster import basic
from tests.support.cast import PASSWORD
from tests.support.nodes import TestNode
from tests.support.pages import NARROW, WIDE, Watched, assert_accessible, sign_in

MADE = re.compile(r"[A-Za-z]\w{19}")
NEW = "editUserChangePasswordNewPasswordInput"
CONFIRMATION = "editUserChangePasswordConfirmPasswordInput"
SUBMIT = "changePasswordFormSubmitButton"
Watch = Callable[..., Watched]


def generate(page: Page, field: str, confirmation: str) -> str:
    expect(page.get_by_test_id(field)).to_be_visible()  # keys do not wait for a dialog to open
    page.get_by_test_id("generatePasswordButton").press("Enter")
    expect(page.get_by_test_id(field)).to_have_value(MADE)
    expect(page.get_by_test_id(field)).to_have_attribute("type", "text")
    value = page.get_by_test_id(field).input_value()
    expect(page.get_by_test_id(confirmation)).to_have_value(value)
    return value


def type_twice(page: Page, password: str) -> None:
    expect(page.get_by_test_id(NEW)).to_be_visible()  # keys do not wait for a dialog to open
    page.get_by_test_id(NEW).press_sequentially(password)
    page.get_by_test_id(CONFIRMATION).press_sequentially(password)


def test_a_new_user_with_a_generated_password(node: TestNode, watched: Watch) -> None:
    page = sign_in(watched(permissions=["clipboard-read", "clipboard-write"]).new_page())
    page.goto("/users/create")
    expect(page.get_by_test_id("copyPasswordButton")).to_be_hidden()
    page.get_by_test_id("userFormUserNameInput").press_sequentially("jdoe")
    first = generate(page, "passwordInput", "passwordConfirmationInput")
    second = generate(page, "passwordInput", "passwordConfirmationInput")
    assert first != second
    page.get_by_test_id("copyPasswordButton").click()
    expect(page.get_by_text("Copied to the clipboard.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == second

    page.get_by_role("button", name="Create user").click()

    expect(page.get_by_text("Created user 'jdoe'")).to_be_visible()
    assert node.signs_in("jdoe", second)
    assert second not in page.content()


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("page_url", ["/users/create", "/account/change-password"])
def test_strength_hint_moves_nothing(node: TestNode, watched: Watch, size: dict[str, int], page_url: str) -> None:
    page = sign_in(watched(viewport=size).new_page())
    page.goto(page_url)
    field, confirmation = page.locator("#id_password"), page.locator("#id_confirm_password")
    place = "field => { const box = field.getBoundingClientRect(); return [box.x, box.y + scrollY, box.width, box.height]; }"
    before = confirmation.evaluate(place)
    hints = {
        "a": "Password must be at least 8 characters.",
        "abcabcabc": 'only slightly harder to guess than "abc"',
        "x" * 73: "because Elasticsearch ignores the rest.",
        "correct horse battery": "Very strong",
        "": "",
    }
    for password, hint in hints.items():
        field.fill(password)
        expect(page.get_by_test_id("passwordStrength")).to_have_text(re.compile(hint) if hint else "")
        assert confirmation.evaluate(place) == before


def test_change_another_users_password(node: TestNode, watched: Watch) -> None:
    node.put_user("rob", roles=["superuser"])
    for name in ("ingest", "reports"):
        node.elastic.options(basic_auth=basic("rob", PASSWORD)).security.create_api_key(name=name, refresh=True)
    page = sign_in(watched().new_page())
    page.goto("/users/edit/rob")
    page.get_by_test_id("editUserChangePasswordButton").click()
    value = generate(page, NEW, CONFIRMATION)
    page.get_by_test_id(SUBMIT).click()

    notice = page.get_by_test_id("passwordChanged")
    expect(notice).to_contain_text(re.compile(r"Password for rob changed at 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC"))
    expect(notice).to_contain_text("The new password is effective immediately")
    expect(notice).to_contain_text("2 API keys are still active")
    expect(page.get_by_text("Password successfully changed")).to_be_visible()
    assert page.url.endswith("/users/edit/rob")
    assert node.signs_in("rob", value)

    page.get_by_test_id("apiKeyRow").filter(has_text="ingest").get_by_test_id("revokeApiKeyButton").click()
    expect(page.get_by_role("dialog")).to_contain_text("Revoke API key 'ingest'?")
    page.get_by_label("Reason").fill("Not needed anymore")
    page.get_by_test_id("confirmModalConfirmButton").click()
    expect(page.get_by_text("Revoked API key 'ingest'")).to_be_visible()
    expect(page.get_by_test_id("passwordChanged")).to_contain_text("1 API key is still active")
    page.get_by_test_id("changedPasswordRevokeButton").click()
    expect(page.get_by_role("dialog")).to_contain_text("Revoke API key 'reports'?")
    assert_accessible(page)
    page.get_by_label("Reason").fill("Not needed anymore")
    page.get_by_test_id("confirmModalConfirmButton").click()
    expect(page.get_by_test_id("passwordChanged")).to_contain_text("There are no active API keys")
    assert_accessible(page)


def test_own_password_without_privileges(node: TestNode, watched: Watch) -> None:
    node.put_user("sue")
    context = watched()
    page = sign_in(context.new_page(), "sue")
    elsewhere = sign_in(watched().new_page(), "sue")
    page.goto("/account/")
    page.get_by_test_id("changePasswordButton").click()
    expect(page.get_by_test_id("editUserChangePasswordCurrentPasswordInput")).to_be_focused()
    page.keyboard.type(PASSWORD)
    type_twice(page, " my own, with spaces ")
    page.keyboard.press("Enter")

    expect(page.get_by_test_id("passwordChanged")).to_contain_text("Your password was changed at")
    expect(page.get_by_test_id("passwordChanged")).to_contain_text("or ask an administrator")
    assert node.signs_in("sue", " my own, with spaces ")
    page.goto("/account/api-keys")
    expect(page.get_by_text("lacks the cluster privilege manage_own_api_key")).to_be_visible()
    elsewhere.goto("/account/")
    expect(elsewhere.get_by_test_id("loginForm")).to_be_visible()
    context.expected("401")  # a hint that was asked for while the change ended the session


def test_built_in_user_password_requires_the_checkbox(node: TestNode, watched: Watch) -> None:
    page = sign_in(watched().new_page())
    page.goto("/users/edit/kibana_system")
    page.get_by_test_id("editUserChangePasswordButton").click()
    expect(page.get_by_test_id("changePasswordWarning")).to_contain_text("Kibana will lose connection to Elasticsearch")
    type_twice(page, "for-kibana-alone")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id(SUBMIT)).to_be_disabled()
    page.get_by_test_id("changePasswordUnderstoodCheckbox").press("Space")
    page.get_by_test_id(SUBMIT).click()
    expect(page.get_by_text("Password successfully changed")).to_be_visible()
    assert node.signs_in("kibana_system", "for-kibana-alone")


def test_show_and_hide(node: TestNode, watched: Watch) -> None:
    page = sign_in(watched().new_page())
    page.goto("/users/change-password/beats_system")
    field, button = page.get_by_test_id(NEW), page.get_by_role("button", name="Show password").first
    field.press_sequentially("look at me")
    page.keyboard.press("Tab")
    expect(button).to_be_focused()
    page.keyboard.press("Space")
    expect(field).to_have_attribute("type", "text")
    expect(button).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Space")
    expect(field).to_have_attribute("type", "password")


def test_the_hint_while_typing(node: TestNode, watched: Watch) -> None:
    context = watched()
    page = sign_in(context.new_page())
    page.goto("/users/create")
    page.get_by_test_id("userFormUserNameInput").press_sequentially("jane-the-third")
    password, hint = page.get_by_test_id("passwordInput"), page.get_by_test_id("passwordStrength")
    password.press_sequentially("orange")
    expect(hint).to_contain_text("Very weak. Password must be at least 8 characters.")
    password.press_sequentially(" tractor feels lonely")
    expect(hint.get_by_role("paragraph")).to_have_text("Very strong")
    expect(page.get_by_role("meter", name="Password strength")).to_have_attribute("value", "5")
    assert_accessible(page)
    password.fill("jane.the.third")
    expect(hint).to_contain_text("Password is too similar to the username.")

    context.context.clear_cookies()
    with page.expect_response("**/passwords/strength"):
        password.press_sequentially("!")
    expect(password).to_have_value("jane.the.third!")
    assert page.url.endswith("/users/create"), "a hint that does not come costs nobody what they typed"
    context.expected("401")


def test_without_javascript(node: TestNode, watched: Watch) -> None:
    node.put_user("tom", roles=["superuser"])
    node.elastic.options(basic_auth=basic("tom", PASSWORD)).security.create_api_key(name="of tom", refresh=True)
    context = watched(java_script_enabled=False)
    page = sign_in(context.new_page())
    page.goto("/users/change-password/logstash_system")
    expect(page.get_by_test_id("generatePasswordButton")).to_be_hidden()
    type_twice(page, "for-logstash-alone")
    page.get_by_test_id(SUBMIT).click()
    expect(page.get_by_text("Select the checkbox to continue.")).to_be_visible()

    page.goto("/users/change-password/tom")
    type_twice(page, "for-tom-alone")
    page.get_by_test_id(SUBMIT).click()
    expect(page.get_by_test_id("passwordChanged")).to_contain_text("1 API key is still active")
    page.get_by_test_id("changedPasswordRevokeButton").click()
    page.get_by_label("Reason").fill("Not needed anymore")
    page.get_by_test_id("confirmModalConfirmButton").click()
    expect(page.get_by_test_id("passwordChanged")).to_contain_text("There are no active API keys")
    context.expected("422")
