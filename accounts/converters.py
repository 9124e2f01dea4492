"""Names of users and roles in URLs, tilde-encoded: percent-encoding (`/`, `..`, `%2F`) does not survive browsers and proxies."""

import re

# A dot at the start could make `.` or `..`, which browsers resolve.
_SPECIAL = re.compile(r"^\.|[^A-Za-z0-9_@.-]")
_ENCODED = re.compile(r"~([0-9A-F]{2})")


class UsernameConverter:
    """`jane.doe@example.org` stays as it is, `a/b` is `a~2Fb`, `..` is `~2E.`; each name has exactly one form."""

    regex = r"[A-Za-z0-9_@.~-]+"

    def to_python(self, value: str) -> str:
        """The user name. Raises ValueError (the page is not found) for anything that `to_url` does not make."""
        username = _ENCODED.sub(lambda match: chr(int(match[1], 16)), value)
        if self.to_url(username) != value:
            raise ValueError(value)
        return username

    def to_url(self, username: str) -> str:
        """The path segment: never empty, `.` or `..`, and safe in every part of a URL."""
        return _SPECIAL.sub(lambda match: f"~{ord(match[0]):02X}", username)


class RoleConverter(UsernameConverter):
    """Names of roles may hold the same characters."""
