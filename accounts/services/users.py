"""Native and reserved users: find, read, create, update, enable, disable, delete (`_security/user`, `_security/_query/user`)."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from django.views.decorators.debug import sensitive_variables

from accounts.services import errors, locks, sessions
from accounts.services.connection import Person

RESERVED_USERNAMES: Final = (
    "apm_system",
    "beats_system",
    "elastic",
    "kibana",
    "kibana_system",
    "logstash_system",
    "remote_monitoring_user",
)
# As names these would reach other parts of the API: `PUT _security/user/_password` changes the caller's own password.
ROUTES: Final = ("_password", "_privileges", "_has_privileges")
LONGEST_USERNAME: Final = 507
# `from` + `size` of a query may not pass it.
WINDOW: Final = 10_000
LONGEST_SEARCH: Final = 200


@dataclass(frozen=True, slots=True)
class User:
    """A native or reserved user as Elasticsearch has it; texts are "" where it has null."""

    username: str
    full_name: str = ""
    email: str = ""
    roles: tuple[str, ...] = ()
    enabled: bool = True
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_reserved(self) -> bool:
        """Built in: only the password and the enabled flag can change."""
        return self.username in RESERVED_USERNAMES or bool(self.metadata.get("_reserved"))

    @property
    def is_deprecated(self) -> bool:
        """As `kibana` is; only Elasticsearch can set metadata that starts with an underscore."""
        return bool(self.metadata.get("_deprecated"))

    @property
    def deprecated_reason(self) -> str:
        """Elasticsearch's own words."""
        return str(self.metadata.get("_deprecated_reason") or "")


@dataclass(frozen=True)
class UserQuery:
    """What a list page asks for. `number` counts pages from 1."""

    q: str = ""
    role: str = ""
    reserved: bool = True
    number: int = 1
    size: int = 20

    @property
    def is_filtered(self) -> bool:
        """Whether some users are left out."""
        return bool(self.q or self.role)


@dataclass(frozen=True)
class UserPage:
    """One page of a list, and how many there are in all."""

    users: list[User]
    total: int
    number: int
    size: int

    @property
    def first(self) -> int:
        """The position of the page's first user, counted from 1; 0 when there is none."""
        return (self.number - 1) * self.size + 1 if self.users else 0

    @property
    def last(self) -> int:
        """The position of its last user."""
        return (self.number - 1) * self.size + len(self.users)

    @property
    def has_previous(self) -> bool:
        """Whether there is a page before it."""
        return self.number > 1

    @property
    def has_next(self) -> bool:
        """Whether there is a page after it that Elasticsearch's window lets us see."""
        return self.last < self.total and (self.number + 1) * self.size <= WINDOW


def search(connection: Person, query: UserQuery) -> UserPage:
    """A page of the users that match, native and reserved in one order, by user name. A number past the end is the last page.

    Two calls: `_query/user` knows native users only, so the few reserved ones are read by name and sorted in.
    Raises Refused without read_security.
    """
    reserved = [user for user in _reserved(connection) if _matches(user, query)] if query.reserved else []
    number = min(query.number, WINDOW // query.size)
    users, total = _page(connection, query, reserved, number)
    last = max(1, -(-total // query.size))
    if number > last:
        number = last
        users, total = _page(connection, query, reserved, number)
    return UserPage(users, total, number, query.size)


def _page(connection: Person, query: UserQuery, reserved: list[User], number: int) -> tuple[list[User], int]:
    """Of the merged order, one page; of the native order, that page and as many before it as there are reserved ones."""
    start = (number - 1) * query.size
    window = max(0, start - len(reserved))
    answer = connection.query_user(
        query=_native_query(query), sort=[{"username": {"order": "asc"}}], from_=window, size=start + query.size - window
    )
    merged = sorted([*map(_user, answer["users"]), *reserved], key=lambda user: user.username)
    return merged[start - window :][: query.size], answer["total"] + len(reserved)


def _native_query(query: UserQuery) -> dict[str, Any]:
    clauses: list[dict[str, Any]] = [_word_query(word) for word in _words(query)]
    if query.role:
        clauses.append({"term": {"roles": query.role}})
    return {"bool": {"filter": clauses}} if clauses else {"match_all": {}}


def _word_query(word: str) -> dict[str, Any]:
    """Part of a user name, full name, e-mail address or role, whatever the case, taken literally."""
    literal = "".join("\\" + letter if letter in "*?\\" else letter for letter in word)
    pattern = {"value": f"*{literal}*", "case_insensitive": True}
    return {"bool": {"should": [{"wildcard": {name: pattern}} for name in ("username", "full_name", "email", "roles")]}}


def _words(query: UserQuery) -> list[str]:
    return query.q[:LONGEST_SEARCH].split()


def _matches(user: User, query: UserQuery) -> bool:
    """What `_native_query` says, of a reserved user."""
    texts = [text.lower() for text in (user.username, user.full_name, user.email, *user.roles)]
    has_words = all(any(word.lower() in text for text in texts) for word in _words(query))
    return has_words and (not query.role or query.role in user.roles)


def _reserved(connection: Person) -> list[User]:
    return [_user(body) for body in connection.get_user(username=list(RESERVED_USERNAMES)).body.values()]


def get(connection: Person, username: str) -> User:
    """One user. Raises NotFound, and Refused without read_security."""
    if not is_legal(username):
        raise errors.NotFound(username)
    if "," not in username:
        body = connection.get_user(username=username).body.get(username)
    else:  # `_security/user/a,b` means two users
        body = next(iter(connection.query_user(query={"term": {"username": username}}, size=1)["users"]), None)
    if body is None:
        raise errors.NotFound(username)
    return _user(body)


def get_many(connection: Person, usernames: Iterable[str]) -> list[User]:
    """Those of the names that are native users, by name, in one call."""
    names = sorted(set(usernames))
    answer = connection.query_user(query={"terms": {"username": names}}, sort=[{"username": {"order": "asc"}}], size=len(names))
    return [_user(body) for body in answer["users"]]


@sensitive_variables("password")
def create(connection: Person, user: User, password: str) -> None:
    """Create a native user, and never overwrite one.

    The API has no create-only form, so a lock and a look go before. Raises UserExists, Busy, Invalid, and UserOverwritten
    when somebody created the same name outside of the product between look and call.
    """
    with locks.held(_lock(user.username)):
        _refuse_existing(connection, user.username)
        answer = connection.put_user(
            username=user.username, password=password, enabled=True, metadata=dict(user.metadata), **_profile(user)
        )
    if not answer["created"]:
        raise errors.UserOverwritten(user.username)


def update(connection: Person, seen: User, wanted: User) -> None:
    """Give a native user the full name, e-mail address and roles of `wanted`; everything else stays as it is.

    `seen` is the user as the person saw it. Raises EditConflict, and writes nothing, when it is another by now; Busy, NotFound.
    """
    with locks.held(_lock(wanted.username)):
        now = get(connection, wanted.username)
        if conflicts := differences(seen, now):
            raise errors.EditConflict(conflicts)
        # Without `enabled` the API would activate, without `metadata` it would erase; {} is merged into what is there.
        connection.put_user(username=now.username, enabled=now.enabled, metadata={}, **_profile(wanted))


def differences(was: User, now: User) -> list[errors.FieldConflict]:
    """The fields in which a user has changed, in words; the order of roles means nothing."""
    pairs = [
        ("full_name", was.full_name, now.full_name),
        ("email", was.email, now.email),
        ("roles", ", ".join(sorted(was.roles)), ", ".join(sorted(now.roles))),
        ("enabled", _status(was), _status(now)),
    ]
    return [errors.FieldConflict(name, before, after) for name, before, after in pairs if before != after]


def enable(connection: Person, username: str) -> None:
    """Let a user sign in again. Raises NotFound."""
    with missing_is_not_found(connection, username):
        connection.enable_user(username=username)


def disable(connection: Person, username: str) -> None:
    """Keep a user from signing in, from their next request on; their sessions end. Raises NotFound."""
    with missing_is_not_found(connection, username):
        connection.disable_user(username=username)
    sessions.end_all(username)


def delete(connection: Person, username: str) -> None:
    """Delete a native user for good; their sessions end. Raises NotFound."""
    if not is_legal(username):
        raise errors.NotFound(username)
    connection.delete_user(username=username)
    sessions.end_all(username)


def is_legal(username: str) -> bool:
    """Whether Elasticsearch could have a user of that name, and a call about it would reach that user."""
    printable = all(" " <= letter <= "~" for letter in username)
    return printable and 0 < len(username) <= LONGEST_USERNAME and username == username.strip() and username not in ROUTES


def _lock(username: str) -> str:
    return f"user {username}"


def _refuse_existing(connection: Person, username: str) -> None:
    try:
        get(connection, username)
    except errors.NotFound:
        return
    raise errors.UserExists(username)


@contextmanager
def missing_is_not_found(connection: Person, username: str) -> Iterator[None]:
    """Enabling, disabling or a password change of a missing user is a 400; a 400 about one who exists means something else."""
    try:
        yield
    except errors.Invalid:
        get(connection, username)
        raise


def _profile(user: User) -> dict[str, Any]:
    return {"full_name": user.full_name or None, "email": user.email or None, "roles": list(user.roles)}


def _status(user: User) -> str:
    return "Active" if user.enabled else "Deactivated"


def _user(body: Mapping[str, Any]) -> User:
    return User(
        username=body["username"],
        full_name=body["full_name"] or "",
        email=body["email"] or "",
        roles=tuple(body["roles"]),
        enabled=body["enabled"],
        metadata=body["metadata"],
    )
