"""Native and reserved users: read, create, update, enable, disable, delete (`_security/user`). `user_list` finds them."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

from django.views.decorators.debug import sensitive_variables

from accounts.services import audit, errors, sessions, unknown_roles
from accounts.services.connection import Person
from accounts.services.kept import forget, kept

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


@dataclass(frozen=True, slots=True)
class User:
    """A native or reserved user as Elasticsearch has it; texts are "" where it has null."""

    username: str
    full_name: str = ""
    email: str = ""
    roles: tuple[str, ...] = ()
    enabled: bool = True
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)
    profile_uid: str = field(default="", compare=False)  # of the profile in Kibana, where it was asked for and there is one

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


@kept
def reserved(connection: Person) -> list[User]:
    """The built-in users, by name; `_query/user` does not know them. Raises Refused without read_security."""
    answer = connection.get_user(username=list(RESERVED_USERNAMES), with_profile_uid=True)
    return [user_of(body) for body in answer.body.values()]


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
    return user_of(body)


def get_many(connection: Person, usernames: Iterable[str]) -> list[User]:
    """Those of the names that are native users, by name, in one call."""
    names = sorted(set(usernames))
    answer = connection.query_user(query={"terms": {"username": names}}, sort=[{"username": {"order": "asc"}}], size=len(names))
    return [user_of(body) for body in answer["users"]]


@sensitive_variables("password")
def create(connection: Person, user: User, password: str) -> None:
    """Create a native user, and never overwrite one.

    The API has no create-only form, so a lock and a look go before. Raises UserExists, Busy, Invalid, NotRecorded, and
    UserOverwritten when somebody created the same name outside of the product between look and call.
    """
    made = replace(user, enabled=True)
    with audit.recorded(connection, "user-create", user.username, changes=_changes(None, made), lock=_lock(user.username)):
        _refuse_existing(connection, user.username)
        answer = connection.put_user(
            username=user.username, password=password, enabled=True, metadata=dict(user.metadata), **_profile(user)
        )
        forget(unknown_roles.names)
        if not answer["created"]:
            raise errors.UserOverwritten(user.username)


def update(connection: Person, seen: User, wanted: User) -> None:
    """Give a native user the full name, e-mail address and roles of `wanted`; everything else stays as it is.

    `seen` is the user as the person saw it. Raises EditConflict, and writes nothing, when it is another by now; Busy,
    NotFound, NotRecorded.
    """
    changes = _changes(seen, replace(wanted, enabled=seen.enabled, metadata=seen.metadata))
    with audit.recorded(connection, "user-update", wanted.username, changes=changes, lock=_lock(wanted.username)):
        now = get(connection, wanted.username)
        if conflicts := differences(seen, now):
            raise errors.EditConflict(conflicts)
        # Without `enabled` the API would activate, without `metadata` it would erase; {} is merged into what is there.
        connection.put_user(username=now.username, enabled=now.enabled, metadata={}, **_profile(wanted))
    forget(unknown_roles.names)


def differences(was: User, now: User) -> list[errors.FieldConflict]:
    """The fields in which a user has changed, in words; the order of roles means nothing."""
    pairs = [
        ("full_name", was.full_name, now.full_name),
        ("email", was.email, now.email),
        ("roles", ", ".join(sorted(was.roles)), ", ".join(sorted(now.roles))),
        ("enabled", _status(was), _status(now)),
    ]
    return [errors.FieldConflict(name, before, after) for name, before, after in pairs if before != after]


def enable(connection: Person, username: str, seen: User | None = None) -> None:
    """Let a user sign in again. `seen`: the user, by a caller who has just read it. Raises NotFound, NotRecorded."""
    was = seen or get(connection, username)
    changes = {"enabled": (was.enabled, True)}
    with audit.recorded(connection, "user-enable", username, changes=changes), missing_is_not_found(connection, username):
        connection.enable_user(username=username)
    forget()


def disable(connection: Person, username: str, seen: User | None = None) -> None:
    """Keep a user from signing in, from their next request on; their sessions end. Raises NotFound, NotRecorded."""
    was = seen or get(connection, username)
    changes = {"enabled": (was.enabled, False)}
    with audit.recorded(connection, "user-disable", username, changes=changes), missing_is_not_found(connection, username):
        connection.disable_user(username=username)
    forget()
    sessions.end_all(username)


def delete(connection: Person, username: str, seen: User | None = None) -> None:
    """Delete a native user for good; their sessions end. Raises NotFound, NotRecorded."""
    was = seen or get(connection, username)
    with audit.recorded(connection, "user-delete", username, changes=_changes(was, None)):
        connection.delete_user(username=username)
    sessions.end_all(username)


def is_legal(username: str) -> bool:
    """Whether Elasticsearch could have a user of that name, and a call about it would reach that user."""
    printable = all(" " <= letter <= "~" for letter in username)
    return printable and 0 < len(username) <= LONGEST_USERNAME and username == username.strip() and username not in ROUTES


def _changes(was: User | None, now: User | None) -> dict[str, tuple[Any, Any]]:
    """What the trail says of a change: each field that is another, before and after; nobody is None."""
    before, after = facts(was) if was else {}, facts(now) if now else {}
    return {name: (before.get(name), after.get(name)) for name in {**before, **after} if before.get(name) != after.get(name)}


def facts(user: User) -> dict[str, Any]:
    """What the trail says of a user; None where there is nothing."""
    metadata = {key: value for key, value in user.metadata.items() if not key.startswith("_")}
    return {
        "full_name": user.full_name or None,
        "email": user.email or None,
        "roles": sorted(user.roles),
        "enabled": user.enabled,
        "metadata": json.dumps(metadata, sort_keys=True) if metadata else None,
    }


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


def user_of(body: Mapping[str, Any]) -> User:
    """A user as the API has it."""
    return User(
        username=body["username"],
        full_name=_shown(body["full_name"] or ""),
        email=_shown(body["email"] or ""),
        roles=tuple(body["roles"]),
        enabled=body["enabled"],
        metadata=body["metadata"],
        profile_uid=body.get("profile_uid", ""),
    )


def _shown(text: str) -> str:
    """Elasticsearch also keeps half characters (`\\ud800`), which no page can be written with: a question mark each."""
    return text if text.isascii() else text.encode(errors="replace").decode()
