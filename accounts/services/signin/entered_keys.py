"""An API key as somebody enters it."""

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Final, Self

from django.views.decorators.debug import sensitive_variables

BASE64: Final = re.compile(r"[A-Za-z0-9+/]+={0,2}")
# Those that Elasticsearch makes.
ID: Final = re.compile(r"[A-Za-z0-9_-]{20,22}")
SECRET: Final = re.compile(r"[A-Za-z0-9_-]{22}")


@dataclass(frozen=True)
class EnteredKey:
    """`encoded`: as the header `Authorization` has it. `id`: "" if it may be something else that was entered by mistake."""

    encoded: str = field(repr=False)
    id: str

    @classmethod
    @sensitive_variables()
    def read(cls, entered: str) -> Self | None:
        """From `encoded` in the response of Elasticsearch, or `id:api_key` in the same; None for any other text.

        It is encoded again, so that nothing else gets into a header.
        """
        pair = entered.encode() if ":" in entered else _decoded(entered)
        id, colon, secret = pair.decode(errors="replace").partition(":")
        if not (id and colon and secret):
            return None
        is_made_by_elasticsearch = ID.fullmatch(id) and SECRET.fullmatch(secret)
        return cls(base64.b64encode(pair).decode("ascii"), id if is_made_by_elasticsearch else "")


def _decoded(text: str) -> bytes:
    """Without padding, too, as Elasticsearch does."""
    try:
        return binascii.a2b_base64(f"{text.rstrip('=')}==") if BASE64.fullmatch(text) else b""
    except binascii.Error:
        return b""
