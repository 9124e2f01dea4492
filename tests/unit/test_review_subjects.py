"""What reviews can be about, without a node: rows, filters, and documents."""

from datetime import date, datetime
from typing import Any

import pytest
from django.http import QueryDict
from django.template.loader import render_to_string

from accounts.forms.compare import ReviewsForm
from accounts.forms.reviews import KeyFilterForm, MappingFilterForm, SubjectForm
from accounts.services.api_keys import ApiKeyQuery
from accounts.services.compare.differences import compare
from accounts.services.compare.reviews import _entry
from accounts.services.errors import DocumentDamaged
from accounts.services.request_context import Actor
from accounts.services.reviews import Item, KeyFilter, MappingFilter, Review
from accounts.services.reviews.subjects import API_KEYS, ROLE_MAPPINGS, SUBJECTS, USERS, Query, of_query
from accounts.services.reviews.subjects.api_keys import row_of
from accounts.services.role_mappings import MappingQuery

SUPERUSER = {"superuser": {"cluster": ["all"], "indices": [], "run_as": ["*"]}}
VIEWER = {"viewer": {"cluster": ["monitor"], "indices": [{"names": ["logs-*"], "privileges": ["read"]}]}}


def key(**more: Any) -> dict[str, Any]:
    body = {"id": "k1", "name": "deploy", "creation": 1_700_000_000_123, "invalidated": False, "username": "ada", "type": "rest"}
    return {**body, "realm": "ldap1", "role_descriptors": {}, "limited_by": [VIEWER], **more}


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (KeyFilter(), "active API keys, sorted by owner and creation"),
        (KeyFilter(date(2025, 11, 28)), "active API keys, created before 2025-11-28, sorted by owner and creation"),
        (KeyFilter(never_expires=True), "active API keys that never expire, sorted by owner and creation"),
        (MappingFilter(), "enabled role mappings, sorted by name"),
        (MappingFilter(is_enabled=False), "all role mappings, sorted by name"),
    ],
)
def test_a_query_is_described_and_survives_its_document(query: Query, words: str) -> None:
    subject = of_query(query)
    assert subject.describe(query) == words
    kept = subject.loaded(subject.stored(query))
    assert (subject.describe(kept), subject.stored(kept)) == (words, subject.stored(query))


def test_a_key_without_own_privileges_has_those_of_its_owner() -> None:
    row = row_of(key(limited_by=[SUPERUSER]))
    assert (row["has_own_privileges"], row["can_become_administrator"], row["limited_by"]) == (False, True, [])
    assert row["privileges"] == [
        "Cluster privileges: full control of the cluster, including users and roles (all)",
        "Run as privileges: Any user (*)",
    ]
    assert row["escalations"][0] == "Can manage users and roles (all)"
    assert (row["created"], row["expires"]) == ("2023-11-14T22:13:20.123+00:00", "never")


@pytest.mark.parametrize(
    ("own", "limit", "answer"),
    [
        (VIEWER, SUPERUSER, False),
        (SUPERUSER, VIEWER, False),
        (SUPERUSER, SUPERUSER, True),
        ({"none": {}}, SUPERUSER, False),
    ],
)
def test_a_key_can_only_do_what_both_allow(own: dict[str, Any], limit: dict[str, Any], answer: bool | None) -> None:
    row = row_of(key(role_descriptors=own, limited_by=[limit]))
    assert (row["has_own_privileges"], row["can_become_administrator"]) == (True, answer)


def test_a_changed_key_is_not_the_one_of_the_snapshot() -> None:
    before = row_of(key())
    assert API_KEYS.changed(before, row_of(key())) == []
    now = row_of(key(role_descriptors=VIEWER, expiration=1_900_000_000_000))
    assert API_KEYS.changed(before, now) == ["Expires", "Own privileges", "Limited by"]


def test_own_keys_are_those_of_the_same_realm() -> None:
    row = row_of(key())
    assert API_KEYS.is_own(row, Actor("ada", "ldap1", "ldap"))
    assert not API_KEYS.is_own(row, Actor("ada", "default_native", "native"))
    assert not ROLE_MAPPINGS.is_own({"name": "ada"}, Actor("ada", "default_native", "native"))


def test_keys_of_the_same_name_are_told_apart() -> None:
    one, other = (Item("r", 1, row_of(key(id=id)), subject=API_KEYS) for id in ("k1", "k2"))
    assert (one.name, other.name) == ("deploy (k1)", "deploy (k2)")
    assert API_KEYS.name(row_of(key(name=None))) == "k1"


def review_hit(id: str, **more: Any) -> dict[str, Any]:
    """A review as versions stored it that knew no other subject than users."""
    head = {"title": id, "by": "otto", "filter": "all users", "query": {}, "state": "open", "expected": 1, "signer": ""}
    empty: dict[str, Any] = {"due": None, "reviewers": [], "snapshot": None, "sign_off": None}
    return {"_id": id, "_source": {**head, **empty, "created": "2026-01-01T00:00:00+00:00", **more}}


def test_documents_of_earlier_versions_are_about_users() -> None:
    source = {"review": "r", "number": 1, "row": {"username": "ada"}, "decision": None, "locked": False}
    item = Item.of({"_source": source})
    assert (item.subject, item.identity, item.name) == (USERS, "ada", "ada")
    review = Review.of(review_hit("r"))
    assert review.subject is USERS
    assert review.cancellation is None
    assert Review.of({"_id": "r", "_source": review.document()}) == review


def test_what_is_canceled_is_never_signed_off() -> None:
    """Another program has written such a document."""
    at = "2026-01-02T00:00:00+00:00"
    cancellation = {"by": "otto", "realm": "default_native", "at": at, "reason": "x", "event": "e"}
    sign_off = {"by": "otto", "realm": "default_native", "at": at, "sha256": "0", "event": "e", "counts": {}}
    canceled = Review.of(review_hit("r", state="canceled", cancellation=cancellation))
    assert (canceled.ended, canceled.has_snapshot, canceled.is_overdue) == (datetime.fromisoformat(at), False, False)
    assert Review.of({"_id": "r", "_source": canceled.document()}) == canceled
    for damaged in (
        {"state": "canceled"},
        {"cancellation": cancellation},
        {"state": "canceled", "cancellation": cancellation, "sign_off": sign_off},
        {"state": "canceled", "cancellation": {**cancellation, "event": "../x"}},
        {"state": "canceled", "cancellation": {**cancellation, "at": "soon"}},
    ):
        with pytest.raises(DocumentDamaged):
            Review.of(review_hit("r", **damaged))


@pytest.mark.parametrize("subject", SUBJECTS.values())
def test_subjects_are_complete(subject: Any) -> None:
    named = {subject.identity, *subject.order, *subject.compared, *subject.searched}
    assert named <= set(subject.columns)
    assert {"keep", "remove"} <= set(subject.decisions)
    assert subject.removals
    item = Item("r", 1, {**dict.fromkeys(subject.columns), subject.identity: "x", "name": "x"}, subject=subject)
    assert Item.of({"_source": item.document()}).subject is subject


def test_forms_take_any_query_string() -> None:
    assert [SubjectForm({"subject": text}).slug() for text in ("", "api-keys", "burn")] == ["users", "api-keys", "users"]
    assert KeyFilterForm({"never_expires": "on"}).query() == KeyFilter(never_expires=True)
    assert KeyFilterForm({"older": "on"}).query().created_before is not None
    assert MappingFilterForm({}).query() == MappingFilter(is_enabled=True)
    assert MappingFilterForm({"disabled": "on"}).query() == MappingFilter(is_enabled=False)


@pytest.mark.parametrize(
    ("listed", "reviewed"),
    [
        (ApiKeyQuery(), KeyFilter()),
        (ApiKeyQuery(state="active", expiration="never"), KeyFilter(never_expires=True)),
        (ApiKeyQuery(state="revoked"), None),
        (ApiKeyQuery(q="deploy"), None),
        (ApiKeyQuery(realm="ldap1"), None),
        (ApiKeyQuery(administrator="yes"), None),
        (ApiKeyQuery(expiration="soon"), None),
        (MappingQuery(), MappingFilter(is_enabled=False)),
        (MappingQuery(status="enabled", sort="status"), MappingFilter(is_enabled=True)),
        (MappingQuery(status="disabled"), None),
        (MappingQuery(q="ldap"), None),
    ],
)
def test_a_list_leads_to_a_review_of_what_it_shows(listed: ApiKeyQuery | MappingQuery, reviewed: object) -> None:
    form: Any = KeyFilterForm if isinstance(listed, ApiKeyQuery) else MappingFilterForm
    parameters = QueryDict(form.parameters(listed))
    assert (form(parameters).query() if parameters else None) == reviewed
    if reviewed:
        assert SubjectForm(parameters).slug() == of_query(reviewed).slug  # type: ignore[arg-type]


@pytest.mark.parametrize("template", [API_KEYS.item_template, API_KEYS.cells_template])
def test_names_have_their_own_direction(template: str) -> None:
    """A Hebrew name would move the realm beside it."""
    item = Item("r", 1, row_of(key(name="מפתח", username="דנה", realm="ldap-1")), subject=API_KEYS)
    page = render_to_string(template, {"item": item, "row": item.row, "number": 1})
    assert all(f"<bdi>{name}</bdi>" in page for name in ("מפתח", "דנה", "ldap-1"))


def test_old_keys_of_a_list() -> None:
    before = KeyFilterForm(QueryDict(KeyFilterForm.parameters(ApiKeyQuery(is_old=True)))).query().created_before
    assert before == KeyFilterForm({"older": "on"}).query().created_before is not None


def test_comparison_of_keys() -> None:
    def entry(**more: Any) -> Any:
        return _entry(Item("r", 1, row_of(key(**more)), subject=API_KEYS))

    found = compare([entry(), entry(id="k2")], [entry(limited_by=[SUPERUSER]), entry(id="k3")])
    assert [(each.kind, each.name) for each in found.differences] == [
        ("changed", "deploy (k1)"),
        ("removed", "deploy (k2)"),
        ("added", "deploy (k3)"),
    ]
    fields = {field.name: field for field in found.differences[0].fields}
    assert (fields["Can become an administrator"].before, fields["Can become an administrator"].after) == ("no", "yes")
    assert "Run as privileges: Any user (*)" in fields["Privileges"].added
    assert compare([entry()], [entry()]).differences == []


def test_reviews_of_different_subjects_are_not_compared() -> None:
    subjects = {"a": "users", "b": "api-keys", "c": "users"}
    offered = [Review.of(review_hit(id, subject=subject)) for id, subject in subjects.items()]
    form = ReviewsForm({"one": "a", "other": "b"}, offered=offered)
    assert form.errors == {
        "other": ["Choose two reviews of the same subject. The first one is about users, the second one about API keys."]
    }
    assert ReviewsForm({"one": "a", "other": "c"}, offered=offered).is_valid()
    assert ReviewsForm(offered=offered).initial == {"one": "c", "other": "a"}
