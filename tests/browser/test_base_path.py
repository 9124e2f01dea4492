"""Below a path on the real server: every page is opened, and nothing in it or in its headers leaves the path."""

import http.client
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from django.urls import Resolver404, resolve

from accounts.services import jobs, users
from accounts.services.client import PersonClient
from accounts.services.users import UserQuery
from accounts.urls import urlpatterns
from tests.support.cast import PASSWORD
from tests.support.findings import run_through
from tests.support.nodes import TestNode
from tests.support.reviews import decide, sign_off, start_review
from tests.support.server import serve
from tests.support.sessions import OWN_PAGE

BASE = "/es-users"
# They redirect, only take forms, or are for programs.
WITHOUT_PAGE = {
    "home",
    "login",
    "login_with_api_key",
    "logout",
    "theme",
    "password_strength",
    "sign_in_allow",
    "compare_exports",
    "findings_run",
    "findings_resume",
    "review_decide",
    "review_job",
    "job_advance",
    "job_control",
    "job_passwords",
    "audit_verify",
    "metrics",
}
PER_PAGE = 3  # of the links to pages that differ only in their arguments
HTMX = {"HX-Request": "true", "HX-Target": "dialog-content", "HX-Current-URL": f"http://127.0.0.1{BASE}/users/"}


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    page: str


@dataclass
class Visitor:
    """Sends requests as a proxy does that keeps or removes the path, and collects everything that leaves the path."""

    place: str
    keeps_path: bool
    cookies: SimpleCookie = field(default_factory=SimpleCookie)
    outside: list[tuple[str, str]] = field(default_factory=list)
    opened: set[str] = field(default_factory=set)

    def request(self, url: str, data: dict[str, str] | None = None, headers: dict[str, str] | None = None) -> Answer:
        cookies = "; ".join(f"{name}={cookie.value}" for name, cookie in self.cookies.items())
        headers = {"Cookie": cookies, "Content-Type": "application/x-www-form-urlencoded", **OWN_PAGE, **(headers or {})}
        method, body = ("GET", "") if data is None else ("POST", urlencode(data))
        target = url if self.keeps_path else url.removeprefix(BASE)
        with closing(http.client.HTTPConnection(self.place, timeout=60)) as connection:
            connection.request(method, target, body, headers)
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read().decode("utf-8", "replace"))
        self._check(url, answer)
        return answer

    def _check(self, url: str, answer: Answer) -> None:
        assert answer.status < 500, (url, answer.page)
        for line in answer.headers.get_all("Set-Cookie", []):
            (cookie,) = SimpleCookie(line).values()
            self.cookies[cookie.key] = cookie.value
            if cookie["path"] != BASE:
                self.outside.append((url, line))
        targets = [answer.headers[name] for name in ("Location", "HX-Redirect", "HX-Push-Url") if name in answer.headers]
        for target in [*targets, *urls_of(answer.page)]:
            if urlsplit(target).path != BASE and not target.startswith(f"{BASE}/"):
                self.outside.append((url, target))

    def visit_all(self, urls: list[str]) -> None:
        """These pages, and all that they link to."""
        counts: dict[str, int] = {}
        seen = set(urls)
        while urls:
            url = urls.pop(0)
            answer = self.request(url)
            self.request(url, headers=HTMX)
            if answer.status == 200:
                self.opened.add(name_of(url))
            for link in [*urls_of(answer.page), *answer.headers.get_all("Location", [])]:
                name = name_of(link)
                if link not in seen and name and counts.get(name, 0) < PER_PAGE:
                    counts[name] = counts.get(name, 0) + 1
                    seen.add(link)
                    urls.append(link)


class Attributes(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Whatever the attribute is called: a script may read it."""
        self.urls += [value for _, value in attrs if value and re.match(r"/|https?://(?!www\.elastic\.co/|www\.w3\.org/)", value)]


def urls_of(page: str) -> list[str]:
    parser = Attributes()
    parser.feed(page)
    return parser.urls


def name_of(url: str) -> str:
    """The name of the page; "" for static files, and for what a visit would end."""
    try:
        name = resolve(urlsplit(url).path.removeprefix(BASE)).url_name or ""
    except Resolver404:
        return ""
    return "" if name == "logout" else name


@pytest.fixture(params=[True, False], ids=["keeps-the-path", "strips-the-path"])
def visitor(request: pytest.FixtureRequest, node: TestNode, tmp_path: Path) -> Iterator[Visitor]:
    url, process = serve(node, tmp_path / "log", BASE_PATH=f"{BASE}/")
    yield Visitor(url.removeprefix("http://"), request.param)
    process.terminate()
    process.wait(timeout=30)


@pytest.fixture
def content(node: TestNode) -> Iterator[list[str]]:
    """Something for every page to show; the URLs that nothing links to in this state."""
    ada = PersonClient("ada", PASSWORD)
    node.put_user("jdoe", roles=["viewer", "nope"], email="ada@example.org")
    node.put_user("deactivated", roles=["viewer"])
    users.disable(ada, "deactivated")
    key = node.elastic.security.grant_api_key(
        grant_type="password", username="jdoe", password=PASSWORD, api_key={"name": "key"}, refresh=True
    )
    node.elastic.security.put_role_mapping(name="mapping", enabled=False, roles=["viewer"], rules={"field": {"username": "x"}})
    planned = jobs.create(ada, "deactivate", [], UserQuery(q="jdoe"), "jdoe")
    while jobs.advance(ada, planned.id, lambda *_: "").state == "planning":
        pass
    signed_off, pending = start_review(ada, UserQuery(q="norah")), start_review(ada, UserQuery(q="jdoe"))
    decide(ada, signed_off, 1, "remove")
    sign_off(ada, signed_off)
    run_through(node, ada)
    today = datetime.now(UTC).date()
    yield [
        "users/?q=jdoe",
        "users/?view=activity",
        "search?q=jdoe",
        "roles/who-can?privilege=manage_security",
        f"reviews/sign-off/{pending.id}",
        f"reviews/cancel/{pending.id}",
        f"compare/reviews?one={signed_off.id}&other={pending.id}",
        f"compare/trail?since={today}",
        "users/edit/deactivated",
        "users/history/deactivated",  # links to what can be restored; owners of API keys have histories, too
        "users/revoke-api-keys/jdoe",
        "users/edit/nobody",
        f"users/jobs/offboarding/{planned.id}",
        f"api-keys/view/{key['id']}",
        "findings/view/managers",
        "damaged/discard/reviews",
        "nothing",
    ]
    node.elastic.security.delete_role_mapping(name="mapping")


def test_nothing_leaves_the_path(visitor: Visitor, content: list[str]) -> None:
    def post(page: str, form: str = "", **fields: str) -> Answer:
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', visitor.request(f"{BASE}/{form or page}").page)
        assert token
        return visitor.request(f"{BASE}/{page}", {"csrfmiddlewaretoken": token[1], **fields})

    assert post("login", username="ada", password="wrong").status == 200
    for _ in range(2):  # the second session lists the first
        visitor.cookies.clear()
        assert post("login", username="ada", password=PASSWORD, next="/kibana/").headers["Location"] == f"{BASE}/"
    start_pages = [str(pattern.pattern) for pattern in urlpatterns if "<" not in str(pattern.pattern)]
    visitor.visit_all([f"{BASE}/{page}" for page in [*start_pages, *content]])
    assert f'href="{BASE}/roles/" aria-current="page"' in visitor.request(f"{BASE}/roles/").page
    assert post("users/create", username="jroe", password=PASSWORD, confirm_password=PASSWORD).status == 302
    assert visitor.request(f"{BASE}/users/create", {}).status == 403  # without a token
    assert post("theme", "account/", theme="dark", next="/kibana/").headers["Location"] == f"{BASE}/"
    assert post("logout", "account/").status == 302
    assert {pattern.name for pattern in urlpatterns} - visitor.opened == WITHOUT_PAGE
    assert visitor.outside == []
