"""Roles: their list, one role, and the users with a cluster privilege. Read-only."""

from collections.abc import Sequence
from dataclasses import replace

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from accounts.decorators import rejects_other_sites, requires_reader
from accounts.forms.roles import ADMINISTRATOR, WhoCanForm
from accounts.forms.search import SearchForm
from accounts.http import AppRequest, wants_fragment
from accounts.services import roles
from accounts.services.client import PersonClient
from accounts.services.errors import RoleNotFound
from accounts.services.exports import Table, role_table
from accounts.services.roles import AnonymousAccess, Role, cluster_privileges, grants
from accounts.services.search.search import has_words
from accounts.services.users import administrators, privilege_holders
from accounts.services.users.privilege_holders import PrivilegeReport
from accounts.views.exports import table_export, table_print


@require_GET
@requires_reader
def index(request: AppRequest) -> HttpResponse:
    """All roles, or those with every search word in their name or description."""
    text = SearchForm(request.GET).query()
    known = sorted(roles.all_roles(request.user.client), key=lambda role: role.name)
    context = {"roles": [role for role in known if has_words(role, text)], "total": len(known), "q": text}
    return render(request, "roles/_results.html" if wants_fragment(request, "roles-results") else "roles/list.html", context)


@require_http_methods(["GET", "POST"])
@requires_reader
def export(request: AppRequest) -> HttpResponseBase:
    """The roles of the list as a file."""
    return table_export(request, _table(request), _url("roles", request), _url("role_print", request))


@require_http_methods(["GET", "POST"])
@requires_reader
@rejects_other_sites
def printable(request: AppRequest) -> HttpResponse:
    """The roles of the list as a printable page, without JSON, which needs more room than paper has."""
    table = _table(request)
    columns = {name: label for name, label in table.columns.items() if name != "json"}
    return table_print(request, replace(table, columns=columns), _url("roles", request), _url("role_export", request))


def _table(request: AppRequest) -> Table:
    return role_table.table(request.user.client, SearchForm(request.GET).query())


def _url(name: str, request: AppRequest) -> str:
    return f"{reverse(name)}?{request.GET.urlencode()}"


@require_GET
@requires_reader
def view(request: AppRequest, name: str) -> HttpResponse:
    """The privileges of a role, what they open, and its users; only the privileges for the roles box of a form.

    A role that doesn't exist has a page while users have it. Raises RoleNotFound.
    """
    details = roles.get(request.user.client, name)
    context = {
        "details": details,
        "role": details.role,
        "sections": grants.sections({name: details.grants}),
        "combined": cluster_privileges.combined(details.role.cluster),
    }
    if wants_fragment(request, "role-details"):
        return render(request, "roles/_fragment.html", {**context, "summary": grants.summary(details.grants)})
    page = privilege_holders.with_role(request.user.client, name)
    anonymous = roles.anonymous_access(request.user.client)
    if details.role.is_unknown and not page.total and name not in anonymous.roles:
        raise RoleNotFound(name)
    administration = administrators.of_roles(request.user.client, [details.role])
    context |= {
        "page": page,
        "anonymous": anonymous,
        "is_administrator": administration.is_administrator([name]),
        "escalations": [("", each) for _, each in administration.escalations_of([name])],
    }
    return render(request, "roles/view.html", context)


@require_GET
@requires_reader
def who_can(request: AppRequest) -> HttpResponse:
    """The users with a cluster privilege, and the roles that grant it."""
    known = roles.all_roles(request.user.client)
    form = WhoCanForm(request.GET if "privilege" in request.GET else None, roles=known)
    context: dict[str, object] = {"form": form}
    if form.is_valid():
        privilege, after = form.cleaned_data["privilege"], form.cleaned_data["after"]
        anonymous = roles.anonymous_access(request.user.client)
        context |= {
            "privilege": privilege,
            "description": cluster_privileges.describe(privilege),
            "after": after,
            "answer": _answer(request.user.client, known, privilege, after, anonymous),
            "is_administrator": privilege == ADMINISTRATOR,
            "anonymous": anonymous,
        }
    return render(request, "roles/_who_can.html" if wants_fragment(request, "who-can-results") else "roles/who_can.html", context)


def _answer(client: PersonClient, known: Sequence[Role], privilege: str, after: str, anonymous: AnonymousAccess) -> PrivilegeReport:
    if privilege == ADMINISTRATOR:
        return privilege_holders.who_are_administrators(client, known, after, anonymous)
    return privilege_holders.with_privilege(client, known, privilege, after, anonymous)
