"""A lean HTTP client that keeps its connection, so that what is measured is the server."""

import base64
import http.client
import re
from dataclasses import dataclass
from html import unescape
from typing import Self
from urllib.parse import urlencode, urlsplit

SECONDS_TO_ANSWER = 60
FORM = "application/x-www-form-urlencoded"
CSRF_FIELD = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


@dataclass(frozen=True)
class Request:
    """What is sent, to whichever server."""

    path: str
    method: str = "GET"
    body: bytes = b""


class Failed(Exception):
    """A server answered something else than it should."""


class Client:
    """One connection to one server, with the headers of every request."""

    def __init__(self, url: str, headers: dict[str, str] | None = None) -> None:
        place = urlsplit(url)
        self.url = url
        self.headers = headers or {}
        self._tokens: dict[str, str] = {}
        self._connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=SECONDS_TO_ANSWER)

    def another(self, url: str | None = None) -> Self:
        """The same user with another connection, possibly to another process with the same sessions."""
        return type(self)(url or self.url, self.headers)

    def close(self) -> None:
        """End the connection; the next request opens a new one."""
        self._connection.close()

    def send(self, request: Request) -> bytes:
        """The body of the answer. Raises Failed unless that is a 200."""
        answer, body = self._exchange(request)
        if answer.status != 200:
            raise Failed(f"{request.method} {self.url}{request.path}: {answer.status} {body[:300]!r}")
        return body

    def sign_in(self, path: str, username: str, password: str) -> None:
        """Through a form of Django's, as a browser would; the cookies stay in the headers. Raises Failed."""
        answer, page = self._exchange(Request(path))
        token = CSRF_FIELD.search(page.decode())
        if token is None:
            raise Failed(f"{self.url}{path} has no sign-in form")
        self._take_cookies(answer)
        form = {"csrfmiddlewaretoken": unescape(token[1]), "username": username, "password": password, "next": "/"}
        answer, _ = self._exchange(Request(path, "POST", urlencode(form).encode()), FORM)
        if answer.status != 302:
            raise Failed(f"{self.url}{path} refused the sign-in: {answer.status}")
        self._take_cookies(answer)

    def send_form(self, path: str, **fields: str) -> bytes:
        """What the form of that page gives when it is sent with these fields. Raises Failed."""
        answer, body = self._exchange(
            Request(path, "POST", urlencode({"csrfmiddlewaretoken": self._token(path), **fields}).encode()), FORM
        )
        if answer.status != 200:
            raise Failed(f"POST {self.url}{path}: {answer.status} {body[:300]!r}")
        return body

    def _token(self, path: str) -> str:
        """The page's token, asked for once."""
        if path not in self._tokens:
            found = CSRF_FIELD.search(self.send(Request(path)).decode())
            self._tokens[path] = unescape(found[1]) if found else ""
        return self._tokens[path]

    def _exchange(self, request: Request, content_type: str = "application/json") -> tuple[http.client.HTTPResponse, bytes]:
        try:
            return self._send_once(request, content_type)
        except (ConnectionError, http.client.BadStatusLine):
            self._connection.close()  # the server ended an idle connection; the next request opens a new one
            return self._send_once(request, content_type)

    def _send_once(self, request: Request, content_type: str) -> tuple[http.client.HTTPResponse, bytes]:
        headers = self.headers | {"Content-Type": content_type} if request.body else self.headers
        self._connection.request(request.method, request.path, request.body or None, headers)
        answer = self._connection.getresponse()
        return answer, answer.read()

    def _take_cookies(self, answer: http.client.HTTPResponse) -> None:
        cookies = dict(pair.split("=", 1) for pair in self.headers.get("Cookie", "").split("; ") if pair)
        cookies |= dict(value.partition(";")[0].split("=", 1) for value in answer.headers.get_all("Set-Cookie", []))
        self.headers = self.headers | {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}


def elasticsearch(url: str, username: str, password: str) -> Client:
    """A client of a node, as this user."""
    return Client(url, {"Authorization": "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()})
