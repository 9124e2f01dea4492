"""The list of all API keys and the page of one, over HTTP: filters, pages, what a key can do, revoking with a reason, export."""

import io
import json
import re
import secrets
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any, get_args

import pytest
from django.test import Client
from elasticsearch import Elasticsearch
from pytest_django import Settings

from accounts.services import api_keys, audit
from accounts.services.api_keys import ApiKeyQuery, listing
from accounts.services.api_keys.query import Sort
from accounts.services.client import PersonClient, invalidate
from local_cluster import basic
from tests.support.api_keys import rewrite
from tests.support.cast import PASSWORD
from tests.support.nodes import TestNode
from tests.support.pages import text

CREATES_USERS = {"own": {"cluster": ["cluster:admin/xpack/security/user/put"]}}
WATCHES = {"own": {"cluster": ["monitor"]}}


def owner(node: TestNode, username: str, *roles: str) -> Elasticsearch:
    node.put_user(username, roles=list(roles))
    return node.elastic.options(basic_auth=basic(username, PASSWORD))


@pytest.fixture
def kay() -> str:
    """Keys outlive their owner, so each test has an owner of its own."""
    return f"kay-{secrets.token_hex(4)}"


@pytest.fixture
def keys(node: TestNode, kay: str) -> Iterator[dict[str, str]]:
    """Their IDs by name: keys of every kind."""
    client = owner(node, kay, "user_admin").security
    made: dict[str, dict[str, Any]] = {
        "walk all": {},
        "walk creates": {"expiration": "10d", "role_descriptors": CREATES_USERS},
        "walk watches": {"expiration": "90d", "role_descriptors": WATCHES, "metadata": {"team": "<ops>"}},
        "walk expired": {"expiration": "1ms"},
        "walk revoked": {},
    }
    ids = {name: client.create_api_key(name=name, refresh=True, **body)["id"] for name, body in made.items()}
    client.invalidate_api_key(ids=[ids["walk revoked"]])
    rewrite(node, ids["walk watches"], creation_time=datetime.now(UTC) - timedelta(days=366))
    yield ids
    node.elastic.security.invalidate_api_key(ids=list(ids.values()))  # the demo's findings are counted


def named(page: str) -> list[str]:
    """The keys on a page of the list."""
    return re.findall(r'<th scope="row"[^>]*><a class="clamp" href="/api-keys/view/[^"]+">([^<]*)<', page)


def cells(page: str, name: str) -> str:
    """The row of a key."""
    start = page.index(f">{name}</a></th>")
    return page[start : page.index("</tr>", start)]


def test_list_and_filters(kay: str, keys: dict[str, str], signed_in: Callable[..., Client], calls: list[str]) -> None:
    otto = signed_in("otto")
    calls.clear()
    page = text(otto, f"/api-keys/?q={kay}&sort=name")
    assert calls.count("POST /_security/_query/api_key") == 2
    assert named(page) == ["walk all", "walk creates", "walk expired", "walk revoked", "walk watches"]
    assert "Showing 1\u20135 of 5" in page
    assert f'href="/users/history/{kay}"' in cells(page, "walk all"), "which is there for a deleted owner, too"
    for name, answer in (("walk all", "Yes"), ("walk creates", "Yes"), ("walk watches", "No")):
        assert re.search(rf">\s*{answer}\b", cells(page, name)), name
    assert "Can create and update users" in cells(page, "walk creates")

    for query, found in {
        "state=active&sort=-name": ["walk watches", "walk creates", "walk all"],
        "state=expired": ["walk expired"],
        "state=revoked": ["walk revoked"],
        "expires=never&sort=name": ["walk all", "walk revoked"],
        "expires=soon": ["walk creates"],
        "age=old": ["walk watches"],
        "realm=default_native&state=expired": ["walk expired"],
        "realm=elsewhere": [],
        "sort=expires": ["walk expired", "walk creates", "walk watches"],  # and those that never expire
    }.items():
        assert named(text(otto, f"/api-keys/?q={kay}&{query}"))[:3] == found[:3], query
    assert named(text(otto, f"/api-keys/?q={keys['walk all']}")) == ["walk all"]
    assert len(named(text(otto, f"/api-keys/?q={kay.upper()}+walk+all"))) == 1
    # The nodes of the tests run no scripts.
    assert "Elasticsearch finds the type of API keys with a script" in text(otto, "/api-keys/?type=cross_cluster", 400)
    assert "No API keys match the filters." in text(otto, "/api-keys/?q=nobody-has-this")
    assert (
        "<html"
        not in otto.get(f"/api-keys/?q={kay}", headers={"HX-Request": "true", "HX-Target": "api-keys-results"}).content.decode()
    )


def test_paging_there_and_back(
    kay: str, keys: dict[str, str], person: Callable[[str], PersonClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "BATCH_SIZE", 2)
    otto = person("otto")
    for sort, descending in product(get_args(Sort), (False, True)):
        query = ApiKeyQuery(q=kay, sort=sort, descending=descending, size=2)
        expected = [listed.key.id for batch in api_keys.batches(otto, query) for listed in batch]
        assert sorted(expected) == sorted(keys.values())
        page, pages = api_keys.find(otto, query), []
        while True:
            pages.append([row.key.id for row in page.rows])
            if not page.has_next:
                break
            page = api_keys.find(otto, replace(query, after=page.end, number=page.number + 1))
        assert [id for ids in pages for id in ids] == expected
        last = api_keys.find(otto, replace(query, last=True))
        assert [row.key.id for row in last.rows] == pages[-1]
        before = api_keys.find(otto, replace(query, before=last.start, number=last.number - 1))
        assert [row.key.id for row in before.rows] == pages[1]
        assert before.place == "2 of 3"


@pytest.fixture
def all_answers(node: TestNode, kay: str, keys: dict[str, str]) -> Iterator[dict[str, set[str]]]:
    """The names of keys by what is known of them; one of each owner is "walk maybe", of which it isn't known."""
    made = node.elastic.security.create_api_key(
        name=f"{kay} maybe", role_descriptors={"own": {"cluster": ["manage"]}}, refresh=True
    )
    yield {
        "yes": {"walk all", "walk creates", "walk expired", "walk revoked"},
        "unknown": {f"{kay} maybe"},
        "no": {"walk watches"},
    }
    node.elastic.security.invalidate_api_key(ids=[made["id"]])


def test_filter_by_what_keys_can_do(
    kay: str, all_answers: dict[str, set[str]], signed_in: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    otto = signed_in("otto")
    for answer, names in all_answers.items():
        query = f"q={kay}&administrator={answer}&sort=name"
        page = text(otto, f"/api-keys/?{query}")
        assert (set(named(page)), f"of {len(names)}<" in page) == (names, True)
        assert f"{len(names)} API key" in text(otto, f"/api-keys/export?{query}")
        with zipfile.ZipFile(io.BytesIO(b"".join(otto.post(f"/api-keys/export?{query}", {"format": "ndjson"})))) as archive:
            rows = [json.loads(line) for line in archive.read("api-keys.ndjson").splitlines()]
            manifest = json.loads(archive.read("completeness.json"))
        assert {row["name"] for row in rows} == names
        assert manifest["rows"] == manifest["count_before"] == manifest["count_after"] == len(names)
    assert named(text(otto, f"/api-keys/?q={kay}&administrator=yes&state=active&sort=name")) == ["walk all", "walk creates"]

    monkeypatch.setattr(listing, "MAX_READ", 5)
    assert "Too many API keys for this filter" in text(otto, f"/api-keys/?q={kay}&administrator=yes", 400)
    assert "5 API keys" not in text(otto, f"/api-keys/export?q={kay}&administrator=yes"), "an export has no limit"
    assert named(text(otto, f"/api-keys/?q={kay}&administrator=no&age=old")) == ["walk watches"]


def test_paging_with_a_filter_by_what_keys_can_do(
    kay: str, keys: dict[str, str], person: Callable[[str], PersonClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same pages as when Elasticsearch finds all of the keys."""
    monkeypatch.setattr(listing, "BATCH_SIZE", 2)
    monkeypatch.setattr(listing, "_fits", lambda body, query: True)
    otto = person("otto")
    for sort, descending in product(get_args(Sort), (False, True)):
        plain = ApiKeyQuery(q=kay, sort=sort, descending=descending, size=2)
        first = api_keys.find(otto, plain)
        second = replace(plain, after=first.end, number=2)
        third = replace(plain, after=api_keys.find(otto, second).end, number=3)
        back = replace(plain, before=api_keys.find(otto, third).start, number=2)
        for query in (plain, second, third, back, replace(plain, last=True), replace(third, after=first.end)):
            assert api_keys.find(otto, replace(query, administrator="yes")) == api_keys.find(otto, query)


def test_page_of_a_key(node: TestNode, kay: str, keys: dict[str, str], signed_in: Callable[..., Client]) -> None:
    otto = signed_in("otto")
    assert f'href="/api-keys/view/{keys["walk all"]}"' in text(otto, f"/users/access/{kay}")
    page = text(otto, f"/api-keys/view/{keys['walk creates']}")
    for words in ("Is an administrator, or can become one", "Can create and update users", "default_native (type native)"):
        assert words in page
    assert 'href="/roles/view/user_admin"' in page
    assert f'href="/users/edit/{kay}"' in page
    assert "The key can do nothing that its owner can't do today." in page
    assert "Revoke API key" not in page
    watching = text(otto, f"/api-keys/view/{keys['walk watches']}")
    assert "Not an administrator" in watching
    assert "<ops>" in watching
    revoked = text(otto, f"/api-keys/view/{keys['walk revoked']}")
    assert "Revoked</dt><dd><time" in revoked
    assert "The key was revoked, so it can't be used anymore." in revoked
    assert "The key has expired, so it can't be used anymore." in text(otto, f"/api-keys/view/{keys['walk expired']}")
    assert "This API key doesn't exist." in text(otto, "/api-keys/view/none", 404)

    node.put_user(kay, roles=["viewer"])
    page = text(otto, f"/api-keys/view/{keys['walk all']}")
    assert 'The owner doesn\'t have the role anymore: <a href="/roles/view/user_admin">user_admin</a>' in page
    assert "<code>manage_security</code>" in page[page.index("The key can do more than its owner") : page.index("Own privileges")]
    assert "The key can do nothing that its owner can't do today." in text(otto, f"/api-keys/view/{keys['walk watches']}")
    node.elastic.security.disable_user(username=kay)
    deactivated = text(otto, f"/api-keys/view/{keys['walk watches']}")
    assert "The owner is deactivated and can't do anything. The key can still do everything below." in deactivated
    node.elastic.security.delete_user(username=kay)
    assert "The owner was deleted." in text(otto, f"/api-keys/view/{keys['walk all']}")
    assert "The owner was deleted." not in text(otto, f"/api-keys/view/{keys['walk revoked']}")
    rewrite(node, keys["walk all"], creator={"realm": "gone", "realm_type": "ldap"})
    assert "Not known. Elasticsearch has no information about the roles of users of the realm gone." in text(
        otto, f"/api-keys/view/{keys['walk all']}"
    )


def test_revoking_with_a_reason(node: TestNode, kay: str, keys: dict[str, str], signed_in: Callable[..., Client]) -> None:
    id, ada, otto = keys["walk all"], signed_in("ada"), signed_in("otto")
    url = f"/api-keys/revoke/{id}"
    assert f'href="{url}"' in text(ada, f"/api-keys/view/{id}")
    assert f"This key belongs to {kay} of the realm default_native." in text(ada, url)
    for refused in (otto.get(url), otto.post(url, {"reason": "mine"})):
        assert refused.status_code == 403
    assert ada.post(url, {"reason": " "}).status_code == 422
    assert "Active" in text(otto, f"/api-keys/view/{id}")

    response = ada.post(url, {"reason": "Leaked in <a log>"})
    assert (response.status_code, response.headers["Location"]) == (302, f"/api-keys/view/{id}")
    assert ">Revoked<" in text(otto, f"/api-keys/view/{id}")
    node.elastic.indices.refresh(index="usermgmt-audit-*", expand_wildcards="all")
    [event] = audit.of_target("api_key", id).events
    assert (event.action, event.actor.username, event.outcome) == ("api-key-invalidate", "ada", "success")
    assert event.details == {"name": "walk all", "owner": kay, "stated_reason": "Leaked in <a log>"}
    assert "Reason: Leaked in <a log>" in text(otto, f"/audit/event/{event.id}")
    assert ada.post(url, {"reason": "again"}).status_code == 409


def test_numbers_are_cached_until_a_key_changes(
    node: TestNode, keys: dict[str, str], signed_in: Callable[..., Client], settings: Settings, calls: list[str]
) -> None:
    settings.CACHE_SECONDS = 60
    invalidate()
    ada = signed_in("ada")

    def numbers() -> tuple[int, int, int]:
        """The active and the revoked keys, and the calls."""
        calls.clear()
        found = re.findall(r">(?:Active|Revoked) \(([\d,]+)\)<", text(ada, "/api-keys/"))
        active, revoked = (int(number.replace(",", "")) for number in found)
        return active, revoked, calls.count("POST /_security/_query/api_key")

    active, revoked, _ = numbers()
    assert numbers() == (active, revoked, 1)
    ada.post(f"/api-keys/revoke/{keys['walk all']}", {"reason": "unused"})
    assert numbers() == (active - 1, revoked + 1, 2)
    ada.post("/account/create-api-key", {"name": "counted", "privilege": "read_security", "days": "7"})
    assert numbers() == (active, revoked + 1, 2)
    node.elastic.security.invalidate_api_key(name="counted")
    invalidate()


def test_owner_and_manager_of_keys_revoke_without_managing_users(node: TestNode, signed_in: Callable[..., Client]) -> None:
    node.elastic.security.put_role(name="keeps_keys", cluster=["manage_own_api_key"])
    node.elastic.security.put_role(name="rules_keys", cluster=["manage_api_key", "read_security"])
    key = owner(node, "own", "keeps_keys").security.create_api_key(name="mine", refresh=True)["id"]
    other = owner(node, "ruler", "rules_keys").security.create_api_key(name="theirs", refresh=True)["id"]
    own, ruler = signed_in("own"), signed_in("ruler")
    assert own.get(f"/api-keys/revoke/{other}").status_code == 404
    assert own.post(f"/api-keys/revoke/{key}", {"reason": "unused"}).headers["Location"] == "/account/api-keys"
    key = node.elastic.options(basic_auth=basic("own", PASSWORD)).security.create_api_key(name="mine", refresh=True)["id"]
    assert "Revoke API key" in text(ruler, f"/api-keys/view/{key}")
    assert ruler.post(f"/api-keys/revoke/{key}", {"reason": "not needed"}).status_code == 302
    assert node.elastic.security.get_api_key(id=key)["api_keys"][0]["invalidated"]
    for role in ("keeps_keys", "rules_keys"):
        node.elastic.security.delete_role(name=role)
    node.elastic.security.invalidate_api_key(ids=[other])


def test_export_and_print(node: TestNode, kay: str, keys: dict[str, str], signed_in: Callable[..., Client]) -> None:
    otto = signed_in("otto")
    url = f"/api-keys/export?q={kay}&sort=name"
    assert "5 API keys" in text(otto, url)
    with zipfile.ZipFile(io.BytesIO(b"".join(otto.post(url, {"format": "ndjson"})))) as archive:
        rows = [json.loads(line) for line in archive.read("api-keys.ndjson").splitlines()]
        manifest = json.loads(archive.read("completeness.json"))
    assert [row["name"] for row in rows] == ["walk all", "walk creates", "walk expired", "walk revoked", "walk watches"]
    everything, creates, _, revoked, watches = rows
    assert (everything["id"], everything["owner"], everything["realm"]) == (keys["walk all"], kay, "default_native")
    assert (everything["expires"], everything["state"], everything["can_become_administrator"]) == ("never", "Active", True)
    assert everything["owner_roles"] == ["user_admin"]
    assert creates["paths"] == "Can create and update users (cluster:admin/xpack/security/user/put)"
    assert (revoked["state"], watches["can_become_administrator"], watches["metadata"]) == ("Revoked", False, {"team": "<ops>"})
    assert (manifest["rows"], manifest["count_before"], manifest["count_after"]) == (5, 5, 5)
    assert "<td>walk watches</td>" in text(otto, f"/api-keys/print?q={kay}&sort=name").replace("&lt;", "<")
