"""Imports: the lines of a file are stored first, become steps in the preview, and create or change users.

Passwords are encrypted until their user is created. Without one in the file, a new user gets a random one, which is kept encrypted
until whoever imported the user downloads it.
"""

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import bcrypt
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from accounts.services import errors, roles, users
from accounts.services.audit.events import is_plain
from accounts.services.client import PersonClient
from accounts.services.documents import damage
from accounts.services.imports import Contents, Problem
from accounts.services.jobs import new_passwords, plan, store
from accounts.services.jobs.plan import Administrators, Denial
from accounts.services.jobs.records import Change, Job, Step
from accounts.services.jobs.sealing import seal, unseal
from accounts.services.passwords import policy
from accounts.services.users import RESERVED_USERNAMES, User, end_dates

SAME: Final = "The user already has these values."
CHANGED_SINCE: Final = "This user was changed after the preview."
NOT_USED: Final = "The password in the file isn't used, because the user exists."
NO_ROLE: Final = "The role “{}” doesn't exist and grants no privileges."
NAMESAKE: Final = "Differs only in case from the existing user “{}”."
# In the audit trail.
GENERATED_DETAIL: Final = "random, to be downloaded once"
# Longer than it takes to store the lines of a file.
STORED_FOR: Final = timedelta(minutes=2)
# For random passwords with over 100 bits, which can't be guessed: the node would need 18 ms for each.
FEWEST_ROUNDS: Final = 4


def create_import(client: PersonClient, name: str, contents: Contents) -> Job:
    """A new job, without its steps, for the lines of a file without errors. Raises Unavailable."""
    id, actor, now = uuid.uuid4().hex, client.actor, timezone.now()
    job = Job(id, "import", now, actor.username, name, total=len(contents.lines), claimed_until=now + STORED_FOR)
    job = store.create(job.operated_by(actor))
    try:
        store.create_lines(id, list(_documents(id, contents)))
        return store.write(replace(job, claimed_until=None))
    except errors.ServiceError:
        with suppress(errors.ServiceError):
            store.delete(job)
        raise


@sensitive_variables()
def _documents(job: str, contents: Contents) -> Iterator[dict[str, Any]]:
    warnings: dict[int, list[Problem]] = {}
    for problem in contents.warnings:
        warnings.setdefault(problem.line, []).append(problem)
    for line in contents.lines:
        secrets = {name: text for name in ("password", "password_hash") if (text := getattr(line, name))}
        yield {
            "line": line.number,
            "username": line.username,
            "is_built_in": line.is_built_in,
            "values": json.dumps(line.fields),
            "secret": seal(job, line.username, secrets),
            "notes": [f"{problem.column}: {problem.text}" for problem in warnings.get(line.number, ())],
        }


def planned(client: PersonClient, job: Job, denial: Denial) -> tuple[Job, list[Step]]:
    """The next lines as steps, and the job as it is with them. Raises JobNotFound if the process was killed that stored them."""
    store.refresh()
    lines = store.lines(job, after=job.read, size=plan.BATCH_SIZE)
    if not lines:
        store.delete(job)
        raise errors.JobNotFound(job.id)
    found = plan.current(client, [line["username"] for line in lines])
    rules = Rules(client, denial, job.administrators)
    namesakes = users.namesakes(client, [line["username"] for line in lines if line["username"] not in found])
    part = uuid.uuid4().hex
    steps = [rules.step(job, part, line, found.get(line["username"]), namesakes) for line in lines]
    to_do = [step for step in steps if step.state == "pending"]
    has_generated = any(new_passwords.is_generated(step) for step in to_do)
    further = replace(
        job,
        state="planned" if job.read + len(lines) >= job.total else "planning",
        read=job.read + len(lines),
        parts=(*job.parts, part),
        administrators=rules.administrators.taken,
        creations=job.creations + sum(step.change == "create" for step in to_do),
        warnings=job.warnings + sum(bool(step.notes) for step in to_do),
        passwords_for=(client.actor.unique_name,) if has_generated else job.passwords_for,
    )
    return further, steps


class Rules:
    """What a line does to a user, and to whom it does nothing."""

    def __init__(self, client: PersonClient, denial: Denial, taken: int = 0) -> None:
        known = roles.all_roles(client)
        self._denial = denial
        self._roles = {role.name for role in known}
        self.administrators = Administrators(client, frozenset(role.name for role in known if role.grants_user_management), taken)

    def step(self, job: Job, part: str, line: Mapping[str, Any], user: User | None, namesakes: Mapping[str, Sequence[str]]) -> Step:
        step = Step(
            job.id,
            part,
            line["number"],
            line["username"],
            was(user) if user else None,
            line=line["line"],
            values=line["values"],
            change="update" if user else "create",
        )
        wanted = wanted_user(step, user)
        if reason := self.reason(user, wanted, is_built_in=line["is_built_in"]):
            return replace(step, state="skipped", reason=reason)
        notes = [*line["notes"], *(NO_ROLE.format(name) for name in wanted.roles if name not in self._roles)]
        if user is None:
            others = namesakes.get(step.username.lower(), ())
            secret = line["secret"] or new_passwords.generated(job.id, step.username)
            return replace(step, secret=secret, notes=(*notes, *(NAMESAKE.format(name) for name in others)))
        return replace(step, notes=(*notes, *([NOT_USED] if line["secret"] else [])))

    def reason(self, user: User | None, wanted: User, *, is_built_in: bool = False) -> str:
        """Why the line is skipped; "" for a change that counts as made. `is_built_in`: the file says so."""
        if user and is_same(user, wanted):
            return SAME
        if is_built_in or (user.is_reserved if user else wanted.username in RESERVED_USERNAMES):
            return plan.BUILT_IN
        if user is None:
            return ""
        if denied := self._denial("import", user, wanted):
            return denied
        return "" if self.administrators.take(user, wanted) else plan.LAST_ADMINISTRATOR


def decided(client: PersonClient, rules: Rules, claimed: Sequence[Step]) -> tuple[list[Change], list[Step]]:
    """What is to be changed, and the steps that need no change by now."""
    found = plan.current(client, [step.username for step in claimed])
    changes: list[Change] = []
    done: list[Step] = []
    for step in claimed:
        user = found.get(step.username)
        wanted = wanted_user(step, user)
        if step.change == "update" and user is None:
            done.append(replace(step, state="skipped", reason=plan.NO_USER))
        elif reason := rules.reason(user, wanted):
            done.append(replace(step, state="skipped", reason=reason, secret=""))
        elif problem := _problem(step, user):
            done.append(replace(step, state="failure", reason=problem))
        else:
            changes.append(Change(step, user, wanted))
    return changes, done


def _problem(step: Step, user: User | None) -> str:
    """Why the step fails before anything is sent."""
    if step.change == "create":
        if user:
            return errors.UserExists.code
        return errors.PasswordsNotDecrypted.code if unseal(step.job, step.username, step.secret) is None else ""
    return CHANGED_SINCE if user and step.was and step.was != was(user) else ""


@sensitive_variables()
def carry_out(client: PersonClient, change: Change, *, refresh: bool) -> None:
    """Create or change the user. Raises what `users` raises."""
    if change.wanted is None:
        raise ValueError("an import deletes nobody")
    if change.user:
        return users.update_all(client, change.user, change.wanted, refresh=refresh)
    secrets = unseal(change.step.job, change.step.username, change.step.secret) or {}
    password, password_hash, details = secrets.get("password", ""), secrets.get("password_hash", ""), {}
    if password_hash:
        details = {"password": policy.HASH_DETAIL}
    if generated := secrets.get(new_passwords.GENERATED):
        password_hash, details = _hash_of(generated), {"password": GENERATED_DETAIL}
    users.create(client, change.wanted, password, password_hash=password_hash, details=details, refresh=refresh)


@sensitive_variables()
def _hash_of(password: str) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(FEWEST_ROUNDS, prefix=b"2a")).decode()


def wanted_user(step: Step, user: User | None) -> User:
    """The user with the values of the line; what it doesn't say stays as it is. Roles keep their order."""
    values = json.loads(step.values)
    before = user or User(step.username)
    chosen = dict.fromkeys(values.get("roles", before.roles))
    return replace(
        before,
        full_name=values.get("full_name", before.full_name),
        email=values.get("email", before.email),
        enabled=values.get("enabled", before.enabled),
        roles=tuple(dict.fromkeys([*filter(chosen.__contains__, before.roles), *chosen])),
        metadata=_metadata(before.metadata, values),
    )


def _metadata(before: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """With the end date of its own column. Importing merges metadata, so an end date that is to go becomes null."""
    merged = users.merged_metadata(before, values.get("metadata", {}))
    if (end := values.get("active_until")) or (end == "" and end_dates.KEY in merged):
        merged[end_dates.KEY] = end or None
    return merged


def import_changes(step: Step) -> dict[str, tuple[Any, Any]]:
    """What the preview says: the changed fields before and after, as in the audit trail; of a new user, what it will have.

    Nothing of what another program wrote, if it can't be read.
    """
    try:
        found = _changes(step)
    except damage.ERRORS:
        if step.is_authentic:
            raise
        return {}
    return found if all(is_plain(value) for pair in found.values() for value in pair) else {}


def _changes(step: Step) -> dict[str, tuple[Any, Any]]:
    if step.was is None and step.change == "update":
        return {}
    before = _user(step.username, step.was) if step.was else None
    found = users.changed_fields(before, wanted_user(step, before))
    return found if before else {name: pair for name, pair in found.items() if pair[1] not in (None, [], True)}


def _user(username: str, was: Mapping[str, Any]) -> User:
    values = {**was, "roles": tuple(was["roles"]), "metadata": json.loads(was["metadata"])}
    return User(username, **values)


def is_same(user: User, wanted: User) -> bool:
    """Also the metadata as JSON: true isn't 1. The order of roles doesn't matter."""
    return {**was(wanted), "roles": set(wanted.roles)} == {**was(user), "roles": set(user.roles)}


def was(user: User) -> dict[str, Any]:
    """What a step keeps of the user in the preview. Metadata is a text, because its keys can be anything."""
    return {
        "full_name": user.full_name,
        "email": user.email,
        "roles": list(user.roles),
        "enabled": user.enabled,
        "metadata": json.dumps(user.metadata, sort_keys=True),
    }
