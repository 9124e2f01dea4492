"""The pages that create, show, and edit a user."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from accounts import policy
from accounts.decorators import requires_manager, requires_reader
from accounts.forms.metadata import is_editable
from accounts.forms.users import CreateUserForm, EditUserForm
from accounts.http import AppRequest, submitted_fields
from accounts.services import api_keys, roles, users
from accounts.services.api_keys import Owner
from accounts.services.client import PersonClient
from accounts.services.cluster import requirements
from accounts.services.errors import (
    EditConflict,
    MetadataErased,
    MetadataUnknown,
    NotFound,
    ServiceError,
    UserExists,
)
from accounts.services.roles import Role
from accounts.services.signin import operators
from accounts.services.signin.operators import Operator
from accounts.services.users import User, end_dates
from accounts.views import errors, recent_password_change
from accounts.views.users.rejections import rejections_on

EXISTS: Final = "User '{}' already exists."


@sensitive_post_parameters("password", "confirm_password")
@require_http_methods(["GET", "POST"])
@requires_manager
def create(request: AppRequest) -> HttpResponse:
    """Create a user. With `?from=NAME` the form starts with the roles of that user."""
    offered = roles.all_roles(request.user.client)
    if request.method == "POST":
        return _create(request, CreateUserForm(request.POST, roles=offered))
    source = _source(request, offered)
    form = CreateUserForm(roles=offered, initial={"roles": source.get("roles", [])})
    return _render_create(request, form, source)


@require_GET
@requires_manager
def similar(request: AppRequest) -> HttpResponse:
    """The warning about usernames that differ only in case, for the username in the form."""
    username = request.GET.get("username", "")
    found = users.similar(request.user.client, username) if users.is_valid_username(username) else []
    return render(request, "users/_similar.html", {"similar": found, "username": username})


def _create(request: AppRequest, form: CreateUserForm) -> HttpResponse:
    similar = _similar(request, form)
    if form.is_valid():
        user = form.user(form.cleaned_data["username"])
        if _was_created(request.user.client, form, user):
            messages.success(request, f"Created user '{user.username}'")
            if ":" in user.username:
                messages.warning(request, "Users with a colon in their username can't sign in with a password.")
            if problem := requirements.native_realm_problem():
                messages.warning(request, problem)
            return redirect("users")
    return _render_create(request, form, {}, similar=similar, status=422)


def _was_created(client: PersonClient, form: CreateUserForm, user: User) -> bool:
    """If not, the form says why."""
    try:
        with rejections_on(form):
            users.create(client, user, form.cleaned_data["password"])
            return True
    except UserExists:
        form.add_error("username", EXISTS.format(user.username))
    return False


def _render_create(
    request: AppRequest, form: CreateUserForm, source: dict[str, Any], similar: Sequence[str] = (), status: int = 200
) -> HttpResponse:
    context = {
        "form": form,
        "source": source,
        "similar": similar,
        "username": form.data.get("username", ""),
        "native_realm_problem": requirements.native_realm_problem(),
    }
    return render(request, "users/create.html", context, status=status)


def _similar(request: AppRequest, form: CreateUserForm) -> list[str]:
    """The usernames that differ from the new one only in case, with an error in the form unless the user confirmed it.

    None if there is a user with exactly this name, which is an error of the form, too.
    """
    username = "" if "username" in form.errors else form.cleaned_data["username"]
    found = users.similar(request.user.client, username) if username else []
    if username in found:
        form.add_error("username", EXISTS.format(username))
        return []
    if found and form.cleaned_data["confirmed_username"] != username:
        form.add_error("confirmed_username", "Select the checkbox to continue.")
    return found


def _source(request: AppRequest, offered: Iterable[Role]) -> dict[str, Any]:
    """The user to copy roles from: the roles that exist, and those left out because they don't. Empty without `from`."""
    username = request.GET.get("from", "")
    if not username:
        return {}
    try:
        user = users.get(request.user.client, username)
    except NotFound:
        return {"username": username, "is_missing": True}
    known = {role.name for role in offered}
    return {
        "username": username,
        "roles": [name for name in user.roles if name in known],
        "left_out": [name for name in user.roles if name not in known],
    }


@require_http_methods(["GET", "POST"])
@requires_reader
def edit(request: AppRequest, username: str) -> HttpResponse:
    """The page of a user: the form if the operator can edit the user, else the same data read-only."""
    if request.method == "POST":
        return _save(request, username)
    user = users.get(request.user.client, username)
    if policy.denial_reason("edit", request.user, user):
        return _render_edit(request, user, None)
    return _render_edit(request, user, EditUserForm.of(user, roles.all_roles(request.user.client)))


def _save(request: AppRequest, username: str) -> HttpResponse:
    """Five requests: the roles, and the four of the update."""
    policy.demand("edit", request.user, _possibly_reserved(request.user.client, username))
    form = EditUserForm(request.POST, roles=roles.all_roles(request.user.client))
    try:
        return _save_form(request, username, form)
    except NotFound:
        kept = [(name, value) for name, value in submitted_fields(request) if name != "seen"]
        return render(request, "users/deleted.html", {"username": username, "form": form, "kept": kept}, status=404)


def _save_form(request: AppRequest, username: str, form: EditUserForm) -> HttpResponse:
    operator, conflict = request.user, None
    try:
        if form.is_valid() and _update(operator, form, form.user(username)):
            if operator.is_account(username):
                operators.recheck_privileges(request.session)
            messages.success(request, f"Updated user '{username}'")
            return redirect("users")
    except EditConflict as exc:
        conflict = exc
    except (MetadataErased, MetadataUnknown) as exc:
        return _render_without_metadata(request, username, form, exc)
    user = users.get(operator.client, username)
    return _render_edit(request, user, form.rebased(user) if conflict else form, conflict)


def _render_without_metadata(request: AppRequest, username: str, form: EditUserForm, exc: ServiceError) -> HttpResponse:
    """The form with everything that was submitted, compared with what is stored now, so that saving again completes the change."""
    user = users.get(request.user.client, username)
    status, title, text = errors.describe(exc)
    problem = {"title": title, "text": text}
    return _render_edit(request, user, form.rebased(user, keeps_metadata=True), problem=problem, status=status)


def _possibly_reserved(client: PersonClient, username: str) -> User:
    """The user if they can be built in, for one call; otherwise only the name."""
    return users.get(client, username) if username in users.RESERVED_USERNAMES else User(username)


def _update(operator: Operator, form: EditUserForm, wanted: User) -> bool:
    """Whether the user was updated; if not, the form says why. Raises EditConflict."""
    offered = form.roles_field.widget.roles
    seen: User = form.cleaned_data["seen"]
    own_account = operator.is_account(wanted.username)
    names = [*wanted.roles, *(roles.anonymous_access(operator.client).roles if own_account else ())]
    if policy.would_lose_management(operator, wanted, [offered[name] for name in names if name in offered]):
        form.add_error("roles", policy.OWN_MANAGEMENT)
        return False
    with rejections_on(form, "roles"):
        users.update_all(operator.client, seen, wanted, replaces_metadata="metadata" in users.changed_fields(seen, wanted))
        return True
    return False


def _render_edit(
    request: AppRequest,
    user: User,
    form: EditUserForm | None,
    conflict: EditConflict | None = None,
    *,
    problem: Mapping[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    end_date = end_dates.of(user)
    known = form.roles_field.widget.roles if form else roles.by_name(request.user.client, user.roles)
    context = {
        "user": user,
        "roles": [known.get(name) or Role(name, is_unknown=True) for name in user.roles],
        "form": form,
        "conflict": conflict,
        "problem": problem,
        "metadata": sorted(users.editable_metadata(user.metadata).items()),
        "reserved_metadata": sorted((key, user.metadata[key]) for key in user.metadata if key.startswith("_")),
        "is_metadata_editable": is_editable(user.metadata),
        "end_date": end_date,
        "end_state": end_date.state(end_dates.today()) if end_date and user.enabled else "",
        "allowed": policy.allowed(request.user, user),
        "changed": recent_password_change.of(request, user.username, lambda: api_keys.active(request.user.client, Owner.of(user))),
    }
    return render(request, "users/edit.html", context, status=409 if conflict else 422 if form and form.errors else status)
