"""Restoring the values before an event of the audit trail: fields of a user, or a deleted user."""

import json
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import policy
from accounts.decorators import requires_manager
from accounts.forms.restores import RecreateForm, RestoreForm
from accounts.http import AppRequest
from accounts.services import audit, offboarding, roles, users
from accounts.services.audit import Action, Event
from accounts.services.audit.wording import value_text
from accounts.services.client import PersonClient
from accounts.services.errors import EditConflict, NotFound, UserExists
from accounts.services.passwords.warnings import warning
from accounts.services.signin import operators
from accounts.services.signin.operators import Operator
from accounts.services.users import User, restores
from accounts.services.users.restores import FieldRestore
from accounts.views.users.rejections import rejections_on

NO_USER: Final = "This user doesn't exist or was deleted."
EARLIER_USER: Final = "This event is about an earlier user with the same username, who was deleted or replaced."
NOT_A_CHANGE: Final = "Only changes of a user can be restored: updates, activations, deactivations, and deletions."
SAME: Final = "The user already has these values."
EXISTS: Final = "A user with this username exists. Restoring a deleted user doesn't overwrite another one."


@dataclass(frozen=True)
class Row:
    """A field on the page. `denial`: why the signed-in user can't restore it."""

    field: FieldRestore
    denial: str
    is_selected: bool

    @property
    def name(self) -> str:
        return self.field.name

    @property
    def now(self) -> str:
        return _text(self.name, self.field.now)

    @property
    def restored(self) -> str:
        return _text(self.name, self.field.restored)

    @property
    def can_be_selected(self) -> bool:
        return self.field.is_change and not self.denial


@sensitive_post_parameters("password", "confirm_password")
@require_http_methods(["GET", "POST"])
@requires_manager
def restore(request: AppRequest, event_id: str) -> HttpResponse:
    """Show what restoring would change now, and do it. Raises EventNotFound."""
    event = audit.get(event_id)
    if event.kind != "user" or event.action not in restores.RESTORABLE:
        return _render_denial(request, event, NOT_A_CHANGE)
    if reason := restores.denial_reason(event):
        return _render_denial(request, event, reason)
    try:
        user = users.get(request.user.client, event.target)
    except NotFound:
        user = None
    if event.action == Action.USER_DELETE:
        return _render_denial(request, event, EXISTS, user) if user else _recreate(request, event)
    if user is None:
        return _render_denial(request, event, NO_USER)
    if restores.is_about_earlier_user(event):
        return _render_denial(request, event, EARLIER_USER, user)
    return _restore(request, event, user)


def _render_denial(request: AppRequest, event: Event, reason: str, user: User | None = None) -> HttpResponse:
    status = 409 if request.method == "POST" else 200
    return render(request, "restores/restore.html", {"event": event, "reason": reason, "user": user}, status=status)


def _restore(request: AppRequest, event: Event, user: User) -> HttpResponse:
    if request.method == "GET":
        return _render_restore(request, event, user)
    names = [field.name for field in restores.fields(event, user)]
    form = RestoreForm(request.POST, names=names)
    chosen = request.POST.getlist("field")
    if not form.is_valid():
        return _render_restore(request, event, user, form=form, chosen=chosen)
    if form.cleaned_data["state"] != restores.state(event, user):
        return _render_restore(request, event, user, chosen=chosen, is_conflict=True)
    rows = [row for row in _rows(request.user, event, user, chosen) if row.name in chosen]
    if denied := next((row.denial for row in rows if row.denial), ""):
        form.add_error(None, denied)
    elif not any(row.field.is_change for row in rows):
        form.add_error(None, SAME)
    elif _write(request.user, form, event, user, [row.field for row in rows]):
        if request.user.is_account(user.username):
            operators.recheck_privileges(request.session)
        messages.success(request, f"Restored values of user '{user.username}'")
        return redirect("user_edit", user.username)
    user = users.get(request.user.client, user.username)
    return _render_restore(request, event, user, form=form, chosen=chosen, is_conflict=not form.errors)


def _write(operator: Operator, form: RestoreForm, event: Event, user: User, fields: Sequence[FieldRestore]) -> bool:
    """Whether the values were restored; if not, the form says why, or has no errors after a conflict."""
    wanted = restores.restored_user(user, {field.name: field.restored for field in fields})
    if operator.is_account(user.username):
        names = [*wanted.roles, *roles.anonymous_access(operator.client).roles]
        if policy.would_lose_management(operator, wanted, roles.by_name(operator.client, names).values()):
            form.add_error(None, policy.OWN_MANAGEMENT)
            return False
    with suppress(EditConflict), rejections_on(form):
        restores.restore(operator.client, event, user, [field.name for field in fields])
        return True
    return False


def _render_restore(
    request: AppRequest,
    event: Event,
    user: User,
    *,
    form: RestoreForm | None = None,
    chosen: Collection[str] | None = None,
    is_conflict: bool = False,
) -> HttpResponse:
    rows = _rows(request.user, event, user, chosen)
    added = [name for row in rows if row.name == "roles" for name in row.field.restored if name not in user.roles]
    context = {
        "event": event,
        "user": user,
        "rows": rows,
        "form": form,
        "state": restores.state(event, user),
        "is_conflict": is_conflict,
        "can_restore": any(row.can_be_selected for row in rows),
        "is_same": not any(row.field.is_change for row in rows),
        "nonexistent": _nonexistent(request.user.client, added),
        "restored_by": restores.restored_by(event),
        "warning": warning(user) if any(row.field.is_change and row.field.restored is False for row in rows) else None,
    }
    status = 409 if is_conflict else 422 if form and form.errors else 200
    return render(request, "restores/restore.html", context, status=status)


def _rows(operator: Operator, event: Event, user: User, chosen: Collection[str] | None) -> list[Row]:
    """`chosen`: the names of the selected fields; None selects what wasn't changed since."""
    found = []
    for field in restores.fields(event, user):
        action: policy.Action = "edit" if field.name != "enabled" else "activate" if field.restored else "deactivate"
        denial = policy.denial_reason(action, operator, user) if field.is_change else ""
        found.append(Row(field, denial, not field.is_changed_since if chosen is None else field.name in chosen))
    return found


def _recreate(request: AppRequest, event: Event) -> HttpResponse:
    user = restores.deleted_user(event)
    state = restores.state(event, None)
    form = RecreateForm(request.POST if request.method == "POST" else None, user=user, state=state)
    if form.is_valid() and _create(request, form, event):
        messages.success(request, f"Created user '{user.username}' again")
        return redirect("user_edit", user.username)
    context = {
        "event": event,
        "user": user,
        "form": form,
        "state": state,
        "values": [(name, _text(name, value)) for name, value in users.audited_fields(user).items()],
        "nonexistent": _nonexistent(request.user.client, user.roles),
        "remains": offboarding.remains(request.user.client, user.username, None),
    }
    return render(request, "restores/recreate.html", context, status=422 if form.errors else 200)


def _create(request: AppRequest, form: RecreateForm, event: Event) -> bool:
    try:
        with rejections_on(form):
            restores.recreate(request.user.client, event, form.cleaned_data["password"])
            return True
    except UserExists:
        form.add_error(None, EXISTS)
    return False


def _nonexistent(client: PersonClient, names: Collection[str]) -> list[str]:
    known = roles.by_name(client, names) if names else {}
    return sorted(name for name in names if name not in known)


def _text(name: str, value: Any) -> str:
    if name == "metadata" and isinstance(value, dict):
        value = json.dumps(value, ensure_ascii=False, sort_keys=True) if value else None
    return value_text(name, value)
