"""The roles' pages and what roles grant beside the roles box, under real keys and clicks, and for axe."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.nodes import TestNode
from tests.support.pages import Watched, assert_accessible, assert_fits, chosen, look, sign_in

SLY = "<img src=x>&sly/.."


@pytest.fixture
def many_roles(node: TestNode) -> Iterator[None]:
    """500 roles more than the built-in ones."""
    names = [f"team_{number:03}_reader" for number in range(500)]
    node.elastic.security.bulk_put_role(
        roles={
            name: {"indices": [{"names": [f"{name[:8]}-*"], "privileges": ["read"]}], "description": f"Of {name}"} for name in names
        }
    )
    yield
    node.elastic.security.bulk_delete_role(names=names)


@pytest.fixture
def sly_role(node: TestNode) -> Iterator[str]:
    node.elastic.security.put_role(name=SLY, cluster=["manage_security"], description="<b>bold</b>", run_as=["<i>"])
    yield SLY
    node.elastic.security.delete_role(name=SLY)


@pytest.fixture
def form(node: TestNode, page: Page) -> Page:
    sign_in(page)
    page.goto("/users/create")
    page.get_by_test_id("rolesDropdown").get_by_role("combobox").focus()
    return page


def test_roles_box_by_keyboard_among_500(node: TestNode, many_roles: None, form: Page) -> None:
    form.keyboard.type("417 read")
    expect(form.get_by_test_id("rolesDropdown").get_by_role("option")).to_have_count(1)
    preview = form.get_by_test_id("rolePreview")
    expect(preview).to_contain_text("Of team_417_reader")
    expect(preview).to_contain_text("team_417-*: read")
    assert chosen(form) == [], "one sees it before one takes it"
    form.keyboard.press("Enter")
    assert chosen(form) == ["team_417_reader"]

    form.keyboard.type("team_4")
    form.keyboard.press("ArrowDown")
    form.keyboard.press("ArrowDown")
    expect(preview).to_contain_text("Of team_402_reader")
    form.keyboard.press("Enter")
    form.keyboard.press("Escape")
    expect(preview).to_be_hidden()
    assert sorted(chosen(form)) == ["team_402_reader", "team_417_reader"]


@pytest.mark.parametrize("length", [15, 16, 20])
def test_a_held_key_and_enter_add_nothing(form: Page, length: int) -> None:
    form.keyboard.type("a" * length)
    expect(form.get_by_text("No matching roles")).to_be_visible()
    expect(form.get_by_test_id("rolePreview")).to_be_hidden()
    form.keyboard.press("Enter")
    assert chosen(form) == []


def test_role_badges_in_the_roles_box(node: TestNode, page: Page) -> None:
    node.put_user("jdoe", roles=["nope"])
    sign_in(page)
    page.goto("/users/edit/jdoe")
    expect(page.locator(".item[title=nope]")).to_contain_text("doesn't exist")
    page.get_by_test_id("rolesDropdown").get_by_role("combobox").focus()
    expect(page.locator("[role=option][title=viewer]")).to_contain_text("reserved")
    expect(page.locator("[role=option][title=kibana_user]")).to_contain_text("deprecated")
    expect(page.locator("[role=option][title=user_admin]")).to_have_text("user_admin")
    page.keyboard.press("Escape")
    page.get_by_test_id("chosenRoles").get_by_text("Privileges of nope").click()
    expect(page.get_by_test_id("chosenRoles")).to_contain_text("grants no privileges, unless it is defined in a file (roles.yml)")


def test_role_preview_on_hover_reads_each_role_once(form: Page) -> None:
    asked: list[str] = []
    form.on("request", lambda request: asked.append(request.url) if "/roles/view/" in request.url else None)
    form.keyboard.press("ArrowDown")
    preview = form.get_by_test_id("rolePreview")
    for role, words in (("apm_user", "APM users"), ("beats_admin", ".management-beats"), ("apm_user", "APM users")):
        form.locator(f"[role=option][title={role}]").hover()
        expect(preview).to_contain_text(words)
    assert len(asked) == len(set(asked))
    assert chosen(form) == []


def test_role_preview_for_screen_readers(form: Page) -> None:
    form.keyboard.type("watcher_")
    spoken = form.locator(".roles-box [aria-live=polite]")
    expect(spoken).to_have_text("watcher_admin grants 1 cluster privilege, 1 index privilege")
    for _ in range(3):
        form.keyboard.press("ArrowDown")
        form.keyboard.press("ArrowUp")
    form.keyboard.press("ArrowDown")
    expect(spoken).to_have_text("watcher_user grants 1 cluster privilege, 2 index privileges")

    form.keyboard.press("Tab")
    details = form.get_by_role("region", name="Privileges of watcher_user")
    expect(details).to_be_focused()
    assert_accessible(form)
    form.keyboard.press("Escape")
    expect(form.get_by_test_id("rolesDropdown").get_by_role("combobox")).to_be_focused()
    expect(details).to_be_hidden()
    form.keyboard.press("ArrowDown")
    expect(form.get_by_test_id("rolePreview")).to_be_visible()
    for _ in range(3):  # the details, their link, and what comes after the box
        form.keyboard.press("Tab")
    expect(form.get_by_role("region", name="Metadata").get_by_label("Key")).to_be_focused()
    expect(form.get_by_role("listbox")).to_be_hidden()
    assert chosen(form) == []


def test_chosen_roles_have_previews(form: Page) -> None:
    for role in ("viewer", "monitoring_user"):
        form.keyboard.type(role)
        form.keyboard.press("Enter")
    lines = form.get_by_test_id("chosenRoles")
    expect(lines.locator("summary")).to_have_text(["Privileges of viewer", "Privileges of monitoring_user"])
    form.keyboard.press("Escape")
    lines.get_by_text("Privileges of viewer").click()
    expect(lines).to_contain_text("view_index_metadata")
    assert_accessible(form)
    form.get_by_role("button", name="Remove viewer").click()
    expect(lines.locator("summary")).to_have_text(["Privileges of monitoring_user"])


def test_a_hostile_name_is_shown_as_text(node: TestNode, sly_role: str, form: Page) -> None:
    form.keyboard.type("sly")
    preview = form.get_by_test_id("rolePreview")
    for part in (SLY, "<b>bold</b>", "<i>", "Manage users, roles, and API keys"):
        expect(preview).to_contain_text(part)
    assert preview.locator("b, i, img").count() == 0
    form.keyboard.press("Enter")
    assert chosen(form) == [SLY]


def test_failed_role_preview_does_not_block_the_form(node: TestNode, watched: Callable[..., Watched]) -> None:
    browser = watched()
    form = sign_in(browser.new_page())
    form.goto("/users/create")
    form.get_by_test_id("rolesDropdown").get_by_role("combobox").focus()
    form.route("**/roles/view/*", lambda route: route.abort())
    form.keyboard.type("viewer")
    expect(form.get_by_test_id("rolePreview")).to_contain_text("Couldn't load the privileges")
    form.keyboard.press("Enter")
    assert chosen(form) == ["viewer"]
    browser.expected("ERR_FAILED")


def test_answer_after_the_end_of_the_session_is_not_cached(form: Page) -> None:
    form.route("**/roles/view/viewer", lambda route: route.fulfill(headers={"HX-Redirect": "/login"}), times=1)
    form.keyboard.type("viewer")
    preview = form.get_by_test_id("rolePreview")
    expect(preview).to_contain_text("Couldn't load the privileges")
    form.keyboard.press("Escape")
    form.keyboard.press("ArrowDown")
    form.keyboard.type("viewer")
    expect(preview).not_to_contain_text("Couldn't load the privileges")
    expect(preview).to_contain_text("viewer")


def test_late_answer_never_replaces_a_newer_one(form: Page) -> None:
    late: list[Route] = []
    form.route("**/roles/view/watcher_admin", lambda route: late.append(route))
    with form.expect_request("**/roles/view/watcher_admin"):
        form.keyboard.type("watcher_")
    form.keyboard.press("ArrowDown")
    preview = form.get_by_test_id("rolePreview")
    expect(preview).to_contain_text("watcher_user")
    while not late:
        form.wait_for_timeout(50)
    late[0].continue_()
    form.wait_for_timeout(300)
    expect(preview).not_to_contain_text("watcher_admin")


def test_the_users_page_reads_access_after_itself(node: TestNode, page: Page) -> None:
    node.put_user("jdoe", roles=["viewer"])
    sign_in(page)
    page.goto("/users/edit/jdoe")
    access = page.get_by_test_id("userAccess")
    expect(access.get_by_role("heading", name="API keys")).to_be_visible()
    access.get_by_role("link", name="viewer").first.click()
    expect(page.get_by_role("heading", name="viewer")).to_be_visible()
    page.get_by_test_id("roleUsersLink").click()
    expect(page.get_by_test_id("userRow").filter(has_text="jdoe")).to_have_count(1)


def test_privilege_holders_and_roles_pages(node: TestNode, page: Page) -> None:
    sign_in(page, "otto").goto("/users/")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Roles").click()
    page.get_by_test_id("searchRoles").press_sequentially("watcher_ad")
    expect(page.get_by_test_id("roleRow")).to_have_count(1)
    page.get_by_test_id("whoCanLink").click()
    page.get_by_test_id("whoCanPrivilege").select_option("manage_security")
    expect(page.get_by_test_id("whoCanAnswer")).to_contain_text("2 users have this privilege: Manage users, roles, and API keys")
    expect(page.get_by_test_id("holderRow")).to_contain_text(["ada", "elastic"])
    page.wait_for_url("**/roles/who-can?privilege=manage_security*")


def seed(node: TestNode) -> None:
    node.elastic.security.put_role(
        name="everything",
        description="All kinds of grants",
        cluster=["all", "monitor", "read_security", "cluster:admin/xpack/security/user/put"],
        indices=[{"names": ["logs-*", "a-name-" * 20], "privileges": ["read", "write"], "allow_restricted_indices": True}],
        applications=[{"application": "kibana-.kibana", "privileges": ["feature_discover.read"], "resources": ["space:sales"]}],
        run_as=["*"],
        metadata={"team": {"name": "x" * 300}},
    )
    node.put_user("jdoe", full_name="Jane Doe", roles=["everything", "viewer", "nope", "x" * 507], metadata={"a": ["b"] * 5})


@pytest.mark.parametrize("username", ["otto"])
def test_the_look_of_the_pages(node: TestNode, context: Watched, username: str) -> None:
    seed(node)
    page = sign_in(context.new_page(), username)
    for url in (
        "/roles/",
        "/roles/?q=nobody-has-this",
        "/roles/view/everything",
        "/roles/view/superuser",
        "/roles/view/kibana_user",
        "/roles/view/nope",
        f"/roles/view/{'x' * 507}",
        "/roles/who-can",
        "/roles/who-can?privilege=manage_security",
        "/roles/who-can?privilege=nope",
        "/users/access/jdoe",
    ):
        look(page, url)
    page.goto("/users/edit/jdoe")
    expect(page.get_by_role("heading", name="API keys")).to_be_visible()
    assert_fits(page)
    assert_accessible(page)
    node.elastic.security.delete_role(name="everything")


def test_the_look_of_the_roles_box(node: TestNode, context: Watched) -> None:
    seed(node)
    page = sign_in(context.new_page())
    page.goto("/users/edit/jdoe")
    page.get_by_test_id("chosenRoles").locator("summary").first.click()
    page.get_by_test_id("rolesDropdown").get_by_role("combobox").focus()
    expect(page.get_by_test_id("rolePreview")).to_be_visible()
    assert_fits(page)
    assert_accessible(page)
    node.elastic.security.delete_role(name="everything")


def test_without_javascript_every_page_works(node: TestNode, watched: Callable[..., Watched]) -> None:
    node.put_user("jdoe", roles=["viewer", "superuser"])
    page = sign_in(watched(java_script_enabled=False).new_page())
    page.goto("/users/edit/jdoe")
    page.get_by_test_id("userAccess").get_by_role("link").click()
    expect(page.get_by_role("heading", name="Effective privileges")).to_be_visible()
    page.get_by_role("link", name="superuser").first.click()
    expect(page.get_by_test_id("holderRow")).to_have_count(2)
    page.get_by_role("link", name="Back to roles").click()
    page.get_by_test_id("searchRoles").fill("machine learning")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("roleRow").first).to_be_visible()
    page.get_by_test_id("whoCanLink").click()
    page.get_by_test_id("whoCanPrivilege").select_option("manage_security")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_test_id("holderRow")).to_have_count(3)
    page.goto("/users/create")
    expect(page.get_by_role("link", name="View the privileges of each role")).to_have_attribute("href", "/roles/")
