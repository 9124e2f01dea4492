"""The browser of a sample user: real requests to the views, without a server."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final, cast

from django.http.response import HttpResponseBase
from django.test import Client

from accounts.services import request_context
from accounts.services.client import PersonClient
from accounts.services.sessions import SessionStore
from accounts.services.signin import operators

ADDRESS: Final = "127.0.0.1"
WEBKIT: Final = "AppleWebKit/537.36 (KHTML, like Gecko)"
CHROME_ON_LINUX: Final = f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} Chrome/142.0.0.0 Safari/537.36"
CHROME_ON_ANDROID: Final = f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} Chrome/142.0.0.0 Mobile Safari/537.36"
EDGE_ON_WINDOWS: Final = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0"
FIREFOX_ON_WINDOWS: Final = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"
SAFARI_ON_MAC: Final = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15"
)
SAFARI_ON_IPAD: Final = (
    "Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1"
)


class UnexpectedPage(Exception):
    """A page had another status than the story expects."""


class Browser:
    """The browser of one user."""

    def __init__(self, username: str, user_agent: str) -> None:
        self.username = username
        self._client = Client(headers={"user-agent": user_agent}, SERVER_NAME=ADDRESS, REMOTE_ADDR=ADDRESS)

    def sign_in(self, password: str) -> "Browser":
        self.post("/login", username=self.username, password=password)
        return self

    def fail_to_sign_in(self, password: str) -> None:
        """Try to sign in with a wrong password."""
        self.post("/login", HTTPStatus.OK, username=self.username, password=password)

    def sign_out(self) -> None:
        self.post("/logout")

    def get(self, path: str, expected: HTTPStatus = HTTPStatus.OK) -> None:
        """Open a page. Raises UnexpectedPage for another status."""
        self._check_status(expected, path, self._client.get(path))

    def post(self, path: str, expected: HTTPStatus = HTTPStatus.FOUND, /, **form: str) -> None:
        """Submit a form and read the whole response. Raises UnexpectedPage for another status."""
        self._check_status(expected, path, self._client.post(path, form))

    @property
    def session_id(self) -> str:
        """The ID of the session document, with which administrators end the session."""
        return self._session.document_id

    @contextmanager
    def session(self) -> Iterator[PersonClient]:
        """The client of the signed-in user. Audit events of the block have this session."""
        operator = operators.from_session(self._session)
        if operator is None:
            raise UnexpectedPage(f"{self.username} is not signed in")
        tokens = request_context.source_address.set(ADDRESS), request_context.session_id.set(self.session_id)
        try:
            yield operator.client
        finally:
            request_context.source_address.reset(tokens[0])
            request_context.session_id.reset(tokens[1])

    @property
    def _session(self) -> SessionStore:
        return cast(SessionStore, self._client.session)

    def _check_status(self, expected: HTTPStatus, path: str, response: HttpResponseBase) -> None:
        content = b"".join(response)
        if response.status_code != expected:
            raise UnexpectedPage(f"{path} answered {self.username} with {response.status_code}: {content.decode()[:2000]}")
