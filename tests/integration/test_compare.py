"""Comparing user lists, with the privileges of an auditor."""

import html
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.services import audit, compare, errors, exports, reviews, users
from accounts.services.client import PersonClient
from accounts.services.compare import exports as compare_exports
from accounts.services.compare import limits
from accounts.services.compare.differences import Field
from accounts.services.documents import indices
from accounts.services.users import User, UserQuery
from tests.support.cast import PASSWORD
from tests.support.nodes import TestNode
from tests.support.reviews import start_review


@pytest.fixture
def ada(person: Callable[[str], PersonClient]) -> PersonClient:
    return person("ada")


@pytest.fixture
def otto(person: Callable[[str], PersonClient]) -> PersonClient:
    return person("otto")


def refresh(node: TestNode) -> datetime:
    """All that happened can be found; the moment after it."""
    node.elastic.indices.refresh(index=indices.AUDIT_PATTERN, expand_wildcards="all", ignore_unavailable=True)
    return datetime.now(UTC)


def test_added_removed_and_changed_users(node: TestNode, ada: PersonClient, otto: PersonClient) -> None:
    for name in ("goes", "rises", "stays"):
        node.put_user(name, roles=["viewer"], full_name="Jane", email=f"{name}@example.org")
    was = users.get(ada, "rises")
    since = refresh(node)
    users.create(ada, User("comes", roles=("viewer",)), PASSWORD)
    users.update(ada, was, User("rises", "Jane", "new@example.org", ("editor", "user_admin")))
    users.disable(ada, "rises")
    users.delete(ada, "goes")
    users.create(ada, User("passes"), PASSWORD)
    users.delete(ada, "passes")
    users.disable(ada, "stays")
    users.enable(ada, "stays")
    refresh(node)

    past = compare.between(otto, since)
    found = {each.name: each for each in past.comparison.differences}
    assert {name: each.kind for name, each in found.items()} == {"comes": "added", "goes": "removed", "rises": "changed"}
    assert found["rises"].fields == (
        Field("Roles", "viewer", "editor, user_admin", ["editor", "user_admin"], ["viewer"]),
        Field("Status", "Active", "Deactivated"),
        Field("Can manage users", "no", "yes"),
        Field("Email address", "rises@example.org", "new@example.org"),
    )
    assert [who.rpartition(", ")[0] for who in found["rises"].by] == ["ada (Update user", "ada (Deactivate user"]
    assert Field("Email address", "goes@example.org", "") in found["goes"].fields
    assert not past.changed_elsewhere


def test_two_moments_in_the_past(node: TestNode, ada: PersonClient, otto: PersonClient) -> None:
    node.put_user("jdoe", roles=["viewer"])
    since = refresh(node)
    users.disable(ada, "jdoe")
    until = refresh(node)
    users.update(ada, users.get(ada, "jdoe"), User("jdoe", roles=("editor",), enabled=False))
    users.create(ada, User("later"), PASSWORD)
    refresh(node)
    (difference,) = compare.between(otto, since, until).comparison.differences
    assert difference.fields == (Field("Status", "Active", "Deactivated"),)


def test_changes_outside_usermgmt_are_reported(node: TestNode, ada: PersonClient, otto: PersonClient) -> None:
    since = refresh(node)
    users.create(ada, User("touched"), PASSWORD)
    users.create(ada, User("taken"), PASSWORD)
    node.put_user("touched", roles=["superuser"])
    node.elastic.security.delete_user(username="taken")
    with pytest.raises(errors.OutcomeUnknown), audit.recorded(ada, audit.Action.USER_DISABLE, "lost"):
        raise errors.OutcomeUnknown("the answer was lost")
    refresh(node)
    past = compare.between(otto, since)
    assert past.changed_elsewhere == ["taken", "touched"]
    assert [event.target for event in past.unknown] == ["lost"]
    assert [(each.name, each.kind) for each in past.comparison.differences] == [("touched", "added")]


def test_too_many_changes(
    node: TestNode, ada: PersonClient, otto: PersonClient, calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    node.put_user("jdoe")
    since = refresh(node)
    for _ in range(2):
        users.disable(ada, "jdoe")
        users.enable(ada, "jdoe")
    refresh(node)
    monkeypatch.setattr("accounts.services.compare.trail.BATCH_SIZE", 2)
    assert compare.between(otto, since).comparison.differences == []
    monkeypatch.setattr("accounts.services.compare.trail.MAX_CHANGES", 3)
    calls.clear()
    with pytest.raises(compare.TooManyChanges) as too_many:
        compare.between(otto, since)
    assert too_many.value.count == 4
    assert calls == ["POST /usermgmt-audit-*/_search"]  # they are counted first


def test_the_pages(node: TestNode, ada: PersonClient, signed_in: Callable[..., Client]) -> None:
    users.create(ada, User("comes", "=1+1", roles=("viewer",)), PASSWORD)
    refresh(node)
    browser = signed_in("otto")
    assert "Two points in time" in browser.get("/compare/").content.decode()
    begins = audit.trail_start()
    assert begins
    day = f"{begins:%Y-%m-%d}"  # not today: it may be past midnight since
    page = browser.get(f"/compare/trail?since={day}").content.decode()
    assert '<a href="/users/edit/comes">comes</a>' in page
    csv = b"".join(browser.get(f"/compare/trail?since={day}&format=csv")).decode()
    assert "comes,Added,Full name,,'=1+1,\"ada (Create user, " in csv
    csv = b"".join(browser.get(f"/compare/trail?since={day}&format=csv-semicolon")).decode()
    assert "comes;Added;Full name;;'=1+1;ada (Create user, " in csv
    refresh(node)
    assert audit.search(audit.Query(action="export", actor="otto", size=1)).events[0].kind == "comparison"
    future = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d}"  # also after a midnight
    for asked, words in (
        ("since=2001-01-01", "The audit trail has no events before 20"),
        (f"since={future}", "Choose a date that isn't in the future."),
        (f"since={day}&until={day}", "End date must be after start date."),
        ("since=", "Choose a date."),
    ):
        response = browser.get(f"/compare/trail?{asked}")
        assert response.status_code == 422
        assert words in html.unescape(response.content.decode())
    assert signed_in("norah").get("/compare/").status_code == 403


class TestExports:
    """Two export files."""

    def export(self, client: PersonClient, format: str = "csv", query: UserQuery | None = None) -> BytesIO:
        chunks = exports.write(client, query or UserQuery(), exports.FORMATS[format])
        file = BytesIO(b"".join(chunk.data for chunk in chunks))
        file.name = f"users.{format}.zip"
        return file

    @pytest.mark.parametrize("formats", [("csv", "xlsx"), ("ndjson", "csv")])
    def test_two_exports_of_any_format(
        self, node: TestNode, ada: PersonClient, otto: PersonClient, signed_in: Callable[..., Client], formats: tuple[str, str]
    ) -> None:
        for name in ("goes", "rises"):
            node.put_user(name, roles=["a,b", "viewer"], full_name="=1+1")
        before = self.export(otto, formats[0])
        users.delete(ada, "goes")
        users.update(ada, users.get(ada, "rises"), User("rises", "=1+1", roles=("user_admin", "viewer")))
        refresh(node)
        after = self.export(otto, formats[1])
        found = compare.of_exports(compare.open_export(before), compare.open_export(after))
        refresh(node)
        assert {each.name: each.kind for each in found.comparison.differences} == {"goes": "removed", "rises": "changed"}
        assert found.comparison.of("changed")[0].fields[0] == Field(
            "Roles", '"a,b", viewer', "user_admin, viewer", ["user_admin"], ["a,b"]
        )
        for file in (before, after):
            file.seek(0)
        page = signed_in("otto").post("/compare/exports", {"one": before, "other": after}).content.decode()
        assert '<a href="/users/edit/rises">rises</a>' in page

    def test_actors_and_warnings(self, node: TestNode, ada: PersonClient, otto: PersonClient) -> None:
        users.create(ada, User("jdoe"), PASSWORD)
        refresh(node)
        before = compare.open_export(self.export(otto))
        earlier = replace(before.manifest, generated_at="2026-01-01T00:00:00Z")
        users.disable(ada, "jdoe")
        refresh(node)
        after = compare.open_export(self.export(otto, query=UserQuery(kind="native")))
        later = replace(after.manifest, generated_at=f"{datetime.now(UTC) + timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}")
        before.manifest, after.manifest = earlier, later
        found = compare.of_exports(after, before)
        (changed,) = found.comparison.of("changed")
        assert changed.by[-1].startswith("ada (Deactivate user, ")
        assert {each.name for each in found.comparison.of("removed")} == set(users.RESERVED_USERNAMES)
        assert found.warnings == [compare_exports.OTHER_FILTER, compare_exports.TRAIL_TOO_SHORT]
        after.manifest = replace(later, anonymous_access="no information")
        assert compare_exports.OTHER_ANONYMOUS_ACCESS in compare.of_exports(before, after).warnings
        after.manifest = replace(later, cluster_id="another")
        assert compare_exports.OTHER_CLUSTER_UNKNOWN in compare.of_exports(before, after).warnings

    def test_incomplete_export_is_rejected(
        self, node: TestNode, otto: PersonClient, signed_in: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = self.export(otto).getvalue()
        browser = signed_in("otto")
        for content, words in ((whole[:-1000], "The file isn't an export, or it is truncated"), (b"Username", "isn't an export")):
            response = browser.post("/compare/exports", {"one": BytesIO(whole), "other": BytesIO(content)})
            assert response.status_code == 422
            assert words in html.unescape(response.content.decode())
        for limit, words in (
            ("MAX_ITEMS", "more than 1 users"),
            ("MAX_ROLES", "more than 1 different roles"),
            ("MAX_TEXT", "too long"),
        ):
            with monkeypatch.context() as patch:
                patch.setattr(limits, limit, 1)
                response = browser.post("/compare/exports", {"one": BytesIO(whole), "other": BytesIO(whole)})
                assert response.status_code == 422
                assert words in response.content.decode()
        monkeypatch.setattr(compare_exports, "MAX_UNCOMPRESSED", 100)
        with pytest.raises(exports.InvalidExport, match="uncompressed file"):
            compare.open_export(BytesIO(whole))
        monkeypatch.setattr(compare_exports, "MAX_SIZE", 100)
        with pytest.raises(exports.InvalidExport, match="larger than"):
            compare.open_export(BytesIO(whole))

    def test_a_request_that_is_too_large_is_not_read(
        self, node: TestNode, signed_in: Callable[..., Client], settings: Settings
    ) -> None:
        browser = signed_in("otto")
        settings.LARGEST_REQUEST = 1000
        response = browser.post("/compare/exports", {"one": BytesIO(b"x" * 1000)})
        assert response.status_code == 413
        assert "too large" in response.content.decode()


def test_two_reviews(
    node: TestNode,
    ada: PersonClient,
    otto: PersonClient,
    signed_in: Callable[..., Client],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def frozen(title: str) -> str:
        review = reviews.start(otto, UserQuery(q="person", kind="native"), title)
        while not reviews.create_snapshot(otto, review.id).is_over:
            pass
        return review.id

    signed_in("otto")  # the trail begins
    for name in ("person-1", "person-2"):
        node.put_user(name, roles=["viewer"])
    first = frozen("Spring")
    users.disable(ada, "person-1")
    users.delete(ada, "person-2")
    second = frozen("Autumn")
    refresh(node)
    found = compare.of_reviews(second, first)
    assert [(each.name, each.kind) for each in found.comparison.differences] == [
        ("person-1", "changed"),
        ("person-2", "removed"),
    ]
    assert found.comparison.differences[0].by[0].startswith("ada (Deactivate user, ")
    assert found.is_same_filter
    assert found.is_same_anonymous_access
    assert found.before.snapshot
    unknown = replace(found.before, snapshot=replace(found.before.snapshot, anonymous_access="no information"))
    assert not replace(found, before=unknown).is_same_anonymous_access
    before = reviews.get(first)
    failed = [replace(before, state="failed"), replace(before, state="snapshotting"), before]
    with monkeypatch.context() as patch:
        patch.setattr(reviews, "all_reviews", lambda: failed)
        assert compare.with_snapshot() == [before]
    browser = signed_in("otto")
    assert "Spring (20" in browser.get("/compare/").content.decode()
    page = browser.get(f"/compare/reviews?one={first}&other={second}").content.decode()
    assert "person-1" in page
    assert b'person-1,Changed,Status,Active,Deactivated,"ada' in b"".join(
        browser.get(f"/compare/reviews?one={first}&other={second}&format=csv")
    )
    assert browser.get(f"/compare/reviews?one={first}&other={first}").status_code == 422
    for limit, words in (
        ("MAX_ITEMS", "The review has more than 0 users."),
        ("MAX_ROLES", "The review has more than 0 different roles, too many to compare."),
        ("MAX_TEXT", "The review has users with too many or too long roles and names to compare."),
    ):
        monkeypatch.setattr(limits, limit, 0)
        response = browser.get(f"/compare/reviews?one={second}&other={first}")
        assert response.status_code == 422
        assert response.context["reviews_form"].errors == {"other": [words]}, "the older one is read first"
        monkeypatch.undo()


def test_the_texts_of_other_items_count_too(node: TestNode, otto: PersonClient, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = (start_review(otto, reviews.KeyFilter()) for _ in "12")
    compare.of_reviews(one.id, other.id)
    monkeypatch.setattr(limits, "MAX_TEXT", 20)
    with pytest.raises(compare.TooLarge, match="API keys with too many or too long"):
        compare.of_reviews(one.id, other.id)
