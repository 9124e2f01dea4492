"""Names of users and roles in URLs, tilde-encoded: percent-encoding (`/`, `..`, `%2F`) does not survive browsers and proxies."""

import re

# A leading dot could produce `.` or `..`, which browsers resolve.
_SPECIAL = re.compile(r"^\.|[^A-Za-z0-9_@.-]")
# Characters of other realms beyond Latin-1 have a form of their own: `~2170` is `!70`.
_ENCODED = re.compile(r"~([0-9A-F]{2}|u[0-9A-F]{6})")


class UsernameConverter:
    """`jane.doe@example.org` stays as it is, `a/b` is `a~2Fb`, `..` is `~2E.`; each name has exactly one form."""

    regex = r"[A-Za-z0-9_@.~-]+"

    def to_python(self, value: str) -> str:
        """The username. Raises ValueError (404) for anything that `to_url` doesn't produce, or that no request can have."""
        username = _ENCODED.sub(lambda match: chr(int(match[1].removeprefix("u"), 16)), value)
        username.encode()  # half of a surrogate pair raises UnicodeEncodeError
        if self.to_url(username) != value:
            raise ValueError(value)
        return username

    def to_url(self, username: str) -> str:
        """The path segment: never empty, `.`, or `..`, and safe in every part of a URL."""
        return _SPECIAL.sub(lambda match: _encoded(ord(match[0])), username)


class RoleConverter(UsernameConverter):
    """Role names allow the same characters."""


class RoleMappingConverter(UsernameConverter):
    """Names of role mappings can have any characters: their UTF-8 bytes are encoded."""

    def to_python(self, value: str) -> str:
        """The name. Raises ValueError (404) for anything that `to_url` doesn't produce."""
        return _BYTES.to_python(value).encode("latin-1").decode()

    def to_url(self, name: str) -> str:
        return _BYTES.to_url(name.encode().decode("latin-1"))


def _encoded(code: int) -> str:
    return f"~{code:02X}" if code <= 0xFF else f"~u{code:06X}"


_BYTES = UsernameConverter()
