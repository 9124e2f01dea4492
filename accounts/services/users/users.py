"""Native and reserved users: read, create, update, enable, disable, delete (`_security/user`). `pages` finds them."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from django.views.decorators.debug import sensitive_variables

from accounts.services import audit, errors, roles, sessions
from accounts.services.client import PersonClient, cached_per_scope, exact_text, invalidate, invalidating, showable
from accounts.services.documents import locks
from accounts.services.roles import privileges
from accounts.services.users import metadata as user_metadata
from accounts.services.users import unknown_roles

# Whom to ask for: whether a user of this name is built in is what Elasticsearch says, see `is_reserved`.
RESERVED_USERNAMES: Final = (
    "apm_system",
    "beats_system",
    "elastic",
    "kibana",
    "kibana_system",
    "logstash_system",
    "remote_monitoring_user",
)
# As usernames, these would reach other API routes: `PUT _security/user/_password` changes the client's own password.
API_ROUTES: Final = ("_password", "_privileges", "_has_privileges")
MAX_USERNAME_LENGTH: Final = 507
SUPERUSER: Final = "superuser"  # the built-in role, which nobody can change
MAX_SIMILAR: Final = 10
LOCK_PATIENCE: Final = 3.0  # seconds: an edit is over by then, and bulk changes remove administrators one after the other
NAMESAKES_PER_CALL: Final = 200
MAX_NAMESAKES: Final = 10_000  # of one call, as Elasticsearch allows


@dataclass(frozen=True, slots=True)
class User:
    """A native or reserved user as Elasticsearch has it; texts are "" where it has null."""

    username: str
    full_name: str = ""
    email: str = ""
    roles: tuple[str, ...] = ()
    enabled: bool = True
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)
    profile_uid: str = field(default="", compare=False)  # of the Kibana profile, if it was requested and exists

    @property
    def is_reserved(self) -> bool:
        """Built in: only the password and the enabled flag can change.

        Where the reserved realm is off, native users can have the names of built-in users.
        """
        return bool(self.metadata.get("_reserved"))

    @property
    def is_deprecated(self) -> bool:
        """Like `kibana`. Only Elasticsearch can set metadata that starts with an underscore."""
        return bool(self.metadata.get("_deprecated"))

    @property
    def deprecated_reason(self) -> str:
        """The explanation from Elasticsearch, or ""."""
        return str(self.metadata.get("_deprecated_reason") or "")


@cached_per_scope
def reserved(client: PersonClient) -> list[User]:
    """The reserved users, which `_query/user` doesn't have; none where the reserved realm is off, as on Elastic Cloud.

    Raises AccessDenied without `read_security`.
    """
    try:
        answer = client.get_user(username=list(RESERVED_USERNAMES), with_profile_uid=True)
    except errors.NotFound:
        return []
    return [user for user in map(user_from_api, answer.body.values()) if user.is_reserved]


def get(client: PersonClient, username: str) -> User:
    """One user. Raises NotFound, and AccessDenied without `read_security`."""
    return user_from_api(stored(client, username))


def stored(client: PersonClient, username: str) -> Mapping[str, Any]:
    """The user as Elasticsearch has it. Raises NotFound, AccessDenied."""
    if not is_valid_username(username):
        raise errors.NotFound(username)
    if "," not in username:
        body = client.get_user(username=username).body.get(username)
    else:  # `_security/user/a,b` requests two users
        body = next(iter(client.query_user(query={"term": {"username": username}}, size=1)["users"]), None)
    if body is None:
        raise errors.NotFound(username)
    found: Mapping[str, Any] = body
    return found


def get_many(client: PersonClient, usernames: Iterable[str]) -> list[User]:
    """The native users among these usernames, sorted, in one call."""
    names = sorted(set(usernames))
    answer = client.query_user(query={"terms": {"username": names}}, sort=[{"username": {"order": "asc"}}], size=len(names))
    return [user_from_api(body) for body in answer["users"]]


def similar(client: PersonClient, username: str) -> list[str]:
    """The usernames that equal this one regardless of case. With another case, it is another user for Elasticsearch. One call."""
    query = {"term": {"username": {"value": username, "case_insensitive": True}}}
    native = [body["username"] for body in client.query_user(query=query, size=MAX_SIMILAR)["users"]]
    built_in = [user.username for user in reserved(client)] if username.lower() in RESERVED_USERNAMES else []
    return sorted(name for name in [*native, *built_in] if name.lower() == username.lower())


def namesakes(client: PersonClient, usernames: Iterable[str]) -> dict[str, list[str]]:
    """The users whose name equals one of these regardless of case, by the name in lower case. A call for 200 names."""
    wanted = sorted({name.lower() for name in usernames})
    found: dict[str, list[str]] = {}
    for start in range(0, len(wanted), NAMESAKES_PER_CALL):
        names = wanted[start : start + NAMESAKES_PER_CALL]
        terms = [{"term": {"username": {"value": name, "case_insensitive": True}}} for name in names]
        answer = client.query_user(query={"bool": {"should": terms}}, size=MAX_NAMESAKES)
        for body in answer["users"]:
            found.setdefault(body["username"].lower(), []).append(body["username"])
    for user in reserved(client):
        if user.username in wanted:
            found.setdefault(user.username, []).append(user.username)
    return found


@sensitive_variables("password", "password_hash")
def create(
    client: PersonClient,
    user: User,
    password: str,
    *,
    password_hash: str = "",
    details: Mapping[str, str] | None = None,
    refresh: bool = True,
) -> None:
    """Create a native user, active or not, and never overwrite one. `password_hash`: instead of the password.

    Without `refresh`, searches find the user a second later, and Elasticsearch creates several times as many per second.

    The API can't create without overwriting, so a lock and a read come first. Raises UserExists, UserLocked, Invalid,
    AuditUnavailable, and UserOverwritten when the user was created outside usermgmt between the read and the call.
    """
    secret: dict[str, Any] = {"password_hash": password_hash} if password_hash else {"password": password}
    changes, lock = changed_fields(None, user), lock_name(user.username)
    recorded = audit.recorded(client, audit.Action.USER_CREATE, user.username, changes=changes, details=details, lock=lock)
    with recorded, invalidating(unknown_roles.names):
        _require_new(client, user.username)
        answer = client.put_user(
            username=user.username,
            enabled=user.enabled,
            metadata=dict(user.metadata),
            refresh=_refresh(refresh),
            **secret,
            **_profile(user),
        )
        if not answer["created"]:
            raise errors.UserOverwritten(user.username)


def update(client: PersonClient, seen: User, wanted: User, *, refresh: bool = True) -> None:
    """Set what differs between `seen` and `wanted`: full name, email address, and roles. Everything else stays as it is stored.

    `seen`: the user as the operator saw it. Raises EditConflict, and writes nothing, when the user was changed since; UserLocked,
    NotFound, LastAdministrator, AuditUnavailable. Without `refresh`, searches find the change a second later, unless it takes
    roles away: whoever removes another administrator searches for the ones who are left.
    """
    update_all(client, seen, replace(wanted, enabled=seen.enabled, metadata=seen.metadata), refresh=refresh)


def update_all(
    client: PersonClient,
    seen: User,
    wanted: User,
    *,
    replaces_metadata: bool = False,
    details: Mapping[str, str] | None = None,
    refresh: bool = True,
) -> None:
    """The same with the status and the metadata. Deactivating ends sessions.

    The metadata is merged: keys that `wanted` lacks stay, and it isn't compared with `seen`. With `replaces_metadata`, those keys
    are removed, and the EditConflict includes the metadata. Raises then Refused and MetadataErased, too: see `metadata.replace`.
    """
    roles_after = wanted.roles if wanted.enabled else ()
    guard = keeping_an_administrator(client, replace(seen, username=wanted.username), roles_after)
    # Kept if the outcome is unknown, unlike that of a deactivation: the call writes the whole user as they were read, and may still
    # be on its way. A change that is made before it arrives would be undone without a word, such as a deactivation. Nothing that
    # the operator can look at meanwhile shows that it won't arrive.
    changes, lock = changed_fields(seen, wanted), lock_name(wanted.username)
    is_deactivated = seen.enabled and not wanted.enabled
    recorded = audit.recorded(
        client,
        audit.Action.USER_UPDATE,
        wanted.username,
        changes=changes,
        details=details,
        lock=lock,
        with_outcome=partial(sessions.ending_all, wanted.username) if is_deactivated else None,
    )
    with recorded, guard, invalidating_for_update(seen, wanted):
        with exact_text():
            current = stored(client, wanted.username)
        now = user_from_api(showable(current))
        conflicts = differences(seen, now)
        if replaces_metadata:
            conflicts += user_metadata.differences(seen.metadata, now.metadata)
        if conflicts:
            raise errors.EditConflict(conflicts)
        # Without `enabled`, the API would activate the user; without `metadata`, it would delete the metadata; {} is merged.
        enabled = current["enabled"] if wanted.enabled == seen.enabled else wanted.enabled
        put = partial(
            client.put_user,
            username=current["username"],
            enabled=enabled,
            refresh=_refresh(refresh or loses_roles(seen, roles_after)),
            **_edited(current, seen, wanted),
        )
        if replaces_metadata:
            user_metadata.replace(put, current["metadata"], wanted.metadata)
        else:
            put(metadata=user_metadata.changed(seen.metadata, wanted.metadata))


def invalidating_for_update(was: User, now: User) -> AbstractContextManager[None]:
    """Drop what is cached about users if the status or the metadata (the end date) changes, otherwise what depends on roles."""
    is_profile = (was.enabled, was.metadata) == (now.enabled, now.metadata)
    return invalidating(unknown_roles.names) if is_profile else invalidating()


def _edited(current: Mapping[str, Any], seen: User, wanted: User) -> dict[str, Any]:
    """The profile as stored, also where `User` has another value (null, half characters), with the changed fields."""
    changed = {field.name for field in differences(seen, wanted)}
    return {name: value if name in changed else current[name] for name, value in _profile(wanted).items()}


def differences(was: User, now: User) -> list[errors.FieldConflict]:
    """The labels of the fields that differ; the order of roles doesn't matter."""
    pairs = [
        ("full_name", was.full_name, now.full_name),
        ("email", was.email, now.email),
        ("roles", ", ".join(sorted(was.roles)), ", ".join(sorted(now.roles))),
        ("enabled", _status(was), _status(now)),
    ]
    return [errors.FieldConflict(name, before, after) for name, before, after in pairs if before != after]


def enable(client: PersonClient, username: str, seen: User | None = None, *, details: Mapping[str, str] | None = None) -> None:
    """Activate a user. `seen`: the user, if the caller has just read it. Raises NotFound, UserLocked, AuditUnavailable."""
    was = seen or get(client, username)
    changes = {"enabled": (was.enabled, True)}
    recorded = _recorded_in_turn(client, audit.Action.USER_ENABLE, username, changes=changes, details=details)
    with recorded, invalidating(), missing_is_not_found(client, username):
        client.enable_user(username=username)


def disable(client: PersonClient, username: str, seen: User | None = None, *, details: Mapping[str, str] | None = None) -> None:
    """Deactivate a user; their sessions end. Raises NotFound, UserLocked, LastAdministrator, AuditUnavailable.

    An edit writes the status that it has read, so it is waited for.
    """
    was = seen or get(client, username)
    changes = {"enabled": (was.enabled, False)}
    guard = keeping_an_administrator(client, was)
    ending = partial(sessions.ending_all, username)
    recorded = _recorded_in_turn(client, audit.Action.USER_DISABLE, username, changes=changes, details=details, with_outcome=ending)
    with recorded, guard, invalidating(), missing_is_not_found(client, username):
        client.disable_user(username=username)


def delete(client: PersonClient, username: str, seen: User | None = None) -> None:
    """Delete a native user; their sessions end. Raises NotFound, UserLocked, LastAdministrator, AuditUnavailable."""
    was = seen or get(client, username)
    guard = keeping_an_administrator(client, was)
    ending = partial(sessions.ending_all, username)
    changes = changed_fields(was, None)
    recorded = _recorded_in_turn(client, audit.Action.USER_DELETE, username, changes=changes, with_outcome=ending)
    with recorded, guard, invalidating():
        client.delete_user(username=username)


def _recorded_in_turn(
    client: PersonClient,
    action: audit.Action,
    username: str,
    *,
    changes: audit.Changes,
    details: Mapping[str, str] | None = None,
    with_outcome: audit.Operations | None = None,
) -> AbstractContextManager[audit.Event]:
    """`audit.recorded`, after an edit of the same user that is in progress.

    The change can be repeated at once if its outcome is unknown: it doesn't depend on what was read before.
    """
    return audit.recorded(
        client,
        action,
        username,
        changes=changes,
        details=details,
        lock=lock_name(username),
        patience=LOCK_PATIENCE,
        keeps_lock=False,
        with_outcome=with_outcome,
    )


def last_administrators(client: PersonClient, leaving: Iterable[User]) -> list[User]:
    """The active administrators among these users, if no other active user could manage users without them; otherwise none.

    Administrators from other realms don't count, because only their realm knows whether they can still sign in. No call if the
    operator is left; otherwise that for the roles, and up to three if there are administrators among the users.
    """
    users = list(leaving)
    managing = frozenset[str]() if _operator_is_left(client, users) else _managing_roles(client)
    found = [user for user in users if user.enabled and not managing.isdisjoint(user.roles)]
    return found if found and not _is_another_left(client, managing, found) else []


def _operator_is_left(client: PersonClient, leaving: Iterable[User]) -> bool:
    """Whether the operator is a native or built-in administrator besides these. A single action is enough to delete users.

    The owner of an API key may be deactivated, or no administrator anymore, and the key still be one. No call for a signed-in user.
    """
    is_active_user = client.actor.is_native_or_reserved and not client.actor.api_key
    if not is_active_user or client.actor.username in {user.username for user in leaving}:
        return False
    return privileges.MANAGE_SECURITY in (privileges.held_by(client) if client.scope is None else client.scope)


def _managing_roles(client: PersonClient) -> frozenset[str]:
    return frozenset(role.name for role in roles.all_roles(client) if role.grants_user_management)


def _is_another_left(client: PersonClient, managing: frozenset[str], leaving: Iterable[User]) -> bool:
    """Whether an active user, built in or native, can manage users, other than these."""
    names = {user.username for user in leaving}
    if any(user.enabled and user.username not in names and not managing.isdisjoint(user.roles) for user in reserved(client)):
        return True
    active = [{"terms": {"roles": sorted(managing)}}, {"term": {"enabled": True}}]
    query = {"bool": {"filter": active, "must_not": [{"terms": {"username": sorted(names)}}]}}
    if client.query_user(query=query, size=0)["total"]:
        return True
    return not managing.isdisjoint(roles.anonymous_access(client).roles)


def keeping_an_administrator(client: PersonClient, was: User, roles_after: Iterable[str] = ()) -> AbstractContextManager[None]:
    """For the block that leaves a user only these roles, or deactivates or deletes them.

    Raises LastAdministrator, AdministratorsLocked; AdministratorsUnknown if the client can't read what it depends on.
    """
    if not loses_roles(was, roles_after) or _operator_is_left(client, [was]):
        return nullcontext()
    try:
        managing, denied = _managing_roles(client), None
    except errors.AccessDenied as exc:  # any role may grant it, but only of the built-in one is that known
        managing, denied = frozenset({SUPERUSER}), exc
    is_loss = (denied or not managing.isdisjoint(was.roles)) and managing.isdisjoint(roles_after)
    return _another_administrator_left(client, managing, was, denied) if is_loss else nullcontext()


def loses_roles(was: User, roles_after: Iterable[str]) -> bool:
    """Whether an active user has fewer roles then. Only with a refresh do searches for other administrators know it at once."""
    return was.enabled and not set(was.roles) <= set(roles_after)


@contextmanager
def _another_administrator_left(
    client: PersonClient, managing: frozenset[str], was: User, denied: errors.AccessDenied | None
) -> Iterator[None]:
    """Under a lock, so that nobody removes the other one in the meantime. `denied`: why more roles may manage users."""
    with ExitStack() as stack:
        try:
            stack.enter_context(locks.held("administrators", patience=LOCK_PATIENCE))
        except errors.UserLocked as exc:  # which would mean that somebody else changes the same user
            raise errors.AdministratorsLocked(str(exc)) from None
        invalidate(reserved)  # another process may have deactivated one
        try:
            is_left = _is_another_left(client, managing, [was])
        except errors.AccessDenied as exc:
            is_left, denied = False, exc
        if not is_left:
            raise errors.AdministratorsUnknown(str(denied)) if denied else errors.LastAdministrator(was.username)
        yield


def is_valid_username(username: str) -> bool:
    """Whether a user with this username can exist, and API calls with it reach that user."""
    printable = all(" " <= character <= "~" for character in username)
    return printable and 0 < len(username) <= MAX_USERNAME_LENGTH and username == username.strip() and username not in API_ROUTES


def changed_fields(was: User | None, now: User | None) -> dict[str, tuple[Any, Any]]:
    """The changed fields for the audit trail, before and after; None is a user who doesn't exist."""
    before, after = audited_fields(was) if was else {}, audited_fields(now) if now else {}
    return {name: (before.get(name), after.get(name)) for name in {**before, **after} if before.get(name) != after.get(name)}


def audited_fields(user: User) -> dict[str, Any]:
    """The fields of a user for the audit trail; None for empty ones."""
    metadata = user_metadata.editable_metadata(user.metadata)
    return {
        "full_name": user.full_name or None,
        "email": user.email or None,
        "roles": sorted(user.roles),
        "enabled": user.enabled,
        "metadata": json.dumps(metadata, sort_keys=True) if metadata else None,
    }


def lock_name(username: str) -> str:
    """Of the lock that is held while a user is created, updated, activated, deactivated, or deleted."""
    return f"user {username}"


def _require_new(client: PersonClient, username: str) -> None:
    try:
        get(client, username)
    except errors.NotFound:
        return
    raise errors.UserExists(username)


@contextmanager
def missing_is_not_found(client: PersonClient, username: str) -> Iterator[None]:
    """For a missing user, enabling, disabling, and changing the password fail with 400, like other errors."""
    try:
        yield
    except errors.Invalid:
        get(client, username)
        raise


def _refresh(refresh: bool) -> bool | None:
    """The parameter of `put_user`, which refreshes by default."""
    return None if refresh else False


def _profile(user: User) -> dict[str, Any]:
    return {"full_name": user.full_name or None, "email": user.email or None, "roles": list(user.roles)}


def _status(user: User) -> str:
    return "Active" if user.enabled else "Deactivated"


def user_from_api(body: Mapping[str, Any]) -> User:
    """The user in a response of `_security/user` or `_query/user`."""
    return User(
        username=body["username"],
        full_name=body["full_name"] or "",
        email=body["email"] or "",
        roles=tuple(body["roles"]),
        enabled=body["enabled"],
        metadata=body["metadata"],
        profile_uid=body.get("profile_uid", ""),
    )
