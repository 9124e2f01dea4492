"""An ASGI application that answers `/412` with the status 412, and other paths with 200.

Its header `access-lines` has the number of lines that gunicorn has made for its access log.
"""

import logging
from typing import Any

lines: list[logging.LogRecord] = []


def _counted(record: logging.LogRecord) -> bool:
    lines.append(record)
    return True


logging.getLogger("gunicorn.access").addFilter(_counted)


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    name = scope["path"].strip("/")
    headers = [(b"access-lines", str(len(lines)).encode())]
    await send({"type": "http.response.start", "status": int(name) if name.isdecimal() else 200, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
