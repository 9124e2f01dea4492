"""Conditional requests, which Elasticsearch doesn't have: an entity tag for each user, If-Match, and If-None-Match."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from accounts.services import errors

ANY: Final = "*"
# The ID of the Kibana profile is only in responses that ask for it.
NOT_TAGGED: Final = "profile_uid"


def etag(body: Mapping[str, Any]) -> str:
    """The entity tag of a user as Elasticsearch returns it, with quotes."""
    tagged = {name: value for name, value in body.items() if name != NOT_TAGGED}
    return f'"{hashlib.sha256(json.dumps(tagged, sort_keys=True).encode()).hexdigest()[:32]}"'


@dataclass(frozen=True)
class Conditions:
    """The headers of a request: "" where it doesn't have one."""

    if_match: str = ""
    if_none_match: str = ""

    def __bool__(self) -> bool:
        return bool(self.if_match or self.if_none_match)

    def require(self, stored: Mapping[str, Any] | None) -> None:
        """Raise PreconditionFailed unless the user, None if there isn't one, is as the request requires."""
        tag = etag(stored) if stored is not None else ""
        if self.if_match and not _matches(self.if_match, tag):
            raise errors.PreconditionFailed("the user isn't the version that If-Match requires")
        if self.if_none_match and _matches(self.if_none_match, tag):
            raise errors.PreconditionFailed("the user exists, which If-None-Match excludes")


def _matches(header: str, tag: str) -> bool:
    tags = {part.strip().removeprefix("W/") for part in header.split(",")}
    return bool(tag) and (ANY in tags or tag in tags)
