"""The filters of the user list, each with the number of users that it would match."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any, Final

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from accounts.decorators import requires_reader
from accounts.forms.user_list import PasswordAgeForm, UserListForm
from accounts.http import AppRequest, is_dialog
from accounts.services import roles, users
from accounts.services.users import FLAGS, UserQuery
from accounts.views.addresses import ListAddresses

# Each count is a request, and hundreds would delay the dialog.
MAX_ROLES_COUNTED: Final = 100
LABELS: Final = {
    "active": "Active",
    "deactivated": "Deactivated",
    "native": "Native users",
    "reserved": "Reserved users",
    "administrator": "Can become an administrator",
    "possible-administrator": "May become an administrator",
    "no-administrator": "Can't become an administrator",
    "unknown-roles": "Nonexistent roles",
    "no-roles": "No roles",
    "no-email": "No email address",
    "past-end-date": "Active past the end date",
    "ends-soon": "Ends within 30 days",
    "end-date": "End date",
    "password-90-days": "Password older than 90 days",
    "password-1-year": "Password older than a year",
    "password-age-unknown": "Password age not known",
}


@require_GET
@requires_reader
def filters(request: AppRequest) -> HttpResponse:
    """The filters, each with the number of users that it would match."""
    age, data = PasswordAgeForm(request.GET), request.GET.copy()
    if not age.is_valid():
        data.pop("password_days")
    query = UserListForm(data).query()
    context = {
        "age": age,
        "groups": _groups(request, query),
        "hidden": [(name, value) for name in ("q", "view", "sort", "order", "size") for value in data.getlist(name)],
        "cancel": ListAddresses(data, reverse("users")).to(),
    }
    return render(
        request, "users/_filters.html" if is_dialog(request) else "users/filters.html", context, status=422 if age.errors else 200
    )


def _groups(request: AppRequest, query: UserQuery) -> list[dict[str, Any]]:
    """The filters by group. A count is the number of users if this filter is added to the current query."""
    names = [role.name for role in roles.all_roles(request.user.client)]
    counted = list(dict.fromkeys([*query.roles, *names]))[:MAX_ROLES_COUNTED]
    options: list[tuple[str, str, UserQuery]] = [
        *(("status", value, replace(query, status=value)) for value in ("active", "deactivated")),
        *(("kind", value, replace(query, kind=value)) for value in ("native", "reserved")),
        *(("flag", value, replace(query, flags=(value,))) for value in FLAGS),
        *(("role", value, replace(query, roles=(value,))) for value in counted),
    ]
    numbers = users.count_each(request.user.client, [each for _, _, each in options])
    chosen: dict[str, Collection[str]] = {
        "status": {query.status},
        "kind": {query.kind},
        "flag": set(query.flags),
        "role": set(query.roles),
    }
    groups = {
        name: {"name": name, "label": label, "is_single": name in ("status", "kind"), "options": []}
        for name, label in (("status", "Status"), ("kind", "Type"), ("flag", "Needs attention"), ("role", "Roles (any of)"))
    }
    for (name, value, _), number in zip(options, numbers, strict=True):
        _add(groups[name], value, number, chosen[name])
    for value in sorted(set(names) - set(counted)):
        _add(groups["role"], value, None, chosen["role"])
    return list(groups.values())


def _add(group: dict[str, Any], value: str, number: int | None, chosen: Collection[str]) -> None:
    label = value if group["name"] == "role" else LABELS[value]
    group["options"].append({"value": value, "label": label, "count": number, "chosen": value in chosen})
