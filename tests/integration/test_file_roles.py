"""Roles in `roles.yml` grant privileges, and no API lists them: "No" is only said if the cluster has none."""

import secrets
from collections.abc import Callable, Iterator

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.services import api_keys, exports, findings, role_mappings, roles, users
from accounts.services.client import PersonClient, invalidate
from accounts.services.findings import rows
from accounts.services.users import UserQuery, privilege_holders
from local_cluster import basic
from tests.support.cast import PASSWORD
from tests.support.file_roles import answer_with
from tests.support.nodes import TestNode
from tests.support.pages import text

REASON = "Elasticsearch doesn't list the role, which may be defined in a file"


@pytest.fixture(autouse=True)
def filed(node: TestNode) -> Iterator[str]:
    """A user with a role in a file, after the node has read it."""
    file, name = node.config / "roles.yml", f"filed-{secrets.token_hex(4)}"
    before = file.read_text() if file.exists() else ""
    file.write_text(f"{name}:\n  cluster: [manage_security]\n")
    invalidate()
    node.put_user("jdoe", roles=[name])
    jdoe = node.elastic.options(basic_auth=basic("jdoe", PASSWORD)).security
    while not jdoe.has_privileges(cluster=["manage_security"])["has_all_requested"]:  # the node reads it every 200 ms
        # Looked up at the moment of reading, the node may cache for good that there is no such role.
        node.elastic.security.clear_cached_roles(name=name)
    yield name
    file.write_text(before)
    invalidate()


@pytest.fixture
def otto() -> PersonClient:
    return PersonClient("otto", PASSWORD, frozenset(["read_security"]))


def row_of(client: PersonClient, username: str) -> exports.Row:
    return next(row for row in exports.rows(client, UserQuery()) if row.username == username)


def found_users(client: PersonClient) -> list[str]:
    return [user.username for user in users.list_page(client, UserQuery(flags=("possible-administrator",))).users]


def findings_of(client: PersonClient) -> list[rows.Row]:
    run = findings.start(client)
    while not run.finished:
        run = findings.advance(client, run.id)
    return [row for row in rows.read(run.chunks.get("possible-escalation", [])) if row.username == "jdoe"]


def test_nowhere_is_the_answer_no(filed: str, node: TestNode, otto: PersonClient, signed_in: Callable[..., Client]) -> None:
    node.elastic.security.put_role_mapping(
        name="filed", roles=[filed], rules={"field": {"realm.name": "ldap1"}}, enabled=True, metadata={}
    )
    browser = signed_in("otto")
    assert "May become an administrator" in text(browser, "/users/?q=jdoe")
    page = text(browser, "/users/access/jdoe")
    assert "May be able to become an administrator" in page
    assert REASON in page
    assert row_of(otto, "jdoe").can_manage_users is None
    assert "jdoe" in found_users(otto)
    assert "otto" not in found_users(otto)
    [row] = findings_of(otto)
    assert REASON in row.details
    for privilege in ("manage_security", "administrator"):
        answer = text(browser, f"/roles/who-can?privilege={privilege}")
        assert f'may be defined in a file (roles.yml) and grant this: <a href="/roles/view/{filed}">' in answer
    [mapping] = role_mappings.assess_all(otto)
    assert mapping.is_administrator is None
    assert REASON in mapping.how[0]


def test_file_takes_precedence_over_a_listed_role(filed: str, node: TestNode) -> None:
    """As docs/who-can-get-in.md says: no API tells that."""
    node.elastic.security.put_role(name=filed, cluster=["monitor"])
    jdoe = node.elastic.options(basic_auth=basic("jdoe", PASSWORD)).security
    assert jdoe.has_privileges(cluster=["manage_security", "monitor"])["cluster"] == {"manage_security": True, "monitor": False}


def test_keys_are_not_compared_with_them(filed: str, node: TestNode, otto: PersonClient, signed_in: Callable[..., Client]) -> None:
    made = node.elastic.options(basic_auth=basic("jdoe", PASSWORD)).security.create_api_key(name="filed", refresh=True)
    page = text(signed_in("otto"), f"/api-keys/view/{made['id']}")
    assert "Not known. Elasticsearch doesn't list these roles of the owner, which may be defined in a file (roles.yml): " in page
    key = api_keys.get(otto, made["id"]).body
    excess = api_keys.load_owners(otto, [key]).excess(key)
    assert excess
    assert (excess.is_known, excess.unlisted) == (False, (filed,))


def test_without_files_a_role_that_is_not_listed_grants_nothing(
    node: TestNode, otto: PersonClient, monkeypatch: pytest.MonkeyPatch, signed_in: Callable[..., Client]
) -> None:
    node.put_user("jdoe", roles=["nope"])
    answer_with(monkeypatch, 0)
    assert "May become an administrator" not in text(signed_in("otto"), "/users/?q=jdoe")
    assert row_of(otto, "jdoe").can_manage_users is False
    assert "jdoe" not in found_users(otto)
    assert findings_of(otto) == []
    assert privilege_holders.who_are_administrators(otto, roles.all_roles(otto)).unlisted == []


def test_with_files_that_is_not_known(node: TestNode, otto: PersonClient, monkeypatch: pytest.MonkeyPatch) -> None:
    node.put_user("jdoe", roles=["nope"])
    answer_with(monkeypatch, 1)
    assert row_of(otto, "jdoe").can_manage_users is None


def test_calls(node: TestNode, otto: PersonClient, monkeypatch: pytest.MonkeyPatch, calls: list[str], settings: Settings) -> None:
    """One, whatever the number of users, and none without such roles."""
    settings.CACHE_SECONDS = 60
    answer_with(monkeypatch, 1)
    list(exports.rows(otto, UserQuery(kind="native")))
    privilege_holders.who_are_administrators(otto, roles.all_roles(otto))
    found_users(otto)
    assert [call for call in calls if "/_xpack/usage" in call] == ["GET /_xpack/usage"]
    del calls[:]
    invalidate()
    node.elastic.security.delete_user(username="jdoe")
    list(exports.rows(otto, UserQuery(kind="native")))
    privilege_holders.who_are_administrators(otto, roles.all_roles(otto))
    assert [call for call in calls if "/_xpack/usage" in call] == []
