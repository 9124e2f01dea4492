"""Reviews of API keys and of role mappings on a real node: from the snapshot to the report that proves the removals."""

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, timedelta

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.services import audit, reviews
from accounts.services.client import PersonClient, service_client
from accounts.services.documents import indices
from accounts.services.reviews import Item, KeyFilter, MappingFilter, Review, store
from tests.support.cast import PASSWORD
from tests.support.faults import faulty
from tests.support.nodes import TestNode
from tests.support.reviews import confirmed, decide, start_review

MONITOR = {"monitor": {"cluster": ["monitor"]}}
SAML = {"field": {"realm.name": "saml1"}}


@pytest.fixture
def keys(node: TestNode, person: Callable[[str], PersonClient]) -> Iterator[dict[str, str]]:
    """The IDs of two keys that ada and one that otto owns, by name."""
    ada = person("ada")
    ada.invalidate_api_key(owner=True)
    made = {
        "kept": ada.create_api_key(name="kept", role_descriptors=MONITOR, refresh=True),
        "leaving": ada.create_api_key(name="leaving", expiration="400d", refresh=True),
        "own": ada.grant_api_key(grant_type="password", username="otto", password=PASSWORD, api_key={"name": "own"}, refresh=True),
    }
    yield {name: answer["id"] for name, answer in made.items()}
    for owner in ("ada", "otto"):
        node.elastic.security.invalidate_api_key(username=owner)


@pytest.fixture
def mappings(node: TestNode) -> Iterator[None]:
    security = node.elastic.security
    for name, roles in {"boss": ["superuser"], "gone": ["viewer", "nope"], "kept": ["viewer"], "off": ["viewer"]}.items():
        security.put_role_mapping(name=name, roles=roles, rules=SAML, enabled=name != "off", metadata={"team": name})
    yield
    for name in security.get_role_mapping().body:
        security.delete_role_mapping(name=name)


def everything(review: Review) -> dict[str, Item]:
    """The items by name, without the ID."""
    store.refresh()
    return {item.row["name"]: item for item in reviews.all_items(review.id)}


def sign_off(client: Client, review: Review) -> Review:
    assert client.post(f"/reviews/sign-off/{review.id}", {"password": PASSWORD}).status_code == 302
    for _ in range(2):
        client.post(f"/reviews/job/{review.id}")
    return reviews.get(review.id)


def refresh(node: TestNode) -> None:
    node.elastic.indices.refresh(index=indices.AUDIT_PATTERN, expand_wildcards="all")


def downloaded(client: Client, review: Review) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(client.get(f"/reviews/download/{review.id}").getvalue()))


def decisions(archive: zipfile.ZipFile, name: str = "decisions.csv", separator: str = ",") -> dict[str, dict[str, str]]:
    rows = csv.DictReader(io.StringIO(archive.read(name).decode("utf-8-sig")), delimiter=separator)
    return {row["Name"]: row for row in rows}


def test_review_of_api_keys(
    node: TestNode,
    otto: PersonClient,
    keys: dict[str, str],
    signed_in: Callable[..., Client],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(store, "BATCH_SIZE", 2)
    monkeypatch.setattr("accounts.services.api_keys.pages.PAGE_SIZE", 2)
    auditor, administrator = signed_in("otto"), signed_in("ada")
    page = auditor.get("/reviews/create?subject=api-keys&never_expires=on").content.decode()
    assert "active API keys that never expire" in page
    started = auditor.post("/reviews/create?subject=api-keys", {"title": "Keys"})["Location"]
    review = reviews.get(started.rsplit("/", 1)[1])
    while review.state == "snapshotting":
        auditor.post(f"/reviews/job/{review.id}")
        review = reviews.get(review.id)
    assert review.snapshot
    assert (review.state, review.snapshot.is_complete) == ("open", True)

    monkeypatch.setattr(store, "BATCH_SIZE", 1000)
    monkeypatch.setattr("accounts.services.api_keys.pages.PAGE_SIZE", 1000)
    items, own_key = everything(review), service_client().key_id
    assert items["kept"].row["privileges"] == ["Cluster privileges: view cluster state and settings (monitor)"]
    assert (items["kept"].row["can_become_administrator"], items["leaving"].row["can_become_administrator"]) == (False, True)
    assert (items["leaving"].row["has_own_privileges"], items["kept"].row["expires"]) == (False, "never")
    assert "leaving" in auditor.get(f"/reviews/view/{review.id}?q=leav").content.decode()
    removed = {"leaving", *(name for name, item in items.items() if item.identity == own_key)}
    for name, item in items.items():
        decide(otto, review, item.number, "remove" if name in removed else "keep", "not needed" if name == "leaving" else "")
    refused = auditor.post(f"/reviews/decide/{review.id}", {"number": ["1"], "1-decision": "change", "1-seen": "1.1"})
    assert (refused.status_code, "Choose a decision." in refused.content.decode()) == (409, True)
    decided = everything(review)
    assert [(one := decided[name].decision) and one.own for name in ("own", "kept")] == [True, False]
    review = sign_off(auditor, review)

    url = f"/reviews/removals/{review.id}"
    assert auditor.post(url, {"action": "revoke"}).status_code == 403
    assert administrator.post(url, {"action": "delete"}).status_code == 400
    confirmation = administrator.get(f"/reviews/apply-removals/{review.id}?action=revoke").content.decode()
    assert f"<li>leaving ({keys['leaving']})</li>" in confirmation
    assert own_key not in confirmation, "usermgmt doesn't revoke its own key"
    assert administrator.post(url, confirmed(review, "revoke"))["Location"] == url
    found = {key["id"]: key for key in node.elastic.security.get_api_key().body["api_keys"]}
    assert [found[keys[name]]["invalidated"] for name in keys] == [False, True, False]
    assert not found[own_key]["invalidated"]

    refresh(node)
    assert "usermgmt itself uses this API key." in administrator.get(url).content.decode()
    event = audit.of_target("api_key", keys["leaving"]).events[0]
    assert (event.action, event.outcome, event.actor.username) == ("api-key-invalidate", "success", "ada")
    assert event.details["stated_reason"] == "Access review"
    report = auditor.get(f"/reviews/report/{review.id}").content.decode()
    assert "Revoke API key, Success: ada" in report
    assert event.id[:8] in report
    assert "Verified: the decisions match the sign-off" in auditor.get(f"/reviews/check/{review.id}").content.decode()
    archive = downloaded(auditor, review)
    for name, separator in (("decisions.csv", ","), ("decisions-semicolon.csv", ";")):
        row = decisions(archive, name, separator)["leaving"]
        assert (row["Decision"], row["Comment"], row["Status at download"]) == ("revoke", "not needed", "Revoked")
        assert (row["By"], row["Event"]) == ("ada", event.id)
    assert "Subject: API keys\nState: signed\n" in archive.read("completeness.txt").decode()
    assert len(archive.read("list.ndjson").splitlines()) == review.snapshot.rows  # type: ignore[union-attr]


def test_review_of_role_mappings(
    node: TestNode, otto: PersonClient, mappings: None, signed_in: Callable[..., Client], settings: Settings
) -> None:
    auditor, administrator = signed_in("otto"), signed_in("ada")
    review = start_review(otto, MappingFilter())
    items = everything(review)
    assert list(items) == ["boss", "gone", "kept"]
    assert (items["boss"].row["makes_administrators"], items["kept"].row["makes_administrators"]) == (True, False)
    assert (items["gone"].row["unknown_roles"], items["gone"].row["rule"]) == (["nope"], 'realm is "saml1"')
    page = auditor.get(f"/reviews/view/{review.id}?q=SAML1").content.decode()
    for text in ("boss", "Makes administrators", "realm is &quot;saml1&quot;", 'aria-label="Decision for kept"'):
        assert text in page
    for name, item in items.items():
        decide(otto, review, item.number, "keep" if name == "kept" else "remove")
    review = sign_off(auditor, review)

    node.elastic.security.put_role_mapping(name="gone", roles=["viewer"], rules=SAML, enabled=True, metadata={"team": "gone"})
    url = f"/reviews/removals/{review.id}"
    assert "Changed since the snapshot: roles" in auditor.get(url).content.decode()
    assert auditor.post(url, {"action": "disable"}).status_code == 403
    with faulty(node) as fault:
        settings.ELASTICSEARCH_HOSTS = [fault.url]
        fault.answers["PUT /_security/role_mapping/boss"] = 409
        assert signed_in("ada").post(url, confirmed(review, "disable"))["Location"] == url
    settings.ELASTICSEARCH_HOSTS = [node.url]
    found = node.elastic.security.get_role_mapping().body
    assert [found[name]["enabled"] for name in ("boss", "gone", "kept")] == [True, False, True], "one failed removal stops no other"
    assert found["gone"] == {"enabled": False, "roles": ["viewer"], "rules": SAML, "metadata": {"team": "gone"}}
    assert administrator.post(url, confirmed(review, "delete"))["Location"] == url
    assert list(node.elastic.security.get_role_mapping().body) == ["kept", "off"]

    refresh(node)
    report = auditor.get(f"/reviews/report/{review.id}").content.decode()
    assert "Disable role mapping, Success: ada" in report
    assert "Disable role mapping, Failure (Changed at the same time): ada" in report
    assert report.count("Delete role mapping, Success: ada") == 2
    deleted, disabled = audit.of_target("role_mapping", "gone").events
    assert (disabled.action, disabled.outcome, disabled.changes) == (
        "role-mapping-disable",
        "success",
        {"state": ("enabled", "disabled")},
    )
    assert (deleted.action, deleted.outcome) == ("role-mapping-delete", "success")
    assert deleted.changes["rules"] == ('realm is "saml1"', None), "the trail keeps what was deleted"
    archive = downloaded(auditor, review)
    rows = decisions(archive)
    assert [(rows[name]["Decision"], rows[name]["Status at download"]) for name in rows] == [
        ("remove", "Deleted"),
        ("remove", "Deleted"),
        ("keep", ""),
    ]
    assert json.loads(archive.read("list.ndjson").splitlines()[0])["rules"] == SAML

    later = start_review(otto, MappingFilter(is_enabled=False))
    refresh(node)
    assert list(everything(later)) == ["kept", "off"]
    page = auditor.get(f"/compare/reviews?one={later.id}&other={review.id}").content.decode()
    assert "ada (Delete role mapping, " in page
    lines = b"".join(auditor.get(f"/compare/reviews?one={later.id}&other={review.id}&format=csv")).decode()
    assert lines.startswith("\ufeffRole mapping,Change,")
    of_users = auditor.post("/reviews/create?q=ada", {"title": "Users"})["Location"].rsplit("/", 1)[1]
    for _ in range(2):
        auditor.post(f"/reviews/job/{of_users}")
    store.refresh()
    mixed = auditor.get(f"/compare/reviews?one={of_users}&other={review.id}")
    assert (mixed.status_code, "Choose two reviews of the same subject." in mixed.content.decode()) == (422, True)
    ids = re.findall(r'<(?:input|select)[^>]* id="([^"]+)"', mixed.content.decode())
    assert {"id_one", "id_review_one", "id_other", "id_review_other"} <= set(ids)
    assert len(ids) == len(set(ids))
    page = auditor.get("/reviews/").content.decode()
    assert "Role mappings · <bdi>enabled role mappings, sorted by name</bdi>" in page


def test_filters_of_keys(node: TestNode, otto: PersonClient, keys: dict[str, str]) -> None:
    tomorrow = date.today() + timedelta(days=1)
    assert "leaving" not in everything(start_review(otto, KeyFilter(never_expires=True)))
    assert {"kept", "leaving", "own"} <= everything(start_review(otto, KeyFilter(created_before=tomorrow))).keys()
    assert everything(start_review(otto, KeyFilter(created_before=date(2020, 1, 1)))) == {}
