"""The global search over HTTP: what it finds, for whom, with how many calls, and what it does when a part fails."""

import html
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from elastic_transport import ConnectionTimeout

from accounts.services.client.curl_node import CurlNode, Response
from tests.support.names import HOSTILE_NAMES
from tests.support.nodes import TestNode

SignIn = Callable[..., Client]
FRAGMENT = {"HX-Request": "true", "HX-Target": "search-results"}


@pytest.fixture
def ada(node: TestNode, signed_in: SignIn) -> Client:
    return signed_in("ada")


def search(client: Client, q: str, **options: Any) -> dict[str, list[str]]:
    """The titles that were found, by group, in the order of the page."""
    response = client.get("/search", {"q": q}, **options)
    assert response.status_code == 200
    return {group.name: [result.title for result in group.results] for group in response.context["groups"]}


def urls(client: Client, q: str) -> list[str]:
    return [result.url for group in client.get("/search", {"q": q}).context["groups"] for result in group.results]


def asked(calls: list[str]) -> list[str]:
    return [call for call in calls if "usermgmt-sessions" not in call]


def test_it_finds_users_by_name_full_name_and_address(node: TestNode, ada: Client) -> None:
    node.put_user("jdoe", full_name="Jane Öztürk", email="jane.o@example.org", roles=["viewer"])
    for q in ("jdo", "JDOE", "öztü", "ne.o@exam", "jane jdoe"):
        assert search(ada, q)["users"] == ["jdoe"]
    assert "users" not in search(ada, "jane smith")
    assert search(ada, "kibana_sys")["users"] == ["kibana_system"]


def test_a_right_to_left_name_leaves_the_address_in_order(node: TestNode, ada: Client) -> None:
    node.put_user("dlevi", full_name="דנה לוי", email="24.levi@example.org")
    page = ada.get("/search", {"q": "dlevi"}).content.decode()
    assert "<bdi>דנה לוי</bdi> · <bdi>24.levi@example.org</bdi>" in page
    assert 'title="דנה לוי · 24.levi@example.org"' in page


def test_the_best_comes_first_however_many_there_are(node: TestNode, ada: Client) -> None:
    for name in ("asmith", "bsmith", "csmith", "dsmith", "esmith", "fsmith", "gsmith", "smith", "smithers"):
        node.put_user(name)
    node.put_user("zed", full_name="Adam Smith")
    response = ada.get("/search", {"q": "smith"})
    group = response.context["groups"][0]
    assert [result.title for result in group.results] == ["smith", "smithers", "zed", "asmith", "bsmith"][: len(group.results)]
    assert "/users/?q=smith" in response.content.decode()
    assert "More users matching “smith”" in response.content.decode()


def test_it_finds_roles_pages_and_actions(node: TestNode, ada: Client) -> None:
    assert search(ada, "watcher")["roles"] == ["watcher_admin", "watcher_user"]
    assert search(ada, "viewer") == {"roles": ["viewer"]}
    assert urls(ada, "new user") == ["/users/create"]
    assert urls(ada, "deactivated")[0] == "/users/?status=deactivated"


def test_the_group_of_the_best_stands_first(node: TestNode, ada: Client) -> None:
    node.put_user("create")
    assert next(iter(search(ada, "create"))) == "users"
    assert next(iter(search(ada, "create u"))) == "actions"


def test_search_suggestions_need_no_call(node: TestNode, ada: Client, calls: list[str]) -> None:
    calls.clear()
    assert search(ada, "  ")["actions"] == ["Export users", "Create user", "Change my password"]
    assert asked(calls) == ["GET /_security/_authenticate"]


def test_search_takes_four_calls(node: TestNode, ada: Client, calls: list[str]) -> None:
    calls.clear()
    search(ada, "user")
    assert [call for call in asked(calls) if "/_security/user/" not in call] == [
        "POST /_security/_query/user",  # texts to compare
        "POST /_security/_query/user",
        "GET /_security/role",
    ]
    assert len(asked(calls)) <= 4
    assert len(calls) <= 5, "and one read of the session"


def test_an_auditor_finds_everything_but_actions(node: TestNode, signed_in: SignIn) -> None:
    otto = signed_in("otto")
    assert search(otto, "create user") == {}
    assert search(otto, "norah")["users"] == ["norah"]
    assert search(otto, "viewer")["roles"] == ["viewer"]
    assert "/users/create" not in otto.get("/search").content.decode()


def test_search_without_read_access(node: TestNode, signed_in: SignIn, calls: list[str]) -> None:
    norah = signed_in("norah")
    calls.clear()
    assert search(norah, "") == {"pages": ["My account"], "actions": ["Change my password"]}
    assert search(norah, "password") == {"actions": ["Change my password"]}
    assert search(norah, "ada") == {}
    assert search(norah, "viewer") == {}
    assert set(asked(calls)) == {"GET /_security/_authenticate"}


def test_signed_out_request_goes_to_sign_in(node: TestNode) -> None:
    assert Client().get("/search?q=x").headers["Location"] == "/login?next=%2Fsearch%3Fq%3Dx"


def test_htmx_gets_options(node: TestNode, ada: Client) -> None:
    fragment = ada.get("/search", {"q": "ada"}, headers=FRAGMENT).content.decode()
    assert "<html" not in fragment
    assert fragment.count('role="option"') == 1
    assert "1 result<" in fragment
    assert "<html" in ada.get("/search", {"q": "ada"}).content.decode()
    assert "No results for “zzz”." in ada.get("/search", {"q": "zzz"}, headers=FRAGMENT).content.decode()


@pytest.mark.parametrize(
    "q",
    [
        "*",
        "?",
        "\\",
        "a\\*b",
        '"',
        "'",
        "(",
        "[a-z",
        "{}",
        "a AND b OR NOT c",
        "username:*",
        "<script>alert(1)</script>",
        "\0",
        "\u202e",
        "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
        "é\u0301",
        "x" * 5000,
        "* " * 2000,
        "a " * 2000,
        "%00%ff",
        "../../etc/passwd",
        "{{ operator }}",
    ],
)
def test_search_takes_any_text_literally(node: TestNode, ada: Client, q: str) -> None:
    node.put_user("plain")
    response = ada.get("/search", {"q": q})
    assert response.status_code == 200
    assert response.context["failed"] == []
    assert "<script>alert" not in response.content.decode()
    assert "plain" not in [result.title for group in response.context["groups"] for result in group.results] or q.startswith("a ")
    assert ada.get("/search", {"q": q}, headers=FRAGMENT).status_code == 200


def test_bytes_that_are_no_text_have_an_answer(node: TestNode, ada: Client) -> None:
    assert ada.get("/search?q=%ff%fe%ED%A0%80").status_code == 200


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_search_finds_and_links_every_legal_name(node: TestNode, ada: Client, name: str) -> None:
    node.put_user(name)
    group = next(group for group in ada.get("/search", {"q": name}).context["groups"] if group.name == "users")
    result = next(result for result in group.results if result.title == name)
    page = html.unescape(ada.get(result.url).content.decode())
    assert f">{name}</h1>" in page


def test_denied_search_leaves_other_results(node: TestNode, signed_in: SignIn) -> None:
    otto = signed_in("otto")
    node.elastic.security.put_user(username="otto", roles=["viewer"], metadata={})
    try:
        response = otto.get("/search", {"q": "users"})
    finally:
        node.elastic.security.put_user(username="otto", roles=["usermgmt_auditor"], metadata={})
    page = response.content.decode()
    assert response.status_code == 200
    assert "Deactivated <mark>users</mark>" in page
    assert "User search is temporarily unavailable." in page
    assert "Role search is temporarily unavailable." in page


@pytest.mark.parametrize(("path", "lost", "kept"), [("/_security/role", "roles", "users"), ("/_security/_query", "users", "roles")])
def test_a_part_that_fails_leaves_the_others(
    node: TestNode, ada: Client, monkeypatch: pytest.MonkeyPatch, path: str, lost: str, kept: str
) -> None:
    perform = CurlNode.perform_request

    def broken(node: CurlNode, method: str, target: str, **call: Any) -> Response:
        if target.startswith(path):
            raise ConnectionTimeout("no answer")
        return perform(node, method, target, **call)

    monkeypatch.setattr(CurlNode, "perform_request", broken)
    response = ada.get("/search", {"q": "system"})
    names = [group.name for group in response.context["groups"]]
    assert kept in names
    assert lost not in names
    assert response.context["failed"] == [lost]


def test_only_reading_is_answered(node: TestNode, ada: Client) -> None:
    assert ada.post("/search", {"q": "x"}).status_code == 405
