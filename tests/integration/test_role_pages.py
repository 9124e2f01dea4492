"""The roles' pages over HTTP, as an auditor sees them; they hold nothing that changes anything."""

import html
import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from accounts.services import audit, exports
from accounts.services.exports import role_table
from accounts.services.users import RESERVED_USERNAMES
from tests.support.cast import PASSWORD
from tests.support.names import HOSTILE_ROLES
from tests.support.nodes import TestNode
from tests.support.traces import trail

HOLDERS = ["POST /_security/_query/user", f"GET /_security/user/{','.join(RESERVED_USERNAMES)}"]
ANONYMOUS_CALL = "GET /_security/_authenticate"
FRAGMENT = {"HX-Request": "true", "HX-Target": "role-details"}


@pytest.fixture
def otto(signed_in: Callable[..., Client]) -> Client:
    return signed_in("otto")


def text(client: Client, url: str, status: int = 200, headers: dict[str, str] | None = None) -> str:
    response = client.get(url, headers=headers)
    assert response.status_code == status
    return html.unescape(" ".join(response.content.decode().split()))


def asked(calls: list[str]) -> list[str]:
    return [call for call in calls if "usermgmt-sessions" not in call]


def test_all_roles_and_what_is_to_be_known_of_them(node: TestNode, otto: Client) -> None:
    node.elastic.security.put_role(name="shop", description="What the Web Shop needs")
    page = text(otto, "/roles/")
    for part in ("superuser", "What the Web Shop needs", "roleReserved", "Please use the [kibana_admin] role instead"):
        assert part in page
    found = text(otto, "/roles/?q=web+SHOP")
    assert found.count('data-test-subj="roleRow"') == 1
    assert "1 of" in found
    assert "No role name or description contains “<b>*”." in text(otto, "/roles/?q=%3Cb%3E*")
    assert "<html" not in text(otto, "/roles/?q=shop", headers={"HX-Request": "true", "HX-Target": "roles-results"})


def test_captions_say_what_is_listed_how_many_and_in_which_order(
    node: TestNode, otto: Client, request: pytest.FixtureRequest
) -> None:
    node.elastic.security.put_role_mapping(name="captioned", enabled=True, roles=["viewer"], rules={"field": {"username": "x"}})
    request.addfinalizer(lambda: node.elastic.security.delete_role_mapping(name="captioned"))
    for url, caption in (
        ("/roles/?q=superuser", r"Roles 1 of \d+: name or description contains “superuser”, sorted by name"),
        ("/roles/", r"Roles (\d+) of \1: all roles, sorted by name"),
        ("/role-mappings/?q=captioned&order=desc", r"Role mappings 1–1 of 1: [^<]*“captioned”, sorted by name \(descending\)"),
        ("/service-accounts/?q=kibana", r"Service accounts 1 of \d+: [^<]* contains “kibana”, sorted by name \(ascending\)"),
    ):
        assert re.search(f"<caption[^>]*>{caption}</caption>", text(otto, url)), url


def test_the_pages_ask_few_questions(node: TestNode, otto: Client, calls: list[str]) -> None:
    calls.clear()
    otto.get("/roles/")
    assert asked(calls) == ["GET /_security/role"]
    calls.clear()
    otto.get("/roles/view/viewer")
    assert asked(calls) == ["GET /_security/role/viewer", *HOLDERS, ANONYMOUS_CALL]
    calls.clear()
    otto.get("/roles/view/viewer", headers=FRAGMENT)
    assert asked(calls) == ["GET /_security/role/viewer"]
    calls.clear()
    otto.get("/roles/who-can?privilege=read_ccr")
    unlisted = ["GET /_security/role", "POST /_security/_query/user"]  # cached, but not in tests
    assert asked(calls) == ["GET /_security/role", ANONYMOUS_CALL, *unlisted, *HOLDERS]


def test_role_page_with_privileges_and_users(node: TestNode, otto: Client) -> None:
    node.elastic.security.put_role(
        name="shop",
        description="The shop",
        cluster=["manage_security"],
        indices=[{"names": ["orders"], "privileges": ["read"], "allow_restricted_indices": True}],
        applications=[{"application": "kibana-.kibana", "privileges": ["feature_discover.read"], "resources": ["space:shop"]}],
        run_as=["jdoe"],
        metadata={"team": {"name": "<web>"}},
    )
    for number in range(21):
        node.put_user(f"u{number:02}", roles=["shop"], full_name=f"Person {number}", enabled=number > 0)
    page = text(otto, "/roles/view/shop")
    for part in (
        "The shop",
        "Manage users, roles, and API keys</span> <code>manage_security</code>",
        "orders</span>: read",
        "Includes restricted system indices",
        "discover: read",
        "Only in space shop",
        "Run as privileges",
        '"name": "<web>"',
        "21 users, showing the first 20.",
        'href="/users/?role=shop"',
        'href="/users/edit/u00"',
        "Person 19",
        "Deactivated",
    ):
        assert part in page
    assert "Person 20" not in page


@pytest.mark.parametrize("name", HOSTILE_ROLES)
def test_role_pages_work_for_every_legal_name(node: TestNode, otto: Client, name: str) -> None:
    node.elastic.security.put_role(name=name, cluster=["manage_security"], description="<i>sly</i>")
    node.put_user("jdoe", roles=[name])
    url = reverse("role", args=[name])
    for page in (
        otto.get(url).content.decode(),
        otto.get(url, headers=FRAGMENT).content.decode(),
        otto.get("/roles/who-can?privilege=manage_security").content.decode(),
        otto.get("/roles/").content.decode(),
        otto.get("/users/edit/jdoe").content.decode(),
        otto.get("/users/access/jdoe").content.decode(),
    ):
        assert html.escape(name) in page
        assert "<i>" not in page
        assert "<b>" not in page
    assert 'href="/users/edit/jdoe"' in text(otto, url)
    assert f'href="{url}"' in text(otto, "/roles/")


def test_a_role_that_does_not_exist(node: TestNode, otto: Client) -> None:
    node.put_user("jdoe", roles=["nope"])
    page = text(otto, "/roles/view/nope")
    assert "This role doesn't exist in this cluster and grants no privileges, unless it is defined in a file (roles.yml)" in page
    assert 'href="/users/edit/jdoe"' in page
    assert "Doesn't exist in this cluster" in text(otto, "/roles/view/gone", headers=FRAGMENT)
    assert "This role doesn't exist and isn't assigned to any user." in text(otto, "/roles/view/gone", status=404)


def test_deprecated_and_reserved_roles_say_so(node: TestNode, otto: Client) -> None:
    page = text(otto, "/roles/view/kibana_user")
    assert "This role is deprecated. Please use the [kibana_admin] role instead" in page
    assert "roleReserved" in page


def test_role_fragment_has_a_summary_and_no_layout(node: TestNode, otto: Client) -> None:
    fragment = text(otto, "/roles/view/superuser", headers=FRAGMENT)
    assert "<html" not in fragment
    assert 'data-summary="superuser grants 1 cluster privilege, ' in fragment
    assert "Includes all other cluster privileges" in fragment


def test_privilege_holders_in_pages(node: TestNode, otto: Client) -> None:
    for number in range(25):
        node.put_user(f"u{number:02}", roles=["superuser", "viewer"])
    first = text(otto, "/roles/who-can?privilege=manage_security")
    assert "27 users have this privilege: Manage users, roles, and API keys" in first
    assert "/roles/who-can?privilege=manage_security&after=u17" in first
    second = text(otto, "/roles/who-can?privilege=manage_security&after=u17")
    assert second.count('data-test-subj="holderRow"') == 7
    assert 'href="/roles/view/superuser"' in second
    assert "No more users." in text(otto, "/roles/who-can?privilege=manage_security&after=zzz")


def test_privilege_holders_with_invalid_privileges(node: TestNode, otto: Client) -> None:
    assert "whoCanAnswer" not in text(otto, "/roles/who-can")
    page = text(otto, "/roles/who-can?privilege=<b>&after=x")
    assert "Unknown cluster privilege “<b>”." in page
    assert "<html" not in text(otto, "/roles/who-can?privilege=all", headers={"HX-Request": "true", "HX-Target": "who-can-results"})
    node.elastic.security.put_role(name="odd", cluster=["cluster:admin/xpack/security/user/put"])
    assert "cluster:admin/xpack/security/user/put" in text(otto, "/roles/who-can")
    assert "Not evaluated: these roles grant individual actions" in text(otto, "/roles/who-can?privilege=manage_security")


@pytest.mark.parametrize("url", ["/roles/", "/roles/view/viewer", "/roles/who-can", "/users/access/elastic"])
def test_roles_are_read_only(node: TestNode, signed_in: Callable[..., Client], url: str) -> None:
    assert "You need permission to manage users" in text(signed_in("norah"), url, status=403)
    assert signed_in("ada").post(url).status_code == 405
    assert Client().get(url).status_code == 302


def test_export_of_the_roles(
    node: TestNode, otto: Client, calls: list[str], monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """Each row is what the node says, and the users are read once for all roles."""
    monkeypatch.setattr(role_table, "MAX_NAMED", 2)
    orders = {"names": ["orders"], "privileges": ["read"], "allow_restricted_indices": True}
    node.elastic.security.put_role(name="acme", description="=What acme needs", indices=[orders])
    node.elastic.security.put_role(name="creates", cluster=["cluster:admin/xpack/security/user/put"])
    node.elastic.security.put_role(name="acts", run_as=["ad*"])
    node.elastic.security.put_role(name="may", cluster=["manage"])
    for name in ("u1", "u2", "u3"):
        node.put_user(name, roles=["acme", "viewer", "acme"], enabled=name != "u2")
    everyone = {"field": {"realm.name": "saml1"}}
    for name, is_enabled in (("staff", True), ("former", False)):
        node.elastic.security.put_role_mapping(name=name, enabled=is_enabled, roles=["acme", "viewer"], rules=everyone)
    request.addfinalizer(lambda: [node.elastic.security.delete_role_mapping(name=name) for name in ("staff", "former")])
    assert "<strong>1 role</strong>: name or description contains “acme”, sorted by name." in text(otto, "/roles/export?q=acme")
    calls.clear()
    file = io.BytesIO(otto.post("/roles/export", {"format": "ndjson"}).getvalue())
    assert Counter(asked(calls))[HOLDERS[0]] <= 4, "all users, and the administrators that run_as could match"
    manifest = exports.verify(file)
    with zipfile.ZipFile(file) as archive:
        rows = {row["role"]: row for row in map(json.loads, archive.read("roles.ndjson").splitlines())}
    bodies = node.elastic.security.get_role().body
    assert {name: row["json"] for name, row in rows.items()} == bodies
    assert list(rows) == sorted(bodies)
    assert (manifest["rows"], manifest["filter"]) == (len(bodies), "all roles, sorted by name")
    counts = {name: node.elastic.security.query_user(query={"term": {"roles": name}}, size=0)["total"] for name in bodies}
    for user in node.elastic.security.get_user(username=",".join(RESERVED_USERNAMES)).body.values():
        for role in user["roles"]:
            counts[role] += 1
    assert {name: row["users"] for name, row in rows.items()} == counts
    acme = rows["acme"]
    assert (acme["users"], acme["active_users"], acme["usernames"]) == (3, 2, ["u1", "u2"])
    assert (acme["enabled"], acme["can_become_administrator"], acme["given_to_all"]) == (True, False, False)
    assert (acme["role_mappings"], rows["may"]["role_mappings"]) == (["staff"], [])
    assert acme["privileges"] == "Index privileges on orders: read (Includes restricted system indices)"
    assert (rows["superuser"]["can_become_administrator"], rows["superuser"]["reserved"]) == (True, True)
    assert rows["creates"]["how"] == "Can create and update users (cluster:admin/xpack/security/user/put)"
    assert (rows["acts"]["can_become_administrator"], rows["acts"]["how"]) == (
        True,
        "Can act as an administrator (run_as ad*, which includes ada)",
    )
    assert rows["may"]["can_become_administrator"] == "no information"
    assert "Not known whether this works" in rows["may"]["how"]

    page = text(otto, "/roles/print?q=acme")
    assert "1. Elasticsearch counted 1 before and 1 after. Complete: all matching roles are included" in page
    assert "=What acme needs" in page
    assert "allow_restricted_indices" not in page, "no JSON"
    trail(node)
    event = audit.search(audit.Query(action="export", target="roles")).events[-1]
    assert (event.details["sha256"], event.details["rows"]) == (manifest["sha256"], str(len(bodies)))


def test_export_command(node: TestNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELASTICSEARCH_USERNAME", "otto")
    monkeypatch.setenv("ELASTICSEARCH_PASSWORD", PASSWORD)
    file, out = tmp_path / "roles.xlsx", io.StringIO()
    for command in (
        ["export_roles", "--format", "xlsx", "--output", str(file), "--filter", "q=superuser"],
        ["check_export", str(file)],
    ):
        call_command(*command, stdout=out, stderr=io.StringIO())
    assert f"{file}: 1 role\n" in out.getvalue()
    assert "is complete and unmodified" in out.getvalue()
