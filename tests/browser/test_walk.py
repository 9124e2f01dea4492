"""The main job from end to end, as an administrator does it, on clusters and behind a proxy as people have them.

The node is asked whether it is true.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import bcrypt
import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django import Settings

from accounts.services import exports
from local_cluster import VERSIONS, Cluster
from local_cluster.ports import free_ports
from tests.support.cast import PASSWORD
from tests.support.nginx import nginx, server
from tests.support.nodes import SETTINGS, Nodes, TestNode, set_up
from tests.support.pages import Watched, sign_in_with_form
from tests.support.server import serve

CLUSTERS = {
    "no-built-in-users": {"xpack.security.authc.reserved_realm.enabled": "false"},
    "anonymous-access-and-no-expensive-queries": {
        "xpack.security.authc.anonymous.roles": "viewer",
        "search.allow_expensive_queries": "false",
    },
}
BASE = "/es-users"

NewPage = Callable[[], Page]


@pytest.fixture(params=VERSIONS[:1])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@contextmanager
def browsers(browser: Browser, site: str) -> Iterator[NewPage]:
    """Opens pages, each in a browser of its own, where another usermgmt has been used on this host. All must stay quiet."""
    made: list[Watched] = []

    def new_page() -> Page:
        made.append(Watched(browser, site, ignore_https_errors=True))
        if urlsplit(site).path:
            made[-1].context.add_cookies([{"name": "usermgmt_session", "value": "other", "url": urljoin(site, "/")}])
        return made[-1].new_page()

    try:
        yield new_page
    finally:
        for each in made:
            each.context.close()
    assert not [complaint for each in made for complaint in each.complaints]


def choose_role(page: Page, role: str) -> None:
    page.get_by_test_id("rolesDropdown").locator("input").first.click()
    page.keyboard.type(role)
    page.locator(f"[role=option][title='{role}']").click()
    page.keyboard.press("Escape")


def confirm(page: Page) -> None:
    page.get_by_test_id("confirmModalConfirmButton").click()


def walk(node: TestNode, new_page: NewPage, folder: Path) -> None:
    admin = sign_in_with_form(new_page())
    create(node, admin)
    search(admin)
    edit(node, admin)
    change_password(node, admin)

    jane = sign_in_with_form(new_page(), "jdoe", "second-secret")
    expect(jane.get_by_text("Jane Roe").first).to_be_visible()
    deactivate(node, admin)
    jane.goto("account/")
    expect(jane.get_by_test_id("loginForm")).to_be_visible()
    activate(node, admin)

    export(admin, folder / "export")
    review(admin)
    admin.goto("audit/")
    expect(admin.get_by_role("cell", name="Deactivate user").first).to_be_visible()
    delete(node, admin)

    admin.get_by_test_id("userMenuButton").click()
    admin.get_by_test_id("logoutLink").click()
    expect(admin.get_by_test_id("loginForm")).to_be_visible()


def create(node: TestNode, admin: Page) -> None:
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


def search(admin: Page) -> None:
    admin.get_by_test_id("searchUsers").press_sequentially("ne.doe@exam")
    expect(admin.get_by_test_id("userRow")).to_have_count(1)
    expect(admin.get_by_test_id("userRowEmail")).to_have_text("jane.doe@example.org")


def edit(node: TestNode, admin: Page) -> None:
    admin.get_by_test_id("userRowUserName").get_by_role("link", name="jdoe", exact=True).click()
    admin.get_by_test_id("userFormFullNameInput").fill("Jane Roe")
    admin.get_by_role("button", name="Remove monitoring_user").click()
    admin.get_by_role("button", name="Update user").click()
    expect(admin.get_by_text("Updated user 'jdoe'")).to_be_visible()
    user = node.user("jdoe")
    assert user
    assert (user["full_name"], user["roles"]) == ("Jane Roe", ["viewer"])


def change_password(node: TestNode, admin: Page) -> None:
    admin.goto("users/edit/jdoe")
    admin.get_by_test_id("editUserChangePasswordButton").click()
    admin.get_by_test_id("editUserChangePasswordNewPasswordInput").fill("second-secret")
    admin.get_by_test_id("editUserChangePasswordConfirmPasswordInput").fill("second-secret")
    admin.get_by_test_id("changePasswordFormSubmitButton").click()
    expect(admin.get_by_text("Password successfully changed")).to_be_visible()
    assert node.signs_in("jdoe", "second-secret")


def deactivate(node: TestNode, admin: Page) -> None:
    admin.get_by_test_id("editUserDisableUserButton").click()
    expect(admin.get_by_test_id("confirmModalBodyText")).to_be_visible()
    confirm(admin)
    expect(admin.get_by_text("Deactivated user 'jdoe'")).to_be_visible()
    assert (node.user("jdoe") or {})["enabled"] is False


def activate(node: TestNode, admin: Page) -> None:
    admin.get_by_test_id("editUserEnableUserButton").click()
    confirm(admin)
    expect(admin.get_by_text("Activated user 'jdoe'", exact=True)).to_be_visible()
    assert node.signs_in("jdoe", "second-secret")


def export(admin: Page, file: Path) -> None:
    admin.goto("users/?role=viewer")
    admin.get_by_test_id("userExportButton").click()
    with admin.expect_download() as download:
        admin.get_by_test_id("exportSubmit").click()
    download.value.save_as(file)
    with file.open("rb") as content:
        assert [row.username for row in exports.read(content).rows()] == ["jdoe", "norah"]
    admin.keyboard.press("Escape")


def review(admin: Page) -> None:
    admin.get_by_test_id("reviewUsersButton").click()
    admin.get_by_test_id("reviewTitle").fill("Viewers")
    admin.get_by_test_id("startReviewButton").click()
    expect(admin.get_by_test_id("reviewItem")).to_have_count(2)
    expect(admin.get_by_test_id("reviewItem").first).to_be_focused()
    admin.keyboard.press("k")
    expect(admin.get_by_test_id("reviewProgress")).to_contain_text("1 of 2 reviewed")
    admin.keyboard.press("k")
    expect(admin.get_by_test_id("reviewProgress")).to_contain_text("2 of 2 reviewed")
    admin.get_by_test_id("signOffButton").click()
    admin.get_by_test_id("reviewSignOffPassword").fill(PASSWORD)
    admin.get_by_test_id("signOffSubmit").click()
    expect(admin.get_by_test_id("reviewReport").locator("tbody tr")).to_have_count(2)


def delete(node: TestNode, admin: Page) -> None:
    admin.goto("users/edit/jdoe")
    admin.get_by_test_id("editUserDeleteUserButton").click()
    expect(admin.get_by_role("dialog")).to_contain_text("jdoe")
    confirm(admin)
    expect(admin.get_by_text("Deleted user 'jdoe'")).to_be_visible()
    assert node.user("jdoe") is None


@pytest.mark.parametrize("cluster", CLUSTERS.values(), ids=CLUSTERS)
def test_clusters(cluster: dict[str, str], version: str, browser: Browser, tmp_path: Path, settings: Settings) -> None:
    """Each has a node of its own, with `elastic` also in its file realm."""
    running = Cluster(tmp_path, version, settings={**SETTINGS, **cluster})
    config = tmp_path / "node-1/config"
    config.mkdir(parents=True)
    hashed = bcrypt.hashpw(running.password.encode(), bcrypt.gensalt(4, prefix=b"2a")).decode()
    (config / "users").write_text(f"elastic:{hashed}\n")
    (config / "users_roles").write_text("superuser:elastic\n")
    with running:
        node = set_up(running, settings)
        url, process = serve(node, tmp_path / "log")
        try:
            with browsers(browser, url) as new_page:
                walk(node, new_page, tmp_path)
        finally:
            process.terminate()
            process.wait(timeout=30)


@pytest.mark.parametrize("strips", [False, True], ids=["keeps-the-path", "strips-the-path"])
def test_below_a_path(strips: bool, version: str, nodes: Nodes, browser: Browser, tmp_path: Path, settings: Settings) -> None:
    """Behind nginx, which answers only the path, and only with TLS."""
    node = nodes.get(version, settings)
    (port,) = free_ports(1)
    site = f"https://127.0.0.1:{port}{BASE}/"
    url, process = serve(node, tmp_path / "log", BASE_PATH=BASE, HTTPS="true", BEHIND_PROXY="true")
    try:
        with nginx(tmp_path, port, server(port, BASE, f"{url}/" if strips else url)), browsers(browser, site) as new_page:
            walk(node, new_page, tmp_path)
    finally:
        process.terminate()
        process.wait(timeout=30)
    requests = [line.split(" ", 2) for line in (tmp_path / "requests").read_text().splitlines()]
    assert {path for _, _, path in requests if not path.startswith(f"{BASE}/")} == set()
    assert {status for status, _, _ in requests} <= {"200", "204", "302", "304", "499"}  # 499: the page was left meanwhile
