"""A minimal HTTP client with a persistent connection, so that the time of the server dominates the measurements."""

import base64
import http.client
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import unescape
from typing import Self
from urllib.parse import urlencode, urlsplit

TIMEOUT_SECONDS = 60
FORM = "application/x-www-form-urlencoded"
BOUNDARY = "end-of-part"
CSRF_FIELD = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


@dataclass(frozen=True)
class Request:
    """An HTTP request, independent of the server."""

    path: str
    method: str = "GET"
    body: bytes = b""


class Failed(Exception):
    """A server returned an unexpected response. The message is for the terminal."""


class Client:
    """A connection to a server, and the headers of all requests."""

    def __init__(self, url: str, headers: dict[str, str] | None = None) -> None:
        address = urlsplit(url)
        self.url = url
        self.headers = headers or {}
        self._tokens: dict[str, str] = {}
        self._connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=TIMEOUT_SECONDS)

    def another(self, url: str | None = None) -> Self:
        """A new connection with the same headers and session, by default to the same URL."""
        return type(self)(url or self.url, self.headers)

    def close(self) -> None:
        """Close the connection; the next request opens a new one."""
        self._connection.close()

    def send(self, request: Request) -> bytes:
        """The body of the response. Raises Failed unless the status is 200."""
        response, body = self._exchange(request)
        if response.status != 200:
            raise Failed(f"{request.method} {self.url}{request.path}: {response.status} {body[:300]!r}")
        return body

    def sign_in(self, path: str, username: str, password: str) -> None:
        """Sign in with a Django form, as a browser does; the cookies are stored in `headers`. Raises Failed."""
        response, page = self._exchange(Request(path))
        token = CSRF_FIELD.search(page.decode())
        if token is None:
            raise Failed(f"{self.url}{path} has no sign-in form")
        self._take_cookies(response)
        form = {"csrfmiddlewaretoken": unescape(token[1]), "username": username, "password": password, "next": "/"}
        response, _ = self._exchange(Request(path, "POST", urlencode(form).encode()), FORM)
        if response.status != 302:
            raise Failed(f"{self.url}{path} refused the sign-in: {response.status}")
        self._take_cookies(response)

    def send_form(self, path: str, **fields: str) -> bytes:
        """The body of the response after the form of a page is submitted with these fields. Raises Failed."""
        response, body = self._exchange(
            Request(path, "POST", urlencode({"csrfmiddlewaretoken": self._token(path), **fields}).encode()), FORM
        )
        if response.status != 200:
            raise Failed(f"POST {self.url}{path}: {response.status} {body[:300]!r}")
        return body

    def submit(self, path: str, fields: Iterable[tuple[str, str]], file: tuple[str, bytes] | None = None, *, page: str = "") -> str:
        """Where the response redirects to, after the form at this path is submitted. `page`: where the form is. Raises Failed."""
        response = self.post(path, page or path, fields, {}, file)
        if response.status != 302:
            raise Failed(f"POST {self.url}{path}: {response.status}")
        return response.headers["Location"]

    def post(
        self,
        path: str,
        page: str,
        fields: Iterable[tuple[str, str]],
        headers: Mapping[str, str],
        file: tuple[str, bytes] | None = None,
    ) -> http.client.HTTPResponse:
        """The response to a form of a page, already read. `file`: name and content of its field "file"."""
        fields = [("csrfmiddlewaretoken", self._token(page)), *fields]
        body, content_type = _multipart(fields, *file) if file else (urlencode(fields).encode(), FORM)
        response, _ = self._exchange(Request(path, "POST", body), content_type, headers)
        return response

    def _token(self, path: str) -> str:
        """The CSRF token of the page, read once."""
        if path not in self._tokens:
            found = CSRF_FIELD.search(self.send(Request(path)).decode())
            self._tokens[path] = unescape(found[1]) if found else ""
        return self._tokens[path]

    def _exchange(
        self, request: Request, content_type: str = "application/json", more: Mapping[str, str] | None = None
    ) -> tuple[http.client.HTTPResponse, bytes]:
        headers = {**self.headers, **(more or {}), **({"Content-Type": content_type} if request.body else {})}
        try:
            return self._send_once(request, headers)
        except (ConnectionError, http.client.BadStatusLine):
            self._connection.close()  # the server closed an idle connection
            return self._send_once(request, headers)

    def _send_once(self, request: Request, headers: dict[str, str]) -> tuple[http.client.HTTPResponse, bytes]:
        self._connection.request(request.method, request.path, request.body or None, headers)
        response = self._connection.getresponse()
        return response, response.read()

    def _take_cookies(self, response: http.client.HTTPResponse) -> None:
        cookies = dict(pair.split("=", 1) for pair in self.headers.get("Cookie", "").split("; ") if pair)
        cookies |= dict(value.partition(";")[0].split("=", 1) for value in response.headers.get_all("Set-Cookie", []))
        self.headers = self.headers | {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}


def _multipart(fields: Iterable[tuple[str, str]], name: str, content: bytes) -> tuple[bytes, str]:
    """The body of a form with a file, and its content type."""
    head = 'Content-Disposition: form-data; name="{}"'
    parts = [f"--{BOUNDARY}\r\n{head.format(field)}\r\n\r\n{value}\r\n".encode() for field, value in fields]
    start = f'--{BOUNDARY}\r\n{head.format("file")}; filename="{name}"\r\n\r\n'.encode()
    return b"".join([*parts, start, content, f"\r\n--{BOUNDARY}--\r\n".encode()]), f"multipart/form-data; boundary={BOUNDARY}"


def elasticsearch(url: str, username: str, password: str) -> Client:
    """A client of a node with the credentials of this user."""
    return Client(url, {"Authorization": "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()})
