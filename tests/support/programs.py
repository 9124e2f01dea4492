"""Requests as programs send them to the user API, and how responses are compared."""

import base64
import http.client
import json
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from tests.support.cast import PASSWORD

# The headers that clients look at.
COMPARED: Final = ("content-type", "x-elastic-product", "www-authenticate", "allow", "warning", "x-opaque-id", "location")


@dataclass(frozen=True)
class Response:
    status: int
    reason: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error_type(self) -> str:
        error = self.json().get("error")
        return error["type"] if isinstance(error, dict) else str(error)


def basic(username: str, password: str = PASSWORD) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def send(
    url: str, method: str, target: str, body: Any = None, *, authorization: str | None = None, headers: dict[str, str] | None = None
) -> Response:
    """One request over a connection of its own; by default as `ada`. A dict is sent as JSON, "" for no credentials."""
    sent = {"Authorization": basic("ada") if authorization is None else authorization, **(headers or {})}
    if isinstance(body, dict):
        body, sent = json.dumps(body), {"Content-Type": "application/json", **sent}
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        connection.request(method, target, body, {name: value for name, value in sent.items() if value})
        answer = connection.getresponse()
        names = dict.fromkeys(name.lower() for name, _ in answer.getheaders())
        return Response(
            answer.status, answer.reason, {name: ", ".join(answer.msg.get_all(name, [])) for name in names}, answer.read()
        )
    finally:
        connection.close()


def compared(response: Response) -> tuple[int, str, dict[str, str], bytes]:
    """What has to be the same."""
    return (
        response.status,
        response.reason,
        {name: response.headers[name] for name in COMPARED if name in response.headers},
        response.body,
    )
