"""An ASGI application that answers `/412` with the status 412, and other paths with 200."""

from typing import Any


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    name = scope["path"].strip("/")
    await send({"type": "http.response.start", "status": int(name) if name.isdecimal() else 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})
