"""The body of a change: unpacked, and read as strictly as Elasticsearch does."""

import json
import zlib
from http import HTTPStatus
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest

from accounts.services.client import strict_json

JSON_TYPES: Final = ("application/json", "application/vnd.elasticsearch+json")
# How Elasticsearch names the start of a value.
TOKENS: Final = {
    list: "START_ARRAY",
    str: "VALUE_STRING",
    int: "VALUE_NUMBER",
    float: "VALUE_NUMBER",
    bool: "VALUE_BOOLEAN",
    type(None): "VALUE_NULL",
}
GZIP: Final = 16 + zlib.MAX_WBITS


class Unreadable(Exception):
    """The body can't be read; `type` is Elasticsearch's, "" for an error that is only a text."""

    def __init__(self, status: int, type: str, reason: str) -> None:
        super().__init__(reason)
        self.status, self.type, self.reason = status, type, reason


def content(request: HttpRequest) -> bytes:
    """The bytes of a request, as they came. Raises Unreadable for too many, and without a length."""
    length = int(request.META.get("CONTENT_LENGTH") or 0)
    if length > settings.LARGEST_API_REQUEST:
        raise Unreadable(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "", f"a request can't have more than {settings.LARGEST_API_REQUEST} bytes"
        )
    if not length and request.META.get("HTTP_TRANSFER_ENCODING"):
        raise Unreadable(HTTPStatus.LENGTH_REQUIRED, "", "a request with a body needs the header Content-Length")
    return request.META["wsgi.input"].read(length) if length else b""


def unpacked(request: HttpRequest, data: bytes) -> bytes:
    """The JSON text in the body of a change: what is judged is then also what is sent. Raises Unreadable."""
    _require_json(request, data)
    encoding = request.META.get("HTTP_CONTENT_ENCODING", "").lower()
    if encoding not in ("", "identity", "gzip"):
        raise Unreadable(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "", f"Content-Encoding header [{encoding}] is not supported")
    return _gunzip(data) if encoding == "gzip" else data


def parsed(data: bytes) -> dict[str, Any]:
    """The JSON object in a body. Raises Unreadable."""
    if not data.strip():
        raise Unreadable(HTTPStatus.BAD_REQUEST, "parse_exception", "request body is required")
    try:
        body = strict_json.parse(_text(data))
    except json.JSONDecodeError as exc:
        is_cut_off = not exc.doc[exc.pos :].strip()
        kind = "x_content_e_o_f_exception" if is_cut_off else "x_content_parse_exception"
        raise Unreadable(HTTPStatus.BAD_REQUEST, kind, f"[{exc.lineno}:{exc.colno}] {exc.msg}") from None
    except (ValueError, RecursionError) as exc:
        raise Unreadable(HTTPStatus.BAD_REQUEST, "x_content_parse_exception", f"the body isn't valid JSON: {exc}") from None
    if not isinstance(body, dict):
        reason = f"expected an object, but found token [{TOKENS[type(body)]}]"
        raise Unreadable(HTTPStatus.BAD_REQUEST, "parse_exception", reason)
    return body


def _require_json(request: HttpRequest, data: bytes) -> None:
    """YAML, CBOR, and Smile, which Elasticsearch also reads, are accepted only for reads."""
    content_type = request.META.get("CONTENT_TYPE", "")
    if data and content_type.partition(";")[0].strip().lower() not in JSON_TYPES:
        raise Unreadable(HTTPStatus.NOT_ACCEPTABLE, "", f"Content-Type header [{content_type}] is not supported")


def _text(data: bytes) -> str:
    """Elasticsearch also guesses other encodings."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise ValueError("it isn't UTF-8") from None


def _gunzip(data: bytes) -> bytes:
    unpacking = zlib.decompressobj(GZIP)
    try:
        text = unpacking.decompress(data, settings.LARGEST_API_REQUEST)
    except zlib.error:
        raise Unreadable(HTTPStatus.BAD_REQUEST, "parse_exception", "the body isn't valid gzip") from None
    if unpacking.unconsumed_tail:
        raise Unreadable(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "", "the unpacked body is too large")
    if not unpacking.eof or unpacking.unused_data:
        raise Unreadable(HTTPStatus.BAD_REQUEST, "parse_exception", "the body isn't valid gzip")
    return text
