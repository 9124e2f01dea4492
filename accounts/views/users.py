"""The users: list, create, edit."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from accounts import policy
from accounts.forms.users import PAGE_SIZES, CreateUserForm, EditUserForm, UsersForm
from accounts.requests import AppRequest, wants_fragment
from accounts.services import operators, roles, users
from accounts.services.errors import EditConflict, Invalid, UserExists
from accounts.services.roles import Role
from accounts.services.users import User, UserPage
from accounts.views.passwords import warning


@require_GET
def index(request: AppRequest) -> HttpResponse:
    """The list, or its results alone."""
    policy.demand_reading(request.user)
    query = UsersForm(request.GET).query
    page = users.search(request.user.connection, query)
    context = {
        "page": page,
        "rows": _rows(request, page),
        "query": query,
        "is_filtered": query.is_filtered,
        "page_sizes": PAGE_SIZES,
    }
    return render(request, "users/_results.html" if wants_fragment(request, "users-results") else "users/list.html", context)


def _rows(request: AppRequest, page: UserPage) -> list[dict[str, Any]]:
    known = roles.by_name(request.user.connection, {name for user in page.users for name in user.roles})
    return [
        {
            "user": user,
            "roles": [known[name] for name in user.roles],
            "can_select": not policy.refusal("delete", request.user, user),
        }
        for user in page.users
    ]


@sensitive_post_parameters("password", "confirm_password")
@require_http_methods(["GET", "POST"])
def create(request: AppRequest) -> HttpResponse:
    """A new user."""
    policy.demand_management(request.user)
    form = CreateUserForm(request.POST if request.method == "POST" else None, roles=roles.all_roles(request.user.connection))
    if form.is_valid():
        user = form.user(form.cleaned_data["username"])
        try:
            users.create(request.user.connection, user, form.cleaned_data["password"])
        except UserExists:
            form.add_error("username", f"User '{user.username}' already exists.")
        except Invalid as exc:
            form.add_error(None, f"Elasticsearch did not accept this: {exc}")
        else:
            messages.success(request, f"Created user '{user.username}'")
            return redirect("users")
    return render(request, "users/create.html", {"form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def edit(request: AppRequest, username: str) -> HttpResponse:
    """A user's page: the form for who may edit the user, the same facts for who may only read."""
    policy.demand_reading(request.user)
    operator = request.user
    user = users.get(operator.connection, username)
    if request.method == "POST":
        policy.demand("edit", operator, user)
        return _save(request, user)
    form = None
    known = _roles_of(request, user)
    if not policy.refusal("edit", operator, user):
        form = EditUserForm(user=user, roles=known.values())
    return _render_edit(request, user, form, known)


def _save(request: AppRequest, user: User) -> HttpResponse:
    known = _roles_of(request, user)
    form = EditUserForm(request.POST, user=user, roles=known.values())
    conflict = None
    if form.is_valid():
        wanted = form.user(user.username)
        if policy.would_lose_management(request.user, user, [known[name] for name in wanted.roles if name in known]):
            form.add_error("roles", "You would lose the right to manage users. Somebody else has to take it from you.")
        else:
            try:
                users.update(request.user.connection, form.cleaned_data["seen"], wanted)
            except EditConflict as exc:
                conflict = exc
                user = users.get(request.user.connection, user.username)
                form = form.rebased(user)
            except Invalid as exc:
                form.add_error(None, f"Elasticsearch did not accept this: {exc}")
            else:
                if request.user.is_account(user.username):
                    operators.ask_again(request.session)
                messages.success(request, f"Updated user '{user.username}'")
                return redirect("users")
    return _render_edit(request, user, form, known, conflict)


def _roles_of(request: AppRequest, user: User) -> dict[str, Role]:
    """Every role that may be chosen for the user, those they have that do not exist included."""
    if policy.refusal("edit", request.user, user):
        return roles.by_name(request.user.connection, user.roles)
    offered = {role.name: role for role in roles.all_roles(request.user.connection)}
    return {name: Role(name, is_unknown=True) for name in user.roles if name not in offered} | offered


def _render_edit(
    request: AppRequest, user: User, form: EditUserForm | None, known: dict[str, Role], conflict: EditConflict | None = None
) -> HttpResponse:
    consequence = warning(user)
    context = {
        "user": user,
        "roles": [known[name] for name in user.roles if name in known],
        "form": form,
        "conflict": conflict,
        "allowed": policy.allowed(request.user, user),
        "service_warning": consequence["title"] if consequence else "",
    }
    return render(request, "users/edit.html", context, status=409 if conflict else 422 if form and form.errors else 200)
