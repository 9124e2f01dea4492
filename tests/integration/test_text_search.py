"""What is shown of a user finds the user: full names and email addresses of many scripts, whole, in words, and in parts."""

import io
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from zipfile import ZipFile

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.services import search, users
from accounts.services.client import PersonClient
from accounts.services.users import User, UserQuery, pages, text_search
from tests.support.nodes import TestNode

NAMES = (
    "Dr. Anna Müller",
    "Martin Luther King Jr.",
    "J. R. R. Tolkien",
    "J.R.R.-Martin",
    "The James' House",
    "'quoted' O'Neil-Smith",
    "Jean-Luc d’Arc",
    "José Núñez",
    unicodedata.normalize("NFD", "Zoë Brontë"),
    "田中太郎",
    "王小明",
    "山田 はなこ",
    "ヤマダ・ハナコ",
    "サトウtaro",
    "김민수",
    "İpek Yılmaz",
    "IŞIL ÇAĞLAR",
    "Đỗ Nguyễn Thị Hồng",
    "Antonín Dvořák (1841)",
    "Łukasz Żółć",
    "Søren Ångström",
    "ΓΙΏΡΓΟΣ Παπαδόπουλος",
    "Андрей Ёлкин",
    "मोहन कुमार",
    "สมชาย ใจดี",
    "مُحَمَّد علي",
    "דוד כהן",
    "Anna 🎉 Party🎉",
    "R2-D2 (v1.5) 3,000",
    "under_score _x_",
    "50% *off* a\\b? [x] {y}",
    "Smith, John; Jr: A·B",
    "A - B & C/D",
    "Straße GROẞ",
)
ADDRESSES = (
    "foo@bar.net",
    "jane.doe+x@sub.example.org",
    "jane@corp.local",
    "mary-ann_1.lee@intra.internal",
    "root@localhost",
    "me@10.0.0.1",
    "you@[10.0.0.2]",
    "jörg@müller.de",
    "jörg+c1-d2@example.org",
    "élise.k@corp-x.local",
    "a1@mail.de.corp.local",
    "b2@b3.eu.corp.internal",
    "c@example.com.internal",
    "o'brien@corp.local",
    "пример@кц.рф",
    "田中@例え.jp",
    "UPPER@CORP.LOCAL",
    '"quoted local"@example.org',
    "trailing.@corp.local",
    "mailto:x@example.org, y@corp.local",
    "http://example.org:8080/x?y=z#w",
)
IDEOGRAPHS = ("CJK", "HIRAGANA")
HASH = "$2a$04$" + "x" * 53

EXPECTED = {
    "Dr. Anna Müller": {"Dr. Anna Müller"},
    "dr.": {"Dr. Anna Müller"},
    "king jr.": {"Martin Luther King Jr."},
    "J. R. R. Tolkien": {"J. R. R. Tolkien"},
    ".r.r.": {"J.R.R.-Martin"},
    "james'": {"The James' House"},
    "'quoted'": {"'quoted' O'Neil-Smith"},
    "neil-sm": {"'quoted' O'Neil-Smith"},
    "田中太郎": {"田中太郎"},
    "田中": {"田中太郎", "田中@例え.jp"},
    "小明": {"王小明"},
    "İpek": {"İpek Yılmaz"},
    "ipek yilmaz": {"İpek Yılmaz"},
    "nunez": {"José Núñez"},
    unicodedata.normalize("NFD", "Núñez"): {"José Núñez"},
    "muller": {"Dr. Anna Müller", "jörg@müller.de"},
    "dvorak": {"Antonín Dvořák (1841)"},
    "γιωργος": {"ΓΙΏΡΓΟΣ Παπαδόπουλος"},
    "foo@bar.net": {"foo@bar.net"},
    "jane@corp.local": {"jane@corp.local"},
    "@intra.internal": {"mary-ann_1.lee@intra.internal"},
    "root@localhost": {"root@localhost"},
    "me@10.0.0.1": {"me@10.0.0.1"},
    "jörg@müller.de": {"jörg@müller.de"},
    "b2@b3.eu.corp.internal": {"b2@b3.eu.corp.internal"},
}


@pytest.fixture
def ada(person: Callable[[str], PersonClient]) -> PersonClient:
    return person("ada")


@pytest.fixture
def people(node: TestNode) -> dict[str, str]:
    """The shown text of each user."""
    texts = {f"n{number}": name for number, name in enumerate(NAMES)}
    texts |= {f"m{number}": address for number, address in enumerate(ADDRESSES)}
    for username, text in texts.items():
        body: dict[str, Any] = {"full_name" if username.startswith("n") else "email": text}
        node.elastic.security.put_user(username=username, roles=[], password_hash=HASH, refresh=False, **body)
    node.put_user("x", refresh=True)
    return texts


def found(ada: PersonClient, q: str) -> set[str]:
    page = users.search(ada, UserQuery(q=q, size=100))
    assert page.total == len(page.users)
    return {user.username for user in page.users}


def without_accents(text: str) -> str:
    """As a user types it on a keyboard without accents."""
    plain = "".join(c for c in unicodedata.normalize("NFD", text) if not "\u0300" <= c <= "\u036f")
    return unicodedata.normalize("NFC", plain.translate(str.maketrans("øØđĐłŁı", "oOdDlLi")))


def is_searchable(part: str) -> bool:
    """Three characters, or two ideographs. Elasticsearch splits addresses within these labels of a domain."""
    letters = "".join(c for c in part.lower() if c.isalnum())
    minimum = 2 if any(unicodedata.name(c, "").startswith(IDEOGRAPHS) for c in letters) else 3
    return len(letters) >= minimum and (letters == "internal" or not any(letters in label for label in ("internal", "corp")))


FORMS: tuple[Callable[[str], str], ...] = (
    str,
    str.lower,
    lambda text: "".join(letter if letter in "ßı" else letter.upper() for letter in text),
    lambda text: unicodedata.normalize("NFC", text),
    lambda text: unicodedata.normalize("NFD", text),
)


def assert_found(ada: PersonClient, people: dict[str, str], text: str, q: str) -> None:
    """The user with this text is found, and nobody who doesn't have the words."""
    names = found(ada, q)
    assert next(name for name, shown in people.items() if shown == text) in names
    assert all(text_search.has_words(q.split(), name, people[name]) for name in names & people.keys())


@st.composite
def typed(draw: st.DrawFn) -> tuple[str, str]:
    """A text of a user, and all of it, one of its words, or a part."""
    text = draw(st.sampled_from(NAMES + ADDRESSES))
    start = draw(st.integers(0, len(text) - 1))
    part = text[start : draw(st.integers(start + 1, len(text)))]
    return text, draw(st.sampled_from([q for q in (text, *text.split(), part) if is_searchable(q)] or [text]))


@st.composite
def typed_from_word_start(draw: st.DrawFn) -> tuple[str, str]:
    """The same from the start of a word."""
    text = draw(st.sampled_from([text for text in NAMES + ADDRESSES if unicodedata.is_normalized("NFC", text)]))
    start = draw(st.sampled_from([at for at in range(len(text)) if text[at].isalnum() and not text[at - 1 : at].isalnum()]))
    part = text[start : draw(st.integers(start + 1, len(text)))]
    return text, draw(st.sampled_from([q for q in (text, part) if is_searchable(q)] or [text]))


class TestFound:
    @settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(typed=typed(), form=st.sampled_from(FORMS))
    def test_shown_text_is_found(
        self, ada: PersonClient, people: dict[str, str], typed: tuple[str, str], form: Callable[[str], str]
    ) -> None:
        text, part = typed
        assert_found(ada, people, text, form(part))

    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(typed=typed_from_word_start())
    def test_shown_text_is_found_without_accents(self, ada: PersonClient, people: dict[str, str], typed: tuple[str, str]) -> None:
        text, part = typed
        assert_found(ada, people, text, without_accents(part))

    def test_nobody_else_is_found(self, ada: PersonClient, people: dict[str, str]) -> None:
        assert {q: {people[username] for username in found(ada, q)} for q in EXPECTED} == EXPECTED

    def test_other_letters_are_not_found(self, node: TestNode, ada: PersonClient) -> None:
        node.put_user("a", full_name="Andrea Miller", email="ann.smith@example.org")
        node.put_user("b", full_name="Donna Méndez", email="joanne@corp.local")
        for q in ("muller", "müller", "dr.", "dna", "elena", "dona", "ann@example.org", "ann@corp.local", "ne@co.local"):
            assert found(ada, q) == set(), q

    def test_too_many_users_to_compare(self, node: TestNode, ada: PersonClient, monkeypatch: pytest.MonkeyPatch) -> None:
        """Then a few users are found whose names have accents at the same letters."""
        for username, full_name in (("a", "Méndez"), ("b", "Mélody"), ("c", "Mendez"), ("d", "Mendel"), ("e", "Márdez")):
            node.put_user(username, full_name=full_name)
        assert found(ada, "mendez") == {"a", "c"}
        monkeypatch.setattr(text_search, "MAX_COMPARED", 1)
        assert found(ada, "mendez") == {"a", "b", "c"}

    def test_global_search_and_exports(self, ada: PersonClient, people: dict[str, str]) -> None:
        for q in ("müller", "nunez", "田中", "@corp.local", "dr. anna"):
            expected = found(ada, q)
            batches = users.batches(ada, UserQuery(q=q), lambda batch: None)
            assert {user.username for batch, _, _ in batches for user in batch} == expected != set()
            assert {user.username for _, user in search.find_users(ada, q.split(), 100)} == expected
            assert users.count_each(ada, [UserQuery(q=q), UserQuery(q=q, status="active")]) == [len(expected)] * 2

    def test_calls(self, ada: PersonClient, people: dict[str, str], calls: list[str]) -> None:
        """One more to compare texts, unless each text with the word has it in a term."""
        for q, number in (("x", 1), ("müller", 2), ("anna müller king", 2)):
            calls.clear()
            users.search(ada, UserQuery(q=q, kind="native"))
            assert calls.count("POST /_security/_query/user") == number, q


class TestExpensiveQueriesOff:
    """`search.allow_expensive_queries: false`: usermgmt compares the users itself, or names the setting."""

    @pytest.fixture
    def off(self, node: TestNode, people: dict[str, str]) -> Iterator[None]:
        node.put_user("norole", email="")
        node.put_user("wrong", roles=["nope", "viewer"], email="wrong@example.org", enabled=False)
        node.elastic.cluster.put_settings(persistent={"search.allow_expensive_queries": False})
        yield
        node.elastic.cluster.put_settings(persistent={"search.allow_expensive_queries": None})

    def test_the_same_users_are_found(self, node: TestNode, ada: PersonClient, off: None) -> None:
        queries = [
            *(UserQuery(q=q, size=100) for q in ("müller", "nunez", "田中", "@corp.local", "kibana", "viewer", "unknown")),
            UserQuery(q="example", size=2, descending=True),
            UserQuery(q="example", size=2, sort="status"),
            UserQuery(flags=("unknown-roles",), roles=("viewer",), status="deactivated"),
            UserQuery(flags=("no-email", "no-roles"), size=100),
        ]
        compared = [list(users_on_pages(ada, query)) for query in queries]
        exported = [[user for batch, _, _ in users.batches(ada, query, len) for user in batch] for query in queries]
        best = [user for _, user in search.find_users(ada, ["corp.local"], 100)]
        node.elastic.cluster.put_settings(persistent={"search.allow_expensive_queries": None})
        assert compared == [list(users_on_pages(ada, query)) for query in queries]
        assert exported == compared
        assert best == [user for _, user in search.find_users(ada, ["corp.local"], 100)]
        assert [len(found) for found in compared][-2:] != [0, 0]

    def test_too_many_users(
        self,
        ada: PersonClient,
        off: None,
        signed_in: Callable[..., Client],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(pages, "MAX_READ", 10)
        browser = signed_in("ada")
        for page in ("/users/?q=corp", "/users/?flag=no-email", "/audit/?q=ada"):
            response = browser.get(page)
            assert response.status_code == 400, page
            assert "search.allow_expensive_queries" in response.content.decode()
        assert "User search isn’t possible" in browser.get("/search?q=corp").content.decode()
        for page in ("/users/", "/users/?role=viewer&status=deactivated", "/users/filters?q=corp", "/audit/", "/roles/view/viewer"):
            assert browser.get(page).status_code == 200, page
        assert users.count_each(ada, [UserQuery(q="corp"), UserQuery(status="deactivated")]) == [None, 1]
        assert users.count(ada, UserQuery(q="corp.local")) == 6
        exported = b"".join(browser.post("/users/export?q=corp.local", {"format": "csv"}))
        assert b"jane@corp.local" in ZipFile(io.BytesIO(exported)).read("users.csv")


def users_on_pages(ada: PersonClient, query: UserQuery) -> Iterator[User]:
    page = users.list_page(ada, query)
    yield from page.users
    while page.has_next:
        page = users.list_page(ada, replace(query, after=page.end, number=page.number + 1))
        yield from page.users


def test_order_is_explained(node: TestNode, signed_in: Callable[..., Client]) -> None:
    """Elasticsearch can't sort regardless of case."""
    for name in ("ORD-carl", "Ord-Adam", "ord-bob", "ord-zoe"):
        node.put_user(name)
    ada = signed_in("ada")
    note = "A\u2013Z before a\u2013z"
    assert note in ada.get("/users/?size=10").content.decode()
    assert note in ada.get("/users/?size=10&sort=roles&order=desc").content.decode()
    assert note not in ada.get("/users/?size=10&sort=status").content.decode()
    assert note not in ada.get("/users/?size=100").content.decode(), "all users are on this page"
