"""Elasticsearch's user API through usermgmt: the responses are the node's, and changes follow the rules of the pages."""

import gzip
import json
import re
import threading
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote

import bcrypt
import pytest
from django.utils import timezone
from elasticsearch import Elasticsearch, NotFoundError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.services import users
from accounts.services.documents import indices, locks
from accounts.user_api import description
from tests.support.cast import PASSWORD
from tests.support.faults import LOST, faulty
from tests.support.nodes import TestNode
from tests.support.programs import Response, basic, compared, send
from tests.support.server import recorded, serve

GOOD: Final = "correct horse battery 7"
JSON: Final = {"Content-Type": "application/json"}
TOKEN: Final = "only-for-the-metrics-of-tests"
COMPATIBLE: Final = "application/vnd.elasticsearch+json; compatible-with=8"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The address of a server for each node, once it was asked for."""
    with ExitStack() as running:
        yield Served(running, tmp_path_factory)


class Served(dict[str, str]):
    def __init__(self, running: ExitStack, folders: pytest.TempPathFactory) -> None:
        super().__init__()
        self._running, self._folders = running, folders

    def of(self, node: TestNode) -> str:
        if node.url not in self:
            self[node.url], process = serve(node, self._folders.mktemp("api") / "log")
            self._running.callback(process.wait, timeout=30)
            self._running.callback(process.terminate)
        return self[node.url]


@pytest.fixture
def url(served: Served, node: TestNode) -> str:
    return served.of(node)


def body(**fields: Any) -> str:
    return json.dumps({"password": GOOD, "roles": [], **fields})


# Method, target, headers, body. What changes something is undone between the two.
CALLS: Final = [
    ("GET", "/_security/user/nobody", {}, None),
    ("GET", "/_security/user/ada,otto", {}, None),
    ("GET", "/_security/user/ada%2Cotto?pretty&human", {}, None),
    ("GET", "/_security/user", {}, None),
    ("GET", "/_security/user", {"Authorization": ""}, None),
    ("GET", "/_security/user", {"Authorization": basic("x", "y")}, None),
    ("GET", "/_security/user", {"Authorization": basic("norah")}, None),
    ("GET", "/_security/user", {"Authorization": "ApiKey abc"}, None),
    ("GET", "/_security/user", {"Authorization": "Bearer abc"}, None),
    ("GET", "/_security/user", {"Authorization": "Basic !"}, None),
    ("PUT", "/_security/user/jdoe", {**JSON, "Authorization": ""}, body()),
    ("PUT", "/_security/user/jdoe", {**JSON, "Authorization": basic("x", "y")}, body()),
    ("PUT", "/_security/user/jdoe", {**JSON, "Authorization": "ApiKey abc"}, body()),
    ("DELETE", "/_security/user/otto", {"Authorization": basic("norah")}, None),
    ("HEAD", "/_security/user/ada", {}, None),
    ("PATCH", "/_security/user/ada", {}, None),
    ("OPTIONS", "/_security/user/ada", {}, None),
    ("GET", "/_security/user/ada?foo=1", {}, None),
    ("GET", "/_security/user/ada?format=yaml", {}, None),
    ("GET", "/_security/user/ada?error_trace&filter_path=*.roles", {}, None),
    ("GET", "/_security/user/ada", {"Accept": "application/cbor"}, None),
    ("GET", "/_security/user/ada", {"Accept": COMPATIBLE}, None),
    ("GET", "/_security/user/ada", {"Accept": COMPATIBLE.replace("8", "6")}, None),
    ("GET", "/_security/user/ada", {"X-Opaque-Id": "abc"}, None),
    ("GET", "/_security/user/ada", {"es-security-runas-user": "otto"}, None),
    ("PUT", "/_security/user/jdoe", JSON, None),
    ("PUT", "/_security/user/jdoe", JSON, "{}"),
    ("PUT", "/_security/user/jdoe", JSON, "[]"),
    ("PUT", "/_security/user/jdoe", JSON, '"text"'),
    ("PUT", "/_security/user/jdoe", JSON, '{"roles":[]}'),
    ("PUT", "/_security/user/jdoe", JSON, body(password_hash="x")),
    ("PUT", "/_security/user/jdoe", JSON, body(foo=1)),
    ("PUT", "/_security/user/jdoe", JSON, body(roles="viewer")),
    ("PUT", "/_security/user/jdoe", JSON, body(roles=5)),
    ("PUT", "/_security/user/jdoe", JSON, body(enabled="false")),
    ("PUT", "/_security/user/jdoe", JSON, body(enabled="perhaps")),
    ("PUT", "/_security/user/jdoe", JSON, body(full_name=5, email={"a": 1})),
    ("PUT", "/_security/user/jdoe", JSON, body(roles=[""])),
    ("PUT", "/_security/user/jdoe", JSON, body(roles=["a b*", "superuser"])),
    ("PUT", "/_security/user/jdoe", JSON, body(metadata={"_x": 1})),
    ("PUT", "/_security/user/jdoe", JSON, body(metadata=[1])),
    ("PUT", "/_security/user/jdoe", JSON, body(username="other")),
    ("PUT", "/_security/user/jdoe", JSON, body(metadata={"long": "x" * 200_000})),
    ("PUT", "/_security/user/jdoe", JSON, body(roles=[f"role{number}" for number in range(3000)])),
    ("PUT", "/_security/user/jdoe", {**JSON, "Content-Encoding": "gzip"}, gzip.compress(body().encode())),
    ("PUT", f"/_security/user/{'x' * 508}", JSON, body()),
    ("PUT", "/_security/user/jo%C3%A9", JSON, body()),
    ("PUT", "/_security/user/%20joe", JSON, body()),
    ("PUT", "/_security/user/elastic", JSON, body()),
    ("PUT", "/_security/user/a%2Fb", JSON, body()),
    ("PUT", "/_security/user/a%2Cb", JSON, body()),
    ("PUT", "/_security/user/..", JSON, body()),
    ("PUT", "/_security/user/a+b%3F%25", JSON, body()),
    ("POST", "/_security/user/jdoe?refresh=sometimes", JSON, body()),
    ("POST", "/_security/user/jdoe?refresh=wait_for&pretty", JSON, body()),
    ("PUT", "/_security/user/jdoe", {"Content-Type": ""}, body()),
    ("PUT", "/_security/user/jdoe", {"Content-Type": "text/plain"}, body()),
    ("PUT", "/_security/user/jdoe", {"Content-Type": COMPATIBLE, "Accept": COMPATIBLE}, body()),
    ("POST", "/_security/user/nobody/_enable", {}, None),
    ("PUT", "/_security/user/nobody/_password", JSON, json.dumps({"password": GOOD})),
    ("DELETE", "/_security/user/nobody", {}, None),
    ("PUT", "/_security/user/otto/_enable", JSON, "{}"),
    ("PUT", "/_security/user/otto/_enable?filter_path=x", {}, None),
    ("PUT", "/_security/user/ada/_disable", {}, None),
    ("POST", "/_security/user/otto/_password", JSON, '{"foo":1}'),
    ("POST", "/_security/user/otto/_password", JSON, None),
    ("POST", "/_security/user/_password", {**JSON, "Authorization": basic("norah")}, json.dumps({"password": PASSWORD})),
    ("GET", "/_security/_authenticate", {}, None),
    ("GET", "/_security/user/_privileges", {}, None),
    ("POST", "/_security/user/_has_privileges", JSON, '{"cluster":["all"]}'),
    ("POST", "/_security/user/ada/_has_privileges", JSON, '{"cluster":["all"]}'),
    ("GET", "/_security/_query/user", {}, None),
    ("POST", "/_security/_query/user", JSON, '{"size":1,"query":{"term":{"username":"ada"}}}'),
    ("POST", "/_security/_query/user", JSON, '{"query":{"term":{"metadata":"x"}}}'),
    ("GET", "/_security/role/superuser", {}, None),
    ("GET", "/_security/role_mapping", {}, None),
    ("GET", "/_security/api_key?owner=true", {}, None),
    ("POST", "/_security/_query/role", JSON, "{}"),
    ("GET", "/", {}, None),
    ("HEAD", "/_security/user/ada", JSON, "{}"),
    ("GET", "/_security/user/ada", {"Authorization": basic("ada").rstrip("=")}, None),
    ("GET", "/_security/user/ada", {"X-Opaque-Id": "\xe9"}, None),
    ("GET", "/_security/user/ada", {"Authorization": "Basic \xe9"}, None),
    ("POST", "/_security/_query/user", {}, '{"size":1}'),
    ("PUT", "/_security/user/a%00b", JSON, body()),
    ("PUT", "/_security/user/jdoe", JSON, body(roles=[1])),
    ("PUT", "/_security/user/jdoe", JSON, body(roles="viewer,editor")),
    ("GET", "/_security/user//", {}, None),
    ("GET", "/_security/user/ada//", {}, None),
    ("DELETE", "/_security/user/nobody//", {}, None),
    # What usermgmt answers itself.
    ("GET", "//_security/user/ada", {}, None),
    ("GET", "///_security///user///ada", {"X-Opaque-Id": "abc"}, None),
    ("PUT", "//_security/user/otto/_disable?pretty", {}, None),
    ("DELETE", "/_security//user/otto", {}, None),
    ("PUT", "/_security/user//jdoe", JSON, body()),
    ("HEAD", "//_security/user", {}, None),
    ("LOOK", "/_security/user/ada", {}, None),
    ("PATCH", "/_security/user/ada?pretty", {"X-Opaque-Id": "abc"}, None),
    ("PATCH", "/_security/user/ada?pretty=false", {"Accept": COMPATIBLE}, None),
    ("PUT", "/_security/user/jdoe?pretty=true", {**JSON, "Authorization": "", "X-Opaque-Id": "\xe9"}, body()),
    ("PUT", "/_security/user/jdoe?pretty", {**JSON, "Authorization": basic("x", "y")}, body()),
    ("PUT", "/_security/user/jdoe?pretty", {**JSON, "X-Opaque-Id": "abc", "Accept": "*/*"}, None),
    ("PUT", "/_security/user/jdoe?pretty", {"Content-Type": "text/plain", "X-Opaque-Id": "abc"}, body()),
]


def test_responses_are_those_of_elasticsearch(node: TestNode, url: str) -> None:
    different = []
    for method, target, headers, content in CALLS:
        responses = []
        for address in (node.url, url):
            response = send(address, method, target, content, headers=dict(headers))
            if response.body.startswith(b'{"created":true') or b'"created" : true' in response.body:
                node.elastic.security.delete_user(username=target_name(target))
            responses.append(compared(response))
        if responses[0] != responses[1]:
            different.append((method, target, content and content[:200], *responses))
    assert different == []


# Cheap to verify, and of no known password.
HASH: Final = bcrypt.hashpw(GOOD.encode(), bcrypt.gensalt(4, prefix=b"2a")).decode()
WORDS: Final = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
NAMES: Final = (
    st.sampled_from(
        ["a,b", "..", ".", "a/b", "%2F", "a%zz", "a;b", "a?b", "a#b", "a+b", "\0", "a\\b", "~a", "-", "x" * 507, "x" * 508]
    )
    | st.text(st.characters(max_codepoint=300), min_size=1, max_size=9)
).filter(lambda name: name not in ("ada", "otto", "norah"))
VALUES: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda value: st.lists(value, max_size=3) | st.dictionaries(WORDS, value, max_size=3),
    max_leaves=8,
)
BODIES: Final = st.fixed_dictionaries(
    {"roles": st.lists(WORDS | st.sampled_from(["viewer", "superuser", "a b*"]), max_size=3) | VALUES},
    optional={
        "full_name": WORDS | VALUES,
        "email": WORDS | VALUES,
        "enabled": st.booleans() | VALUES,
        "metadata": st.dictionaries(WORDS, VALUES, max_size=3) | VALUES,
        "username": WORDS,
    },
)
PARAMETERS: Final = st.sampled_from(
    [
        "",
        "?pretty",
        "?refresh=true",
        "?refresh=maybe",
        "?filter_path=created",
        "?human&format=yaml",
        "?foo",
        "?error_trace=x",
        "?&;=",
    ]
)


def test_generated_calls(node: TestNode, url: str) -> None:
    @settings(max_examples=20, suppress_health_check=list(HealthCheck), database=None)
    @given(st.sampled_from(["PUT", "POST"]), NAMES, PARAMETERS, BODIES, BODIES)
    def same(method: str, name: str, parameters: str, first: dict[str, Any], second: dict[str, Any]) -> None:
        target = f"/_security/user/{quote(name, safe='')}"
        calls = [
            (method, target + parameters, {"password_hash": HASH, **first}),
            (method, target + parameters, second),
            ("GET", target + parameters.replace("refresh", "format"), None),
            ("PUT", f"{target}/_disable", None),
            ("GET", target, None),
            ("DELETE", target, None),
        ]
        on_node, through_usermgmt = ([compared(send(address, *call)) for call in calls] for address in (node.url, url))
        assert through_usermgmt == on_node

    same()


def target_name(target: str) -> str:
    return unquote(target.partition("?")[0].rpartition("/")[2])


def test_challenges_are_those_of_elasticsearch(node: TestNode, url: str) -> None:
    challenges = [
        send(address, "GET", "/_security/user", authorization="").headers["www-authenticate"] for address in (node.url, url)
    ]
    assert challenges[0] == challenges[1]
    assert send(url, "PUT", "/_security/user/x", {}, authorization="").headers["www-authenticate"] == challenges[0]


@pytest.mark.parametrize(
    ("content", "type"),
    [
        ("{", "x_content_e_o_f_exception"),
        ('{"roles":[],"roles":[]}', "x_content_parse_exception"),
        ("{]", "x_content_parse_exception"),
    ],
)
def test_broken_json_has_the_same_error(node: TestNode, url: str, content: str, type: str) -> None:
    """The words are those of another parser."""
    for address in (node.url, url):
        response = send(address, "PUT", "/_security/user/jdoe", content, headers=JSON)
        assert (response.status, response.error_type) == (400, type)


def test_other_paths_and_methods(node: TestNode, url: str) -> None:
    assert send(url, "GET", "/_cat/indices").status == 404
    assert send(url, "GET", "/_security/user/%ff").status == 404
    assert send(url, "GET", "//").json()["status"] == 404, "as JSON"
    assert send(url, "GET", "/_security/user/ada//").headers["etag"] == send(url, "GET", "/_security/user/ada").headers["etag"]
    for method, target in (("PUT", "/_security/role/x"), ("DELETE", "/_security/api_key"), ("POST", "/_security/role_mapping/x")):
        response = send(url, method, target, {})
        assert (response.status, response.headers["x-elastic-product"]) == (405, "Elasticsearch")
    assert send(url, "PUT", "/_security/user/x", b" " * (11 << 20), headers=JSON).status == 413
    bomb = gzip.compress(b" " * (20 << 20))
    assert send(url, "PUT", "/_security/user/x", bomb, headers={**JSON, "Content-Encoding": "gzip"}).status == 413
    assert send(url, "GET", "/login", headers={"Accept": "text/html"}, authorization="").status == 200, "pages are still there"


def test_described_parameters_are_accepted(node: TestNode, url: str) -> None:
    """Of each operation, all of them. Elasticsearch names those that it doesn't know."""
    api = description.load()
    unknown = []
    for path, item in api["paths"].items():
        for method, operation in ((name, each) for name, each in item.items() if name != "parameters"):
            parameters = [description.resolved(api, each) for each in operation["parameters"]]
            query = "&".join(f"{each['name']}=true" for each in parameters if each["in"] == "query")
            target = re.sub(r"{\w+}", "nobody", path)
            response = send(url, method.upper(), f"{target}?{query}", {} if "requestBody" in operation else None)
            if "unrecognized parameter" in response.body.decode():
                unknown.append((method, path, response.body))
    assert unknown == []


def client_of(url: str, **credentials: Any) -> Elasticsearch:
    return Elasticsearch(url, **credentials or {"basic_auth": ("ada", PASSWORD)})


@pytest.mark.parametrize("target", ["node", "usermgmt"])
def test_elasticsearch_py(node: TestNode, url: str, target: str) -> None:
    with client_of(node.url if target == "node" else url) as client:
        users = client.security
        created = users.put_user(
            username="jdoe", password=GOOD, roles=["viewer"], full_name="Jane Doe", metadata={"team": {"id": 7}}
        )
        assert created.body == {"created": True}
        again = users.put_user(username="jdoe", roles=["viewer", "editor"], metadata={"team": {"name": "x"}}, refresh="wait_for")
        assert again.body == {"created": False}
        user = users.get_user(username="jdoe").body["jdoe"]
        assert (user["roles"], user["full_name"], user["metadata"]) == (
            ["viewer", "editor"],
            None,
            {"team": {"id": 7, "name": "x"}},
        )
        assert users.disable_user(username="jdoe").body == {}
        assert users.get_user(username=["jdoe", "ada"]).body["jdoe"]["enabled"] is False
        users.enable_user(username="jdoe")
        users.change_password(username="jdoe", password=GOOD + "!")
        assert node.signs_in("jdoe", GOOD + "!")
        assert users.query_user(query={"prefix": {"username": "jd"}})["total"] == 1
        assert users.authenticate()["username"] == "ada"
        assert users.has_privileges(cluster=["manage_security"])["has_all_requested"]
        assert users.delete_user(username="jdoe").body == {"found": True}
        with pytest.raises(NotFoundError):
            users.get_user(username="jdoe")


def test_change_with_an_api_key_is_in_the_audit_trail(node: TestNode, url: str) -> None:
    node.put_user("user1")
    key = node.elastic.options(headers={"authorization": basic("ada")}).security.create_api_key(name="rotation", refresh=True)
    authorization = f"ApiKey {key['encoded']}"

    response = send(url, "PUT", "/_security/user/user1/_password", {"password": GOOD}, authorization=authorization)

    assert (response.status, response.body) == (200, b"{}")
    assert node.signs_in("user1", GOOD)
    intent, outcome = events(node, "password-change")
    assert (outcome["event"]["outcome"], outcome["user"]["name"], outcome["user"]["target"]["name"]) == ("success", "ada", "user1")
    assert outcome["source"]["ip"] == "127.0.0.1"
    assert outcome["usermgmt"]["details"] == {"via": "User API", "api_key": f"rotation ({key['id']})"}
    assert intent["usermgmt"]["stage"] == "intent"
    assert GOOD not in json.dumps(recorded(node))


def test_run_as_names_both(node: TestNode, url: str) -> None:
    node.elastic.security.put_role(name="substitute", run_as=["ada"])
    node.put_user("deputy", roles=["substitute"])
    try:
        response = send(
            url, "PUT", "/_security/user/otto/_enable", authorization=basic("deputy"), headers={"es-security-runas-user": "ada"}
        )
    finally:
        node.elastic.security.delete_role(name="substitute")
    assert response.status == 200
    outcome = events(node, "user-enable")[-1]
    assert (outcome["user"]["name"], outcome["usermgmt"]["details"]["run_as_by"]) == ("ada", "deputy")


def events(node: TestNode, action: str) -> list[dict[str, Any]]:
    found = [event for event in recorded(node) if event["event"]["action"] == action]
    return sorted(found, key=lambda event: event["@timestamp"])


def test_a_forbidden_run_as_is_answered_as_elasticsearch_does(node: TestNode, url: str) -> None:
    node.put_user("deputy", roles=["user_admin"])
    for base in (node.url, url):
        answer = send(
            base, "PUT", "/_security/user/otto/_enable", authorization=basic("deputy"), headers={"es-security-runas-user": "ada"}
        )
        error = json.loads(answer.body)["error"]
        assert (answer.status, error["type"]) == (403, "security_exception")
        assert "is unauthorized to run as [ada]" in error["reason"]


def test_a_caller_without_privileges_writes_little_and_holds_no_lock(node: TestNode, url: str) -> None:
    """Their request is answered as Elasticsearch does; who may change users, but not read them, is recorded as everyone."""
    node.put_user("jdoe", metadata={"long": "canary" * 1000})
    node.elastic.security.put_role(
        name="put_only", cluster=["cluster:admin/xpack/security/user/put", "cluster:admin/xpack/security/user/delete"]
    )
    node.put_user("robot", roles=["put_only"])
    fields = {"roles": [], "full_name": "Jane", "metadata": {"long": "canary" * 2000}}
    for caller, status, size in (("norah", 403, 0), ("otto", 403, 0), ("robot", 200, 4)):
        answer = send(url, "PUT", "/_security/user/jdoe", fields, authorization=basic(caller))
        assert answer.status == status, answer.body
        event = events(node, "user-update")[-1]
        assert (event["user"]["name"], len(event["usermgmt"].get("changes", []))) == (caller, size)
    assert send(url, "PUT", "/_security/user/norah", fields, authorization=basic("norah")).status == 403
    event = events(node, "user-update")[-1]
    assert (event["user"]["name"], event["usermgmt"].get("changes", [])) == ("norah", []), "nor of their own account"
    with locks.held(users.lock_name("jdoe")):
        for caller, status in (("norah", 403), ("otto", 403), ("robot", 409)):
            assert send(url, "PUT", "/_security/user/jdoe", fields, authorization=basic(caller)).status == status
    for caller, status, size in (("norah", 403, 0), ("otto", 403, 0), ("robot", 200, 0)):
        answer = send(url, "DELETE", "/_security/user/jdoe", authorization=basic(caller))
        assert answer.status == status, answer.body
        event = events(node, "user-delete")[-1]
        assert (event["user"]["name"], len(event["usermgmt"].get("changes", []))) == (caller, size)


@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        ("PUT", "", "user-update"),
        ("DELETE", "", "user-delete"),
        ("PUT", "/_disable", "user-disable"),
        ("PUT", "/_enable", "user-enable"),
    ],
)
def test_a_locked_user_is_a_conflict_that_is_recorded_once(node: TestNode, url: str, method: str, path: str, action: str) -> None:
    """An edit writes the status that it has read, so it would undo what is changed in the meantime."""
    node.put_user("jdoe", enabled=path != "/_enable")
    before = len(events(node, action))
    with locks.held(users.lock_name("jdoe")):
        response = send(url, method, f"/_security/user/jdoe{path}", None if path or method == "DELETE" else {"roles": []})
    assert response.status == 409, response.body
    found = events(node, action)[before:]
    assert [(event["usermgmt"]["stage"], event["event"].get("reason")) for event in found] == [
        ("intent", None),
        ("outcome", "user_locked"),
    ]
    assert (node.user("jdoe") or {})["enabled"] == (path != "/_enable")
    assert send(url, method, f"/_security/user/jdoe{path}", None if path or method == "DELETE" else {"roles": []}).status == 200


def test_changes_have_the_fields_before_and_after(node: TestNode, url: str) -> None:
    node.put_user("jdoe", full_name="Jane", roles=["viewer"], metadata={"a": {"b": 1}})
    send(url, "PUT", "/_security/user/jdoe", {"roles": ["editor"], "enabled": False, "metadata": {"a": {"c": 2}}})
    changes = {
        change["field"]: (change["before"], change["after"]) for change in events(node, "user-update")[-1]["usermgmt"]["changes"]
    }
    assert changes == {
        "full_name": ("Jane", None),
        "roles": (["viewer"], ["editor"]),
        "enabled": (True, False),
        "metadata": ('{"a": {"b": 1}}', '{"a": {"b": 1, "c": 2}}'),
    }
    assert node.elastic.security.get_user(username="jdoe").body["jdoe"]["metadata"] == {"a": {"b": 1, "c": 2}}


@pytest.mark.parametrize("metadata", [{"a": {"c": 2}}, {}, None])
def test_a_password_replaces_the_metadata(node: TestNode, url: str, metadata: dict[str, Any] | None) -> None:
    node.put_user("jdoe", roles=["viewer"], metadata={"a": {"b": 1}})
    given = {} if metadata is None else {"metadata": metadata}
    send(url, "PUT", "/_security/user/jdoe", {"roles": ["viewer"], "password": GOOD, **given})
    stored = node.elastic.security.get_user(username="jdoe").body["jdoe"]["metadata"]
    assert stored == (metadata or {})
    [change] = events(node, "user-update")[-1]["usermgmt"]["changes"]
    assert (change["before"], json.loads(change["after"] or "{}")) == ('{"a": {"b": 1}}', stored)


@pytest.mark.parametrize("target", ["/_security/user/jdoe", "/_security/user/otto/_password"])
def test_password_policy(node: TestNode, url: str, target: str) -> None:
    response = send(url, "PUT", target, {"password": "password", **({"roles": []} if target.endswith("jdoe") else {})})
    assert (response.status, response.error_type) == (400, "validation_exception")
    assert response.json()["error"]["reason"] == "Validation Failed: 1: This password is too common;"
    assert node.user("jdoe") is None
    assert node.signs_in("otto", PASSWORD)


def test_own_account_is_protected(node: TestNode, url: str) -> None:
    for response in (
        send(url, "DELETE", "/_security/user/ada"),
        send(url, "PUT", "/_security/user/ada", {"roles": ["viewer"]}),
    ):
        assert (response.status, response.error_type) == (400, "illegal_argument_exception")
    assert node.user("ada") == node.elastic.security.get_user(username="ada").body["ada"]
    assert send(url, "PUT", "/_security/user/ada", {"roles": ["user_admin", "viewer"]}).status == 200
    send(url, "PUT", "/_security/user/ada", {"roles": ["user_admin"]})


def test_conditional_requests(node: TestNode, url: str) -> None:
    node.put_user("jdoe", full_name="Jane")
    tag = send(url, "GET", "/_security/user/jdoe").headers["etag"]
    assert send(url, "GET", "/_security/user/jdoe?with_profile_uid=true").headers["etag"] == tag
    node.put_user("jdoe", full_name="Janet")
    stale = {"If-Match": tag}
    for method, target, content in (
        ("PUT", "/_security/user/jdoe", {"roles": ["superuser"]}),
        ("PUT", "/_security/user/jdoe/_disable", None),
        ("PUT", "/_security/user/jdoe/_password", {"password": GOOD}),
        ("DELETE", "/_security/user/jdoe", None),
        ("PUT", "/_security/user/nobody", {"password": GOOD, "roles": []}),
    ):
        response = send(url, method, target, content, headers=stale)
        assert (response.status, response.error_type) == (412, "precondition_failed_exception"), target
    assert node.elastic.security.get_user(username="jdoe").body["jdoe"]["full_name"] == "Janet"
    assert node.user("nobody") is None
    fresh = {"If-Match": send(url, "GET", "/_security/user/jdoe").headers["etag"]}
    assert send(url, "PUT", "/_security/user/jdoe", {"roles": ["viewer"]}, headers=fresh).status == 200


def test_exclusive_creation(node: TestNode, url: str) -> None:
    """Of many programs that create a user at the same time, one succeeds."""
    responses: list[Response] = []

    def create(number: int) -> None:
        headers = {"If-None-Match": "*"}
        responses.append(send(url, "PUT", "/_security/user/jdoe", {"password": GOOD, "roles": [f"r{number}"]}, headers=headers))

    threads = [threading.Thread(target=create, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(response.status for response in responses) == [200, *[412] * 49]
    assert [response.json() for response in responses if response.status == 200] == [{"created": True}]


def all_pages(url: str, method: str, target: str, content: Any = None, headers: dict[str, str] | None = None) -> list[list[str]]:
    """The usernames of each page."""
    pages = []
    while target:
        response = send(url, method, target, content, headers=headers)
        assert response.status == 200, response.body
        pages.append([user["username"] for user in response.json()["users"]])
        target = response.headers.get("link", "").removesuffix('>; rel="next"').removeprefix("<")
    return pages


def test_pages_have_a_link_to_the_next_one(node: TestNode, url: str) -> None:
    for name, roles in (("p 1", ["editor"]), ("p&2", []), ("p3", ["viewer"]), ("p4", [])):
        node.put_user(name, roles=roles)
    own: dict[str, Any] = {"query": {"prefix": {"username": "p"}}}
    assert all_pages(url, "POST", "/_security/_query/user?page_size=3", own) == [["p 1", "p&2", "p3"], ["p4"]]
    assert all_pages(url, "GET", "/_security/_query/user?page_size=2&pretty", own) == [["p 1", "p&2"], ["p3", "p4"], []]
    by_role = own | {"sort": {"roles": {"order": "desc"}}}
    assert all_pages(url, "POST", "/_security/_query/user/?page_size=1", by_role) == [["p3"], ["p 1"], ["p&2"], ["p4"], []]
    compatible = {"Accept": COMPATIBLE, "Accept-Encoding": "gzip"}
    everyone = [name for page in all_pages(url, "GET", "/_security/_query/user?page_size=3", headers=compatible) for name in page]
    found = send(node.url, "POST", "/_security/_query/user", {"size": 1000, "sort": ["username"]}).json()
    assert everyone == [user["username"] for user in found["users"]]


@pytest.mark.parametrize(
    ("query", "content", "reason"),
    [
        ("page_size=0", None, "[page_size] must be a number from 1 to 1000"),
        ("page_size=1001", None, "[page_size] must be a number from 1 to 1000"),
        ("page_after=x", None, "[page_size] must be a number from 1 to 1000"),
        ("page_size=1&page_after=x", None, "[page_after] must be from a link"),
        ("page_size=1;filter_path=users", None, "[filter_path] can't be used with [page_size]"),
        ("page_size=1&format=yaml", None, "[page_size] needs a response in JSON"),
        ("page_size=1", {"size": 5}, "[size] can't be used with [page_size]"),
    ],
)
def test_pages_that_cannot_have_a_link(node: TestNode, url: str, query: str, content: Any, reason: str) -> None:
    response = send(url, "POST", f"/_security/_query/user?{query}", content)
    assert (response.status, response.error_type) == (400, "illegal_argument_exception"), response.body
    assert response.json()["error"]["reason"] == reason


def test_generated_password(node: TestNode, url: str) -> None:
    password = send(url, "POST", "/_security/user/otto/_password", {"generate": True}).json()["password"]
    assert node.signs_in("otto", password)
    assert password not in json.dumps(recorded(node))
    node.elastic.security.change_password(username="otto", password=PASSWORD)


def test_requests_that_would_make_another_change_than_the_recorded_one(node: TestNode, url: str) -> None:
    """Elasticsearch takes the username from the query, the fragment for nothing, and unpacks what isn't gzip."""
    packed = zlib.compress(body(roles=["superuser"]).encode())
    for target, content, headers, status in (
        ("/_security/user/_password?username=otto", json.dumps({"password": GOOD}), JSON, 400),
        ("/_security/user/_password?pretty;user%6Eame=otto", json.dumps({"password": GOOD}), JSON, 400),
        ("/_security/user/jdoe#x/_password", body(roles=["superuser"]), JSON, 400),
        ("/_security/user/jdoe", packed, {**JSON, "Content-Encoding": "deflate"}, 415),
        ("/_security/user/jdoe", body().encode("utf-16"), JSON, 400),
    ):
        assert send(url, "POST", target, content, headers=headers).status == status, target
    assert node.user("jdoe") is None
    assert node.signs_in("otto", PASSWORD)


@pytest.mark.parametrize("slashes", ["/", "//"])
def test_enabling_with_a_slash_at_the_end_does_not_disable(node: TestNode, url: str, slashes: str) -> None:
    """As it does in Elasticsearch. usermgmt would record the opposite, and its guard is only for disabling."""
    node.put_user("jdoe")
    assert send(url, "PUT", f"/_security/user/jdoe/_enable{slashes}").status == 200
    assert node.elastic.security.get_user(username="jdoe").body["jdoe"]["enabled"] is True
    assert send(url, "PUT", f"/_security/user/jdoe/_disable{slashes}").status == 200
    assert node.elastic.security.get_user(username="jdoe").body["jdoe"]["enabled"] is False
    assert [events(node, action)[-1]["event"]["outcome"] for action in ("user-enable", "user-disable")] == ["success"] * 2


def test_own_account_is_not_deactivated_by_overwriting(node: TestNode, url: str) -> None:
    own = send(url, "PUT", "/_security/user/ada", {"roles": ["user_admin"], "enabled": False})
    assert (own.status, own.json()["error"]["reason"]) == (400, "users may not update the enabled status of their own account")
    assert node.signs_in("ada", PASSWORD)


def test_session_cookie_is_no_credential(node: TestNode, url: str) -> None:
    for method, target, content in (
        ("GET", "/_security/user", None),
        ("PUT", "/_security/user/jdoe", {"password": GOOD, "roles": []}),
    ):
        response = send(url, method, target, content, authorization="", headers={"Cookie": "usermgmt_session=x"})
        assert (response.status, response.headers.get("vary"), response.headers.get("set-cookie")) == (401, None, None)


def test_wrong_passwords_are_throttled(node: TestNode, tmp_path: Path) -> None:
    """The answer is always that of a wrong password, also when it isn't checked anymore."""
    url, process = serve(node, tmp_path / "log", THROTTLE_FAILURES="2")
    try:
        wrong = set()
        for _ in range(3):
            wrong.add(send(url, "GET", "/_security/user?pretty", authorization=basic("otto", "wrong").rstrip("=")).body)
            # Elasticsearch answers this without looking at the password.
            assert send(url, "OPTIONS", "/_security/user", authorization=basic("otto", "any")).status in (200, 401)
        right = send(url, "GET", "/_security/user?pretty", authorization=basic("otto"))
        change = send(url, "DELETE", "/_security/user/jdoe", authorization=basic("otto"))
    finally:
        process.terminate()
        process.wait(timeout=30)
    assert (len(wrong), right.status, change.status) == (1, 401, 401)
    assert right.body in wrong
    assert b"\n" in right.body


def test_too_many_requests_are_not_looked_at(node: TestNode, tmp_path: Path) -> None:
    """Of an address, whatever it asks for and in whose name. Other addresses, pages, and health checks are answered."""
    node.put_user("jdoe")
    log = tmp_path / "log"
    url, process = serve(node, log, USER_API_REQUESTS_PER_MINUTE="2", BEHIND_PROXY="true", METRICS_TOKEN=TOKEN)

    def from_address(address: str, method: str, target: str, **more: Any) -> Response:
        return send(url, method, target, headers={"X-Forwarded-For": address, "X-Forwarded-Proto": "http"}, **more)

    try:
        first = [from_address("2001:db8::1", "GET", target) for target in ("/_security/user/jdoe", "/_security/openapi.json")]
        delete = from_address("2001:db8::2", "DELETE", "/_security/user/jdoe?pretty")
        wrong = from_address("2001:db8::3", "GET", "/_security/user", authorization=basic("otto", "wrong"))
        others = [from_address("10.0.0.1", "GET", target) for target in ("/_security/user/jdoe", "/login", "/login", "/login")]
        scraped = send(url, "GET", "/metrics", authorization=f"Bearer {TOKEN}").body.decode()
    finally:
        process.terminate()
        process.wait(timeout=30)
    assert [response.status for response in first + others] == [200] * 6
    assert (delete.status, delete.reason, delete.error_type) == (429, "Too Many Requests", "es_rejected_execution_exception")
    assert 0 < int(delete.headers["retry-after"]) <= 60
    assert (delete.headers["x-elastic-product"], b"\n" in delete.body, wrong.status) == ("Elasticsearch", True, 429)
    assert "jdoe" in node.elastic.security.get_user()
    assert "usermgmt_rate_limited_requests_total 2.0" in scraped
    warnings = [line for line in log.read_text().splitlines() if "requests in a minute" in line]
    assert (len(warnings), "from 2001:db8::2" in warnings[0]) == (1, True)


def test_change_with_lost_response_is_no_repeatable_status(node: TestNode, tmp_path: Path) -> None:
    """Clients repeat requests after a 429, 502, 503, or 504."""
    node.put_user("jdoe")
    with faulty(node) as between:
        url, process = serve(node, tmp_path / "log", ELASTICSEARCH_HOSTS=between.url)
        try:
            between.answers = {"PUT /_security/user/jdoe": LOST}
            lost = send(url, "PUT", "/_security/user/jdoe", {"roles": ["viewer"]})
            between.answers = {"PUT /_security/user/otto/_enable": 502}
            bad_gateway = send(url, "PUT", "/_security/user/otto/_enable")
            between.answers = {"PUT /_security/user/otto/_password": LOST}
            password = send(url, "PUT", "/_security/user/otto/_password", {"password": PASSWORD})
            between.answers = {"PUT /_bulk": 503, "POST /_bulk": 503}
            unrecorded = send(url, "PUT", "/_security/user/otto", {"roles": ["superuser"]})
        finally:
            process.terminate()
            process.wait(timeout=30)
    assert (lost.status, lost.error_type) == (500, "outcome_unknown_exception")
    assert (bad_gateway.status, bad_gateway.error_type) == (500, "outcome_unknown_exception")
    assert (password.status, password.body) == (200, b"{}")
    assert (unrecorded.status, unrecorded.error_type) == (503, "audit_unavailable_exception")
    assert node.elastic.security.get_user(username="otto").body["otto"]["roles"] != ["superuser"]


@pytest.mark.parametrize("setting", ["off", "only"])
def test_switch(node: TestNode, tmp_path: Path, setting: str) -> None:
    url, process = serve(node, tmp_path / "log", USER_API=setting, USER_API_PASSWORD_HASHES="false")
    try:
        answer = send(url, "GET", "/_security/user/ada")
        page = send(url, "GET", "/login", authorization="", headers={"Accept": "text/html"})
        hashed = send(url, "PUT", "/_security/user/jdoe", {"password_hash": "$2a$04$" + "x" * 53, "roles": []})
    finally:
        process.terminate()
        process.wait(timeout=30)
    assert (answer.status == 200, page.status == 200) == (setting == "only", setting == "off")
    assert node.user("jdoe") is None
    assert hashed.status == (400 if setting == "only" else 404) or hashed.status == 403


@pytest.mark.parametrize("is_locked", [False, True], ids=["unlocked", "locked"])
def test_deactivation_with_lost_response_can_be_repeated(node: TestNode, tmp_path: Path, is_locked: bool) -> None:
    """Also if the lock of another change of the user was waited for."""
    node.put_user("jdoe")
    with faulty(node) as between:
        url, process = serve(node, tmp_path / "log", ELASTICSEARCH_HOSTS=between.url)
        try:
            if is_locked:
                until = (timezone.now() + timedelta(seconds=2)).isoformat()
                node.elastic.index(index=indices.LOCKS, id=locks._id(users.lock_name("jdoe")), document={"until": until})
            between.answers = {"PUT /_security/user/jdoe/_disable": LOST}
            lost = send(url, "PUT", "/_security/user/jdoe/_disable")
            between.answers = {}
            again = send(url, "PUT", "/_security/user/jdoe/_disable")
        finally:
            process.terminate()
            process.wait(timeout=30)
    assert (lost.status, lost.error_type) == (500, "outcome_unknown_exception")
    assert again.status == 200
