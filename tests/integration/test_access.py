"""The part of a user's page that an auditor needs: rights together, API keys, last sign-in, metadata."""

import html
import re
from collections.abc import Callable

import pytest
from django.test import Client
from elasticsearch import Elasticsearch

from accounts.services import api_keys, errors, users
from accounts.services.client import PersonClient
from accounts.services.users import profiles
from local_cluster import basic
from tests.support.cast import PASSWORD
from tests.support.nodes import TestNode

FRAGMENT = {"HX-Request": "true", "HX-Target": "user-access"}


@pytest.fixture
def otto(signed_in: Callable[..., Client]) -> Client:
    return signed_in("otto")


def as_user(node: TestNode, username: str) -> Elasticsearch:
    """What they do elsewhere. Their keys outlive them, so each test that makes some has an owner of its own."""
    node.put_user(username, roles=["superuser"])
    return node.elastic.options(basic_auth=basic(username, PASSWORD))


def section(page: str, hook: str) -> str:
    """The text of one part of the page."""
    found = re.search(rf'data-test-subj="{hook}">(.*?)</section>', page, re.DOTALL)
    assert found
    return html.unescape(" ".join(re.sub(r"<[^>]*>", " ", found[1]).split()))


def access(client: Client, username: str) -> str:
    response = client.get(f"/users/access/{username}")
    assert response.status_code == 200
    return response.content.decode()


def test_access_part_is_loaded_on_request(node: TestNode, otto: Client, calls: list[str]) -> None:
    node.put_user("jdoe", roles=["viewer"])
    calls.clear()
    page = otto.get("/users/edit/jdoe").content.decode()
    assert not [call for call in calls if "api_key" in call or "profile" in call]
    assert 'hx-get="/users/access/jdoe" hx-trigger="load"' in page
    assert '<a href="/users/access/jdoe">' in page, "without JavaScript it is a page"
    assert 'href="/roles/view/viewer"' in page
    fragment = otto.get("/users/access/jdoe", headers=FRAGMENT).content.decode()
    assert "<html" not in fragment
    assert "userGrants" in fragment


def test_what_the_roles_grant_together(node: TestNode, otto: Client) -> None:
    node.elastic.security.put_role(name="watch", cluster=["monitor"], run_as=["x*"])
    node.elastic.security.put_role(name="audit", cluster=["read_security", "monitor"])
    node.put_user("jdoe", roles=["watch", "audit", "nope"])
    grants = section(access(otto, "jdoe"), "userGrants")
    assert "View users, roles, and API keys read_security Granted by audit" in grants
    assert re.search(r"View cluster state and settings monitor Includes .* Granted by watch audit", grants)
    assert "Run as privileges x* Granted by watch" in grants
    assert "Combined, these cluster privileges also include read_ccr." in grants
    assert "Role nope doesn't exist and grants no privileges, unless it is defined in a file (roles.yml)" in grants


def test_api_keys_and_that_they_outlive_their_owner(node: TestNode, otto: Client) -> None:
    as_outlived = as_user(node, "outlived")
    assert section(access(otto, "outlived"), "userApiKeys").startswith("API keys No API keys.")
    as_outlived.security.create_api_key(name="ends", expiration="30d", refresh=True)
    as_outlived.security.create_api_key(name="<b>stays</b>", refresh=True)
    dead = as_outlived.security.create_api_key(name="dead", refresh=True)
    as_outlived.security.invalidate_api_key(ids=[dead["id"]])
    page = access(otto, "outlived")
    keys = section(page, "userApiKeys")
    assert re.search(r"<b>stays</b> 20\S+ \S+ UTC Never Active ends 20\S+ \S+ UTC 20\S+ \S+ UTC Active dead .* Revoked", keys)
    assert "API keys keep working after their owner is deactivated or deleted" in keys
    assert "<b>" not in page
    node.elastic.security.disable_user(username="outlived")
    assert "stays" in access(otto, "outlived")


def test_keys_of_reserved_users(node: TestNode, person: Callable[[str], PersonClient]) -> None:
    otto = person("otto")
    before = {key.id for key in api_keys.of_user(otto, users.get(otto, "elastic")).keys}
    made = node.elastic.security.create_api_key(name="of elastic", refresh=True)
    assert {key.id for key in api_keys.of_user(otto, users.get(otto, "elastic")).keys} == before | {made["id"]}
    node.elastic.security.invalidate_api_key(ids=[made["id"]])
    node.put_user("*")
    assert api_keys.of_user(otto, users.get(otto, "*")) == api_keys.ApiKeys([], 0)


def test_more_keys_than_are_shown_are_counted(
    node: TestNode, person: Callable[[str], PersonClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_keys.keys, "MAX_SHOWN", 2)
    collector = as_user(node, "collector")
    for number in range(3):
        collector.security.create_api_key(name=f"key {number}", refresh=True)
    keys = api_keys.of_user(person("otto"), users.get(person("otto"), "collector"))
    assert [key.name for key in keys.keys] == ["key 2", "key 1"]
    assert keys.more == 1


def test_the_last_sign_in_to_kibana(node: TestNode, otto: Client, person: Callable[[str], PersonClient]) -> None:
    node.put_user("amy", roles=["viewer"])
    assert "No information" in section(access(otto, "amy"), "userLastSignIn"), "also before anybody has a profile"
    assert "No information" in section(access(otto, "kibana"), "userLastSignIn")
    for username, password in (("amy", PASSWORD), ("elastic", node.elastic_password)):
        profile = node.elastic.security.activate_user_profile(grant_type="password", username=username, password=password)
        moment = profiles.last_sign_in(person("otto"), users.get(person("otto"), username))
        assert moment
        assert abs(moment.timestamp() * 1000 - profile["last_synchronized"]) < 1
        assert f"{moment:%Y-%m-%d %H:%M} UTC" in section(access(otto, username), "userLastSignIn")


def test_metadata_is_escaped_without_internal_keys(node: TestNode, otto: Client) -> None:
    node.put_user("jdoe", metadata={"department": "<b>Sales</b>", "desk": {"floor": 2}})
    page = access(otto, "jdoe")
    assert 'department <b>Sales</b> desk { "floor": 2 }' in section(page, "userMetadata")
    assert "<b>" not in page
    assert section(access(otto, "elastic"), "userMetadata") == "Metadata No metadata."
    assert "_reserved" not in access(otto, "elastic")


def test_denied_sections_do_not_hide_others(node: TestNode, signed_in: Callable[..., Client]) -> None:
    """Somebody whose right was narrowed a moment ago: to users and roles, without keys and profiles."""
    node.elastic.security.put_role(name="narrow", cluster=["read_security"])
    node.put_user("nick", roles=["narrow"])
    nick = signed_in("nick")
    actions = [f"cluster:admin/xpack/security/{what}" for what in ("user/get", "user/query", "role/get")]
    node.elastic.security.put_role(name="narrow", cluster=actions)
    page = access(nick, "nick")
    assert section(page, "userApiKeys") == "API keys You don't have permission to view API keys."
    assert "user/query Granted by narrow" in section(page, "userGrants")
    assert "No information" in section(page, "userLastSignIn")


def test_a_part_that_cannot_be_read_leaves_the_others(node: TestNode, otto: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise errors.Unavailable("the node is busy")

    monkeypatch.setattr(api_keys, "of_user", fail)
    page = access(otto, "elastic")
    assert section(page, "userApiKeys") == "API keys Couldn't load this. Reload the page to try again."
    assert "superuser" in section(page, "userGrants")


def test_it_takes_few_calls(node: TestNode, otto: Client, calls: list[str]) -> None:
    node.put_user("jdoe", roles=["viewer", "editor"])
    calls.clear()
    access(otto, "jdoe")
    assert [call for call in calls if "usermgmt-sessions" not in call] == [
        "GET /_security/user/jdoe",
        "GET /_security/_authenticate",
        "GET /_security/role/viewer,editor",
        "POST /_security/_query/api_key",
        "POST /_security/_query/user",
    ]


def test_missing_user(otto: Client) -> None:
    assert otto.get("/users/access/gone").status_code == 404
