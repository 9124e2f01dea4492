"""A canary for a password, or an API key, on every way through the pages, good or bad; afterwards it is looked for everywhere."""

import base64
import http.cookiejar
import json
import re
import secrets
import socket
import socketserver
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.api_keys import new_key
from tests.support.cast import PASSWORD
from tests.support.nodes import TestNode
from tests.support.server import serve
from tests.support.traces import logs


class Line(socketserver.ThreadingTCPServer):
    """Between the product and the node. Cut, nothing passes; or answers to what holds one of `lost` do not come back."""

    daemon_threads = True
    allow_reuse_address = True
    is_cut = False
    lost: tuple[bytes, ...] = ()

    def __init__(self, url: str) -> None:
        self.node = (urllib.parse.urlsplit(url).hostname, urllib.parse.urlsplit(url).port)
        super().__init__(("127.0.0.1", 0), Passing)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Passing(socketserver.BaseRequestHandler):
    server: Line
    is_lost = False

    def handle(self) -> None:
        with socket.create_connection(self.server.node) as upstream:
            threading.Thread(target=self._answer, args=(upstream,), daemon=True).start()
            while (data := self.request.recv(65536)) and not self.server.is_cut:
                self.is_lost = self.is_lost or any(words in data for words in self.server.lost)
                upstream.sendall(data)

    def _answer(self, upstream: socket.socket) -> None:
        try:
            while (data := upstream.recv(65536)) and not self.is_lost:
                self.request.sendall(data)
            self.request.shutdown(socket.SHUT_RDWR)
        except OSError:  # one end hung up
            pass


class Visitor:
    """A browser without pictures; it keeps all that it was sent."""

    def __init__(self, site: str) -> None:
        self.site = site
        self.seen: list[str] = []
        self.cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def get(self, path: str) -> int:
        return self._send(path, None)

    def post(self, path: str, *, token: str = "", **data: str) -> int:
        """Send a form with the token of the page last seen."""
        found = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', "".join(self.seen))
        return self._send(path, {"csrfmiddlewaretoken": token or found[-1], **data})

    def _send(self, path: str, data: dict[str, str] | None) -> int:
        body = urllib.parse.urlencode(data).encode() if data else None
        try:
            answer = self._opener.open(urllib.request.Request(self.site + path, body), timeout=30)  # noqa: S310
        except urllib.error.HTTPError as exc:
            answer = exc
        with answer:
            self.seen.append(f"{answer.url}\n{answer.headers}\n{answer.read().decode()}")
            return int(answer.status)

    def sign_in(self, username: str, password: str = PASSWORD) -> None:
        self.get("/login")
        assert self.post("/login", username=username, password=password) == 200


@pytest.fixture
def line(node: TestNode) -> Iterator[Line]:
    with Line(node.url) as line:
        threading.Thread(target=line.serve_forever, daemon=True).start()
        yield line
        line.shutdown()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def site(node: TestNode, line: Line, log: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("LOG_LEVEL", "DEBUG")
    monkeypatch.setenv("API_KEY_SIGN_IN", "true")
    monkeypatch.setenv("ELASTICSEARCH_REQUEST_TIMEOUT", "5")
    through_the_line = replace(node, url=line.url, elastic_password="")
    url, process = serve(through_the_line, log)
    yield url
    process.terminate()
    process.wait(timeout=30)


def test_a_canary_is_found_nowhere(node: TestNode, site: str, line: Line, log: Path) -> None:
    canary = "canary" + secrets.token_hex(12)
    node.put_user("jdoe", full_name="Jane Doe")
    ada, jane = Visitor(site), Visitor(site)
    ada.sign_in("ada")
    jane.sign_in("jdoe")

    walk(ada, jane, canary)
    assert node.signs_in("jdoe", f"{canary}-own"), "the walk went to its end"
    walk_in_the_dark(ada, jane, canary, line)

    places = places_to_look(node, log, ada, jane)
    assert '"password":"$2a$' in places["indices"], "the hashes are in what was looked through"
    assert found(canary, places) == []


def test_an_api_key_is_found_nowhere(node: TestNode, site: str, line: Line, log: Path) -> None:
    node.put_user("jdoe")
    id, encoded = new_key(node, "ada", name="canary")
    pair = base64.b64decode(encoded).decode()
    _, _, secret = pair.partition(":")
    visitor = Visitor(site)

    walk_with_api_key(visitor, encoded, pair, line)
    node.elastic.security.invalidate_api_key(ids=[id])
    assert visitor.get("/users/") == 200
    assert "your API key has expired or was revoked" in visitor.seen[-1]
    assert visitor.post("/login/api-key", api_key=encoded) == 200, "it is recorded as a failure"

    places = places_to_look(node, log, visitor)
    assert f'"api_key":"canary ({id})"' in places["indices"], "the trail names the key"
    assert f'"key_id":"{id}"' in places["indices"], "and so do failures"
    assert found(secret, places) == []
    assert [place for place, text in places.items() if encoded.rstrip("=") in text] == []


def walk_with_api_key(visitor: Visitor, encoded: str, pair: str, line: Line) -> None:
    """What people do with an API key, right and wrong."""
    visitor.get("/login/api-key")
    assert visitor.post("/login/api-key", token="x" * 64, api_key=encoded) == 403
    assert visitor.post("/login/api-key", api_key=encoded, **{f"field{number}": "" for number in range(20_001)}) == 413
    for mistyped in (f"{pair}x", f"x{pair}", pair[:-1], f"{encoded}x", f"x{encoded}", f"ApiKey {encoded}"):
        assert visitor.post("/login/api-key", api_key=mistyped) == 200
    visitor.get("/login")
    assert visitor.post("/login", username="ada", password=encoded) == 200
    line.is_cut = True
    assert visitor.post("/login/api-key", api_key=encoded) == 503
    line.is_cut, line.lost = False, (b"/_authenticate",)
    assert visitor.post("/login/api-key", api_key=encoded) == 503
    line.lost = ()
    for spelling in (encoded, pair):
        visitor.cookies.clear()
        visitor.get("/login/api-key")
        assert visitor.post("/login/api-key", api_key=spelling) == 200
    assert visitor.post("/users/deactivate/jdoe") == 200
    assert visitor.post("/reviews/sign-off/gone", api_key=encoded) == 404
    assert visitor.post("/account/create-api-key", name="x", privilege="read_security", days="7") == 403
    for page in ("account/", "account/api-keys", "account/sessions", "sessions/", "api-keys/", "audit/", "system/", "access/"):
        assert visitor.get(f"/{page}") == 200
    stranger = Visitor(visitor.site)
    stranger.get("/login/api-key")
    assert stranger.post("/reviews/sign-off/gone", api_key=encoded, comment="kept") == 401
    assert "kept" in stranger.seen[-1]
    visitor.seen = stranger.seen + visitor.seen


def places_to_look(node: TestNode, log: Path, *visitors: Visitor) -> dict[str, str]:
    places = {
        "pages, headers and addresses": "\n".join(page for visitor in visitors for page in visitor.seen),
        "log of the product": log.read_text(),
        "logs of the node": "\n".join(path.read_text(errors="replace") for path in logs(node)),
        "indices": dump(node),
    }
    assert "DEBUG" in places["log of the product"].upper()
    return places


def found(secret: str, places: dict[str, str]) -> list[tuple[str, str]]:
    return [(place, spelling) for place, text in places.items() for spelling in spellings(secret) if spelling in text]


def walk(ada: Visitor, jane: Visitor, canary: str) -> None:
    """What people do, right and wrong."""
    both = {"password": canary, "confirm_password": canary}
    stranger = Visitor(ada.site)
    stranger.get("/login")
    assert stranger.post("/login", username="jdoe", password=canary) == 200
    ada.get("/users/create")
    assert ada.post("/users/create", username="", **both) == 422
    assert ada.post("/users/create", username="kim", roles="nope", **both) == 422
    assert ada.post("/users/create", username=canary[:12], password=canary[:13], confirm_password=canary) == 422
    assert ada.post("/passwords/strength", **both) == 200
    assert ada.post("/users/create", username="kim", **both) == 200
    assert ada.post("/users/change-password/jdoe", password=canary, confirm_password="another") == 422
    assert ada.post("/users/change-password/gone", **both) == 404
    assert ada.post("/users/change-password/kibana_system", **both) == 422
    assert ada.post("/users/change-password/jdoe", token="x" * 64, **both) == 403
    assert ada.post("/users/change-password/jdoe", **both, **{f"field{number}": "" for number in range(20_001)}) == 413
    assert jane.post("/account/change-password", current_password=canary, password=f"{canary}-2", confirm_password="") == 422
    assert jane.post("/account/change-password", current_password=canary, **both) == 422
    assert jane.post("/account/change-password", current_password=PASSWORD, **both) == 200
    own = {"password": f"{canary}-own", "confirm_password": f"{canary}-own"}
    assert jane.post("/account/change-password", current_password=canary, **own) == 200
    ada.seen = stranger.seen + ada.seen


def walk_in_the_dark(ada: Visitor, jane: Visitor, canary: str, line: Line) -> None:
    """What the cluster does to them, and what time does."""
    both = {"password": canary, "confirm_password": canary}
    line.lost = (b"/_password", b"/_authenticate", b"PUT /_security/user/")
    assert ada.post("/users/change-password/kim", **both) == 504
    assert jane.post("/account/change-password", current_password=f"{canary}-own", **both) == 503
    assert ada.post("/users/create", username="lee", **both) == 504
    line.lost = (b"/_password",)
    assert ada.post("/users/change-password/kim", **both) == 200, "the product looked whether it was done"
    line.is_cut = True
    assert ada.post("/users/change-password/kim", **both) == 503
    assert ada.post("/users/create", username="moe", **both) == 503
    line.is_cut, line.lost = False, ()
    jane.cookies.clear("127.0.0.1", "/", "usermgmt_session")
    assert jane.post("/account/change-password", current_password=canary, **both) == 401
    assert ada.post("/users/change-password/kim", **both) == 200


def dump(node: TestNode) -> str:
    """Every document of every index, hidden and restricted ones too."""
    as_a_product = node.elastic.options(headers={"x-elastic-product-origin": "kibana"})
    as_a_product.indices.refresh(index="*,.security*", expand_wildcards="all")
    answer = as_a_product.search(index="*,.security*", expand_wildcards="all", size=10_000)
    assert answer["hits"]["total"]["relation"] == "eq"
    return json.dumps(answer["hits"]["hits"], separators=(",", ":"))


def spellings(secret: str) -> list[str]:
    """As it is, and in base64 wherever it begins in what was encoded; without the ends, which depend on what stands beside."""
    encoded = [base64.b64encode(b"x" * offset + secret.encode()).decode()[4:28] for offset in range(3)]
    return [secret, secret[:-2], secret.encode().hex(), *encoded]
