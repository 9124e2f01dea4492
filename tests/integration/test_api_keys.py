"""Revoking API keys: a user's by an administrator, and one's own; over HTTP."""

import html
import json
import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse
from elasticsearch import Elasticsearch
from pytest_django import Settings

from accounts.services import audit, errors, users
from accounts.services.api_keys import keys
from accounts.services.client import PersonClient
from local_cluster import basic
from tests.support.cast import PASSWORD
from tests.support.nodes import TestNode
from tests.support.traces import trail

SignIn = Callable[..., Client]


def make_keys(
    node: TestNode, username: str, *names: str, roles: tuple[str, ...] = ("superuser",)
) -> tuple[Elasticsearch, list[str]]:
    """Keys outlive their owner, so each test has owners of its own."""
    node.put_user(username, roles=list(roles))
    owner = node.elastic.options(basic_auth=basic(username, PASSWORD))
    return owner, [owner.security.create_api_key(name=name, refresh=True)["id"] for name in names]


def valid(node: TestNode, username: str) -> list[str]:
    keys = node.elastic.security.query_api_keys(query={"term": {"username": username}})["api_keys"]
    return sorted(key["name"] for key in keys if not key["invalidated"])


def text(page: bytes) -> str:
    return html.unescape(" ".join(re.sub(r"<[^>]*>", " ", page.decode()).split()))


def test_administrator_revokes_one_key(node: TestNode, signed_in: SignIn) -> None:
    _, [stays, goes] = make_keys(node, "kim.of.keys", "stays", "<goes>")
    ada = signed_in("ada")
    table = ada.get("/users/access/kim.of.keys").content.decode()
    assert f"/users/revoke-api-keys/kim.of.keys?id={goes}" in table

    asked = ada.get(f"/users/revoke-api-keys/kim.of.keys?id={goes}")
    assert "Revoke API key '<goes>'? This key belongs to kim.of.keys." in text(asked.content)
    assert stays not in asked.content.decode()
    assert valid(node, "kim.of.keys") == ["<goes>", "stays"]

    refused = ada.post("/users/revoke-api-keys/kim.of.keys", {"id": goes, "reason": " "})
    assert (refused.status_code, "Enter a reason." in text(refused.content)) == (422, True)
    assert valid(node, "kim.of.keys") == ["<goes>", "stays"]

    response = ada.post("/users/revoke-api-keys/kim.of.keys", {"id": goes, "reason": "unused"})
    assert response.headers["Location"] == "/users/edit/kim.of.keys"
    assert "Revoked API key '<goes>'" in text(ada.get("/users/edit/kim.of.keys").content)
    assert valid(node, "kim.of.keys") == ["stays"]


def test_revoking_several_keys_is_recorded(node: TestNode, signed_in: SignIn) -> None:
    owner, ids = make_keys(node, "lee", "one", "two", "three")
    owner.security.create_api_key(name="runs out", expiration="1ms", refresh=True)
    owner.security.invalidate_api_key(ids=ids[:1])
    ada = signed_in("ada")

    asked = text(ada.get("/users/revoke-api-keys/lee").content)
    assert "Revoke 2 API keys?" in asked
    assert "three two" in asked

    ada.post("/users/revoke-api-keys/lee", {"id": ids[1:], "reason": "Left the <team>"})

    assert valid(node, "lee") == ["runs out"]
    node.elastic.indices.refresh(index="usermgmt-audit-*", expand_wildcards="all")
    events = [audit.of_target("api_key", key).events for key in ids]
    assert [len(each) for each in events] == [0, 1, 1]
    event = events[1][0]
    assert (event.action, event.actor.username, event.outcome) == ("api-key-invalidate", "ada", "success")
    assert event.details == {"name": "two", "owner": "lee", "stated_reason": "Left the <team>"}


def test_keys_that_kibana_works_with_are_told_apart(node: TestNode, signed_in: SignIn) -> None:
    owner, [own] = make_keys(node, "rula", "own")
    metadata = {"managed": True, "kibana": {"type": "alerting_rule"}}
    managed = owner.security.create_api_key(name="rule key", metadata=metadata, refresh=True)["id"]
    ada = signed_in("ada")
    page = ada.get("/users/access/rula").content.decode()
    assert page.count("Kibana works with this key") == 1

    for ids, words in (
        ([], "Kibana works with 1 of these keys. What it runs with it, such as alerting rules, fails until"),
        ([managed], "Kibana works with this key."),
    ):
        assert words in text(ada.get("/users/revoke-api-keys/rula", {"id": ids}).content)
    others = f"/users/revoke-api-keys/rula?id={own}"
    assert f'href="{others}"' in ada.get("/users/revoke-api-keys/rula").content.decode()
    assert "Kibana" not in text(ada.get(others).content)


def test_key_of_a_rule_is_known_by_its_name(node: TestNode, signed_in: SignIn) -> None:
    make_keys(node, "rulf", "Alerting: .es-query/disk", "Alerting")
    page = text(signed_in("ada").get("/users/revoke-api-keys/rulf").content)
    assert "Kibana works with 1 of these keys." in page


def test_key_of_another_owner_is_not_revoked(node: TestNode, signed_in: SignIn) -> None:
    make_keys(node, "moe", "of moe")
    _, [key] = make_keys(node, "ned", "of ned")
    ada = signed_in("ada")

    for data in ({"id": key}, {"id": "no-such-key"}, {}):
        response = ada.post("/users/revoke-api-keys/moe", data)
        assert response.status_code == 409
        assert "None of the selected API keys is active anymore." in text(response.content)
    assert valid(node, "moe") == ["of moe"]
    assert valid(node, "ned") == ["of ned"]


def test_read_only_user_cant_revoke_keys(node: TestNode, signed_in: SignIn) -> None:
    _, [key] = make_keys(node, "oda", "of oda")
    otto = signed_in("otto")
    assert "revoke" not in otto.get("/users/access/oda").content.decode().replace("until they expire or are revoked", "")
    assert otto.get("/users/revoke-api-keys/oda").status_code == 403
    assert otto.post("/users/revoke-api-keys/oda", {"id": key}).status_code == 403
    assert valid(node, "oda") == ["of oda"]


def test_revoke_own_keys(node: TestNode, signed_in: SignIn) -> None:
    node.elastic.security.put_role(name="own_keys", cluster=["manage_own_api_key"])
    _, [key] = make_keys(node, "pia", "of pia", roles=("own_keys",))
    _, [other] = make_keys(node, "quin", "of quin")
    pia = signed_in("pia")
    assert f'href="/account/revoke-api-keys?id={key}"' in pia.get("/account/api-keys").content.decode()

    assert pia.post("/account/revoke-api-keys", {"id": other}).status_code == 409
    assert pia.post("/account/revoke-api-keys", {"id": key}).headers["Location"] == "/account/api-keys"

    assert "Revoked API key 'of pia'" in text(pia.get("/account/api-keys").content)
    assert (valid(node, "pia"), valid(node, "quin")) == ([], ["of quin"])


def test_own_keys_without_privilege(node: TestNode, signed_in: SignIn) -> None:
    norah = signed_in("norah")
    page = norah.get("/account/api-keys")
    assert "lacks the cluster privilege manage_own_api_key" in text(page.content)
    assert norah.post("/account/revoke-api-keys", {"id": "x"}).status_code == 403


def test_revoking_the_products_own_key_is_warned_of(node: TestNode, signed_in: SignIn) -> None:
    page = text(signed_in("ada").get("/users/revoke-api-keys/usermgmt_service").content)
    assert "usermgmt itself uses an API key of this user and stops working without it." in page


@pytest.mark.parametrize("username", ["a/b c", "x,y", ".."])
def test_odd_names(node: TestNode, signed_in: SignIn, username: str) -> None:
    make_keys(node, username, "odd")
    ada = signed_in("ada")
    links = re.findall(r'href="([^"]+[?]id=[^"]+)"', ada.get(reverse("user_access", args=[username])).content.decode())
    assert len(links) == 1
    url, key = links[0].split("?id=")
    assert ada.post(url, {"id": key, "reason": "unused"}).status_code == 302
    assert valid(node, username) == []


def test_keys_behind_those_of_the_same_name_in_another_realm(
    node: TestNode, person: Callable[[str], PersonClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("mine", "of another realm 1", "of another realm 2", "of another realm 3"):
        make_keys(node, "svc", name)
    monkeypatch.setattr(keys, "READ_AT_ONCE", 2)
    monkeypatch.setattr(keys, "MAX_REVOKED", 2)
    monkeypatch.setattr(keys.Owner, "owns", lambda self, body: body["name"] == "mine")
    result = keys.revoke_all(person("ada"), keys.Owner("svc", ("realm_type", "native")), "test")
    assert ([key.name for key in result.revoked], result.is_complete) == (["mine"], True)
    monkeypatch.setattr(keys, "MAX_SEARCHED", 2)
    with pytest.raises(errors.Unavailable):
        keys.revoke_all(person("ada"), keys.Owner("svc", ("realm_type", "native")), "test")


def test_key_of_a_built_in_user_who_is_gone(node: TestNode, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reserved realm was turned off."""
    node.elastic.security.change_password(username="apm_system", password=PASSWORD)
    node.elastic.security.grant_api_key(
        grant_type="password", username="apm_system", password=PASSWORD, api_key={"name": "of a built-in user"}, refresh=True
    )

    def missing(_: object, username: str) -> None:
        raise errors.NotFound(username)

    monkeypatch.setattr(users, "get", missing)
    ada = signed_in("ada")
    page = ada.get("/users/revoke-api-keys/apm_system")
    assert "of a built-in user" in text(page.content)
    ids = re.findall(r'name="id" value="([^"]+)"', page.content.decode())
    assert ada.post("/users/revoke-api-keys/apm_system", {"id": ids, "reason": "unused"}).status_code == 302
    assert valid(node, "apm_system") == []
    assert ada.get("/users/revoke-api-keys/apm_system").status_code == 404


def test_key_for_a_program_is_shown_once(node: TestNode, signed_in: SignIn, caplog: pytest.LogCaptureFixture) -> None:
    node.put_user("ann.of.scripts", roles=["user_admin"])
    ann = signed_in("ann.of.scripts")
    assert "Create API key" in text(ann.get("/account/api-keys").content)
    page = ann.post("/account/create-api-key", {"name": "rotation", "privilege": "manage_security", "days": "30"})
    assert (page.status_code, page.headers["Cache-Control"]) == (200, "no-store")
    [encoded] = re.findall(r'value="([^"]+)" readonly', page.content.decode())

    key = node.elastic.options(headers={"authorization": f"ApiKey {encoded}"}).security
    [body] = node.elastic.security.query_api_keys(query={"term": {"username": "ann.of.scripts"}})["api_keys"]
    assert key.get_user(username="ann.of.scripts")
    assert not key.has_privileges(cluster=["monitor"])["has_all_requested"]
    assert body["role_descriptors"]["users"]["cluster"] == ["manage_security"]
    assert body["expiration"] - body["creation"] == 30 * 24 * 3600 * 1000

    events = trail(node, target="rotation")
    assert [(event.action, event.outcome) for event in events] == [("api-key-create", "success")]
    assert events[0].details == {"privilege": "manage_security", "expiration": "30 days", "key_id": body["id"]}
    assert encoded not in ann.get("/account/api-keys").content.decode() + ann.get("/account/create-api-key").content.decode()
    assert encoded not in caplog.text + json.dumps([event.document() for event in events])


def test_key_of_an_auditor_can_only_read(node: TestNode, signed_in: SignIn) -> None:
    """Without the privilege for own API keys, Elasticsearch declines."""
    otto = signed_in("otto")
    forged = otto.post("/account/create-api-key", {"name": "x", "privilege": "manage_security", "days": "30"})
    declined = otto.post("/account/create-api-key", {"name": "x", "privilege": "read_security", "days": "30"})
    assert (forged.status_code, declined.status_code) == (422, 422)
    assert "lacks the cluster privilege manage_own_api_key" in text(declined.content)
    assert valid(node, "otto") == []


@pytest.mark.parametrize("base", ["", "/es-users"])
def test_example_has_the_address_of_the_user_api(signed_in: SignIn, settings: Settings, base: str) -> None:
    ada = signed_in("ada")
    settings.BASE_PATH = base
    page = html.unescape(ada.get("/account/user-api").content.decode())
    assert f"curl -u ada -X POST http://testserver{base}/_security/user/user1/_password " in page
    assert f'href="{base}/_security/openapi.json"' in page
