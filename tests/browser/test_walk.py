"""The main job from end to end, as an administrator does it; the node is asked whether it is true."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.support.nodes import TestNode
from tests.support.pages import Watched, sign_in


def choose_role(page: Page, role: str) -> None:
    page.get_by_test_id("rolesDropdown").locator("input").first.click()
    page.keyboard.type(role)
    page.locator(f"[role=option][title='{role}']").click()
    page.keyboard.press("Escape")


def confirm(page: Page) -> None:
    page.get_by_test_id("confirmModalConfirmButton").click()


def test_a_users_whole_life(node: TestNode, watched: Callable[..., Watched]) -> None:
    admin = sign_in(watched().new_page())

    admin.get_by_test_id("createUserButton").click()
    admin.get_by_test_id("userFormUserNameInput").fill("jdoe")
    admin.get_by_test_id("userFormFullNameInput").fill("Jane Doe")
    admin.get_by_test_id("userFormEmailInput").fill("jane.doe@example.org")
    admin.get_by_test_id("passwordInput").fill("first-secret")
    admin.get_by_test_id("passwordConfirmationInput").fill("first-secret")
    choose_role(admin, "viewer")
    choose_role(admin, "monitoring_user")
    admin.get_by_role("button", name="Create user").click()
    expect(admin.get_by_text("Created user 'jdoe'")).to_be_visible()
    assert node.user("jdoe") == {
        "username": "jdoe",
        "full_name": "Jane Doe",
        "email": "jane.doe@example.org",
        "roles": ["viewer", "monitoring_user"],
        "enabled": True,
        "metadata": {},
    }
    assert node.signs_in("jdoe", "first-secret")

    admin.get_by_test_id("searchUsers").press_sequentially("ne.doe@exam")
    expect(admin.get_by_test_id("userRow")).to_have_count(1)
    expect(admin.get_by_test_id("userRowEmail")).to_have_text("jane.doe@example.org")
    admin.get_by_test_id("userRowUserName").get_by_role("link").click()

    admin.get_by_test_id("userFormFullNameInput").fill("Jane Roe")
    admin.get_by_role("button", name="Remove monitoring_user").click()
    admin.get_by_role("button", name="Update user").click()
    expect(admin.get_by_text("Updated user 'jdoe'")).to_be_visible()
    user = node.user("jdoe")
    assert user
    assert (user["full_name"], user["roles"]) == ("Jane Roe", ["viewer"])

    admin.goto("/users/edit/jdoe")
    admin.get_by_test_id("editUserChangePasswordButton").click()
    admin.get_by_test_id("editUserChangePasswordNewPasswordInput").fill("second-secret")
    admin.get_by_test_id("editUserChangePasswordConfirmPasswordInput").fill("second-secret")
    admin.get_by_test_id("changePasswordFormSubmitButton").click()
    expect(admin.get_by_text("Password successfully changed")).to_be_visible()
    assert node.signs_in("jdoe", "second-secret")

    jane = sign_in(watched().new_page(), "jdoe", "second-secret")
    expect(jane.get_by_text("Jane Roe").first).to_be_visible()

    admin.get_by_test_id("editUserDisableUserButton").click()
    expect(admin.get_by_test_id("confirmModalBodyText")).to_be_visible()
    confirm(admin)
    expect(admin.get_by_text("Deactivated user 'jdoe'")).to_be_visible()
    assert (node.user("jdoe") or {})["enabled"] is False
    jane.goto("/account/")
    expect(jane.get_by_test_id("loginForm")).to_be_visible()

    admin.get_by_test_id("editUserEnableUserButton").click()
    confirm(admin)
    expect(admin.get_by_text("Activated user 'jdoe'", exact=True)).to_be_visible()
    assert node.signs_in("jdoe", "second-secret")

    admin.get_by_test_id("editUserDeleteUserButton").click()
    expect(admin.get_by_role("dialog")).to_contain_text("jdoe")
    confirm(admin)
    expect(admin.get_by_text("Deleted user 'jdoe'")).to_be_visible()
    assert node.user("jdoe") is None

    admin.get_by_test_id("userMenuButton").click()
    admin.get_by_test_id("logoutLink").click()
    expect(admin.get_by_test_id("loginForm")).to_be_visible()
