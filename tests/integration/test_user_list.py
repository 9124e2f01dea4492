"""Pages of users: searched, filtered, sorted and walked through on a node."""

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.services import jobs, roles, users
from accounts.services.client import PersonClient
from accounts.services.users import FIELDS, User, UserPage, UserQuery
from tests.support.cast import CAST, PASSWORD
from tests.support.nodes import TestNode
from tests.support.pages import text

STAR = 'star*"q"\\'


@pytest.fixture
def ada(person: Callable[[str], PersonClient]) -> PersonClient:
    return person("ada")


def found(ada: PersonClient, **query: Any) -> set[str]:
    return {user.username for user in users.search(ada, UserQuery(**{"size": 100, **query})).users}


class TestSearch:
    """What is found."""

    @pytest.fixture(autouse=True)
    def people(self, node: TestNode) -> None:
        node.put_user("jdoe", full_name="Jane Mary Doe", email="jane.doe@example.org", roles=["viewer"])
        node.put_user(STAR, full_name="Jean-Luc O'Brien", email="", roles=["editor", "nope"])
        node.put_user("zoe", full_name="Зоя", email="zoe@EXAMPLE.com", roles=["viewer", "editor"], enabled=False)
        node.put_user("bare")

    @pytest.mark.parametrize(
        ("q", "expected"),
        [
            ("jdoe", {"jdoe"}),
            ("DO", {"jdoe"}),
            ("ary", {"jdoe"}),
            ("jane.d", {"jdoe"}),
            ("example", {"jdoe", "zoe"}),
            ("jane view", {"jdoe"}),
            ("jane editor", set()),
            ("nope", {STAR}),
            ("*", {STAR}),
            ("?", set()),
            ('"Q"', {STAR}),
            ("\\", {STAR}),
            ("ЗО", {"zoe"}),
            ("jean-luc", {STAR}),
            ("o'bri", {STAR}),
            ("kibana_s", {"kibana_system", "kibana"}),
            ("(", set()),
            ("-", set()),
            ("x" * 10_000, set()),
            ("jane " * 1_000, {"jdoe"}),
        ],
    )
    def test_parts_of_words_are_found_and_taken_literally(self, ada: PersonClient, q: str, expected: set[str]) -> None:
        assert found(ada, q=q) == expected

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({"roles": ("viewer",)}, {"jdoe", "zoe", "norah"}),
            ({"roles": ("superuser", "nope")}, {"elastic", STAR}),
            ({"status": "deactivated"}, {"zoe"}),
            ({"kind": "reserved"}, set(users.RESERVED_USERNAMES)),
            ({"kind": "native"}, {"jdoe", STAR, "zoe", "bare", "usermgmt_service", *CAST}),
            ({"flags": ("unknown-roles",)}, {STAR}),
            ({"flags": ("no-roles",)}, {"bare"}),
            ({"flags": ("no-email",), "kind": "native"}, {"bare", STAR, "usermgmt_service", *CAST}),
            ({"flags": ("no-email", "no-roles")}, {"bare"}),
            ({"q": "e", "roles": ("viewer", "editor"), "status": "active", "flags": ("unknown-roles",)}, {STAR}),
        ],
    )
    def test_filters_hold_together(self, ada: PersonClient, query: dict[str, Any], expected: set[str]) -> None:
        assert found(ada, **query) == expected
        assert users.count_each(ada, [UserQuery(**query)]) == [len(expected)]

    def test_an_auditor_finds_the_same(self, ada: PersonClient, person: Callable[[str], PersonClient]) -> None:
        assert found(person("otto")) == found(ada)


Find = Callable[[PersonClient, UserQuery], UserPage]


def looked_at(ada: PersonClient, query: UserQuery) -> UserPage:
    return users.list_page(ada, query)


def walk(ada: PersonClient, query: UserQuery, *, backwards: bool = False, find: Find = users.search) -> Iterator[UserPage]:
    """Every page, from the first to the last or the other way."""
    page = find(ada, replace(query, last=backwards))
    yield page
    while page.has_previous if backwards else page.has_next:
        if backwards:
            page = find(ada, replace(query, before=page.start, number=page.number - 1))
        else:
            page = find(ada, replace(query, after=page.end, number=page.number + 1))
        yield page


def in_memory(everybody: list[User], query: UserQuery, known: frozenset[str]) -> list[str]:
    """What a plain filter and sort over all users would give."""
    matching = [
        user
        for user in everybody
        if (not query.kind or user.is_reserved == (query.kind == "reserved")) and users.matches(user, query, known)
    ]
    matching.sort(key=lambda user: user.username)
    if query.sort == "roles":
        best = max if query.descending else min
        matching.sort(key=lambda user: best(user.roles, default=""), reverse=query.descending)
        matching.sort(key=lambda user: not user.roles)
    elif query.sort == "status":
        matching.sort(key=lambda user: user.enabled, reverse=query.descending)
    elif query.descending:
        matching.reverse()
    return [user.username for user in matching]


QUERIES = st.builds(
    UserQuery,
    q=st.sampled_from(["", "a", "user 1", "EXAMPLE", "nobody has this", "*", "e r"]),
    roles=st.sampled_from([(), ("viewer",), ("viewer", "nope"), ("superuser",)]),
    status=st.sampled_from(["", "active", "deactivated"]),
    kind=st.sampled_from(["", "native", "reserved"]),
    flags=st.lists(st.sampled_from(["unknown-roles", "no-roles", "no-email"]), max_size=2, unique=True).map(tuple),
    sort=st.sampled_from(list(FIELDS)),
    descending=st.booleans(),
    size=st.integers(1, 12),
)


class TestWalk:
    """All pages together, whatever is asked for."""

    @pytest.fixture(autouse=True)
    def crowd(self, node: TestNode) -> None:
        chance = random.Random(5)
        for number in range(40):
            node.elastic.security.put_user(
                username=chance.choice(["user", "a/", "Z", "~"]) + str(number),
                password_hash="$2a$04$" + "x" * 53,
                email=chance.choice([f"u{number}@example.org", None]),
                full_name=chance.choice([f"User {number}", "Anna Example", None]),
                roles=chance.sample(["viewer", "editor", "nope", "superuser", "gone"], chance.randrange(4)),
                enabled=chance.random() < 0.7,
                refresh=number == 39,
            )

    @settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(query=QUERIES, find=st.sampled_from([users.search, looked_at]))
    def test_each_matching_user_is_listed_once_in_order(self, ada: PersonClient, query: UserQuery, find: Find) -> None:
        everybody = [user for page in walk(ada, UserQuery(size=100)) for user in page.users]
        known = roles.names(ada)
        expected = in_memory(everybody, query, known)

        forwards = list(walk(ada, query, find=find))
        backwards = list(walk(ada, query, backwards=True, find=find))[::-1]

        for pages in (forwards, backwards):
            assert [user.username for page in pages for user in page.users] == expected
            assert {page.total for page in pages} == {len(expected)}
            assert [page.number for page in pages] == list(range(1, len(pages) + 1))

    def test_pages_are_stable_while_users_are_added(self, node: TestNode, ada: PersonClient) -> None:
        query = UserQuery(size=5)
        before = [user.username for page in walk(ada, query) for user in page.users]
        seen = []
        for number, page in enumerate(walk(ada, query)):
            seen += [user.username for user in page.users]
            node.put_user(f"!{number}")  # before all others
            node.put_user(f"zz{number}")  # behind them
        assert len(seen) == len(set(seen))
        assert set(before) <= set(seen)

    def test_missing_cursor_leads_to_the_first_page(self, ada: PersonClient) -> None:
        page = users.search(ada, UserQuery(after=("~~~~", "~~~~"), number=7))
        assert (page.number, page.first) == (1, 1)
        page = users.search(ada, UserQuery(before=("!", "!"), number=7))
        assert (page.number, page.first) == (1, 1)


def test_a_page_takes_two_calls_whatever_its_place(node: TestNode, ada: PersonClient, calls: list[str]) -> None:
    node.put_user("jdoe", password=PASSWORD)
    for query in (UserQuery(q="x"), UserQuery(last=True), UserQuery(size=1, after=("jdoe", "jdoe"), number=2)):
        calls.clear()
        users.search(ada, query)
        assert len(calls) == 2


def test_caption_says_what_is_listed(node: TestNode, signed_in: Callable[..., Client]) -> None:
    for name in ("cap-1", "cap-2"):
        node.put_user(name)
    page = signed_in("otto").get("/users/?q=cap-&sort=username&order=desc").content.decode()
    caption = re.search(r"<caption[^>]*>(.*?)</caption>", page)
    assert caption
    assert caption[1] == (
        "Users 1–2 of 2: username, full name, email address, or role contains “cap-”, sorted by username (descending)"
    )


def test_number_of_days_that_cannot_be_used(node: TestNode, signed_in: Callable[..., Client]) -> None:
    """It isn't ignored, because all users would match. The message is beside the field, and the other filters stay."""
    ada, query = signed_in("ada"), "q=x&status=active&password_days=soon"
    response = ada.get(f"/users/?{query}")
    assert (response.status_code, response["Location"]) == (302, f"/users/filters?{query}")
    page = text(ada, response["Location"], 422)
    assert "Enter a whole number of days from 1 to 36,500." in page
    assert 'value="active" checked' in page
    assert 'href="/users/?q=x&status=active"' in page
    for response in (
        ada.get(f"/users/export?{query}"),
        ada.get(f"/reviews/create?{query}"),
        ada.post("/users/jobs/create", {"users": "matching", "filter": query, "action": "deactivate"}),
    ):
        assert response.status_code == 400
        assert "Enter a whole number of days from 1 to 36,500." in response.content.decode()
    assert not jobs.all_jobs()


def test_passwords_older_than_some_days(signed_in: Callable[..., Client]) -> None:
    ada = signed_in("ada")
    page = text(ada, "/users/?password_days=45&flag=password-90-days&flag=no-email")
    assert "Password older than 45 days" in page
    assert '<input type="hidden" name="password_days" value="45" form="users-search">' in page
    assert 'href="/users/?flag=no-email&flag=password-age-unknown"' in page, "whom it doesn't list"
    assert 'name="password_days" value="45"' in text(ada, "/users/filters?password_days=45")
    assert "passwordAgeNote" not in text(ada, "/users/?flag=no-email")


def test_filters_keep_search_view_and_order(node: TestNode, signed_in: Callable[..., Client]) -> None:
    page = signed_in("ada").get("/users/filters?q=x&view=activity&sort=roles&order=desc&size=50&role=viewer")
    kept = {"q": "x", "view": "activity", "sort": "roles", "order": "desc", "size": "50"}
    assert dict(page.context["hidden"]) == kept
