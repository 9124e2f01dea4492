"""What became of users between two moments, by the trail, with the rights of an auditor."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from accounts.services import audit, compare, errors, indices, users
from accounts.services.compare.differences import Field
from accounts.services.connection import Person
from accounts.services.users import User
from tests.conftest import PASSWORD, TestNode


@pytest.fixture
def ada(person: Callable[[str], Person]) -> Person:
    return person("ada")


@pytest.fixture
def otto(person: Callable[[str], Person]) -> Person:
    return person("otto")


def refresh(node: TestNode) -> datetime:
    """All that happened can be found; the moment after it."""
    node.elastic.indices.refresh(index=indices.AUDIT_PATTERN, expand_wildcards="all", ignore_unavailable=True)
    return datetime.now(UTC)


def test_who_came_who_went_and_who_changed(node: TestNode, ada: Person, otto: Person) -> None:
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
    found = {each.username: each for each in past.comparison.differences}
    assert {name: each.kind for name, each in found.items()} == {"comes": "came", "goes": "gone", "rises": "changed"}
    assert found["rises"].fields == (
        Field("Roles", "viewer", "editor, user_admin", ["editor", "user_admin"], ["viewer"]),
        Field("Status", "Active", "Deactivated"),
        Field("May change users", "no", "yes"),
        Field("Email address", "rises@example.org", "new@example.org"),
    )
    assert [who.rpartition(", ")[0] for who in found["rises"].by] == ["ada (user-update", "ada (user-disable"]
    assert Field("Email address", "goes@example.org", "") in found["goes"].fields
    assert not past.outside


def test_two_moments_in_the_past(node: TestNode, ada: Person, otto: Person) -> None:
    node.put_user("jdoe", roles=["viewer"])
    since = refresh(node)
    users.disable(ada, "jdoe")
    until = refresh(node)
    users.update(ada, users.get(ada, "jdoe"), User("jdoe", roles=("editor",), enabled=False))
    users.create(ada, User("later"), PASSWORD)
    refresh(node)
    (difference,) = compare.between(otto, since, until).comparison.differences
    assert difference.fields == (Field("Status", "Active", "Deactivated"),)


def test_what_the_trail_cannot_know_is_said(node: TestNode, ada: Person, otto: Person) -> None:
    since = refresh(node)
    users.create(ada, User("touched"), PASSWORD)
    users.create(ada, User("taken"), PASSWORD)
    node.put_user("touched", roles=["superuser"])
    node.elastic.security.delete_user(username="taken")
    with pytest.raises(errors.OutcomeUnknown), audit.recorded(ada, "user-disable", "lost"):
        raise errors.OutcomeUnknown("the answer was lost")
    refresh(node)
    past = compare.between(otto, since)
    assert past.outside == ["taken", "touched"]
    assert [event.target for event in past.unknown] == ["lost"]
    assert [(each.username, each.kind) for each in past.comparison.differences] == [("touched", "came")]


def test_too_much_for_one_page(node: TestNode, ada: Person, otto: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    node.put_user("jdoe")
    since = refresh(node)
    for _ in range(2):
        users.disable(ada, "jdoe")
        users.enable(ada, "jdoe")
    refresh(node)
    monkeypatch.setattr("accounts.services.compare.trail.A_PAGE", 2)
    assert compare.between(otto, since).comparison.differences == []
    monkeypatch.setattr("accounts.services.compare.trail.MOST", 3)
    with pytest.raises(compare.TooMany):
        compare.between(otto, since)


def test_the_pages(node: TestNode, ada: Person, signed_in: Callable[..., Client]) -> None:
    users.create(ada, User("comes", "=1+1", roles=("viewer",)), PASSWORD)
    refresh(node)
    browser = signed_in("otto")
    assert "Two points in time" in browser.get("/compare/").content.decode()
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    page = browser.get(f"/compare/trail?since={today}").content.decode()
    assert '<a href="/users/edit/comes">comes</a>' in page
    csv = b"".join(browser.get(f"/compare/trail?since={today}&format=csv")).decode()
    assert "comes,Came,Full name,,'=1+1,\"ada (user-create, " in csv
    refresh(node)
    assert audit.search(audit.Query(action="export", actor="otto", size=1)).events[0].kind == "comparison"
    tomorrow = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}"
    for asked, words in (
        ("since=2001-01-01", "There is no information before 20"),
        (f"since={tomorrow}", "This day has not begun."),
        (f"since={today}&until={today}", "Choose a later day than the first one."),
        ("since=", "Choose a day."),
    ):
        response = browser.get(f"/compare/trail?{asked}")
        assert response.status_code == 422
        assert words in response.content.decode()
    assert signed_in("norah").get("/compare/").status_code == 403
