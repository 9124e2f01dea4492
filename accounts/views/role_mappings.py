"""Role mappings: their list, one of them, and the list as a file and as a printable page. Read-only."""

from typing import Any, Final

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from accounts.decorators import rejects_other_sites, requires_reader
from accounts.forms.reviews import MappingFilterForm
from accounts.forms.role_mappings import RoleMappingForm
from accounts.http import AppRequest, wants_fragment
from accounts.services import exports, role_mappings, roles
from accounts.services.exports import Table
from accounts.services.role_mappings.query import describe, query_string
from accounts.services.roles import grants
from accounts.views.exports import table_export, table_print
from accounts.views.sorting import direction_and_order

PAGE_SIZE: Final = 20
HEADS: Final = (
    ("name", "Role mapping"),
    ("", "Applies to"),
    ("", "Roles"),
    ("administrator", "Administrators"),
    ("status", "Status"),
)


@require_GET
@requires_reader
def index(request: AppRequest) -> HttpResponse:
    """The matching role mappings."""
    form = RoleMappingForm(request.GET)
    query = form.query()
    known = role_mappings.recently_assessed(request.user.client)
    page = Paginator(role_mappings.matching(query, known), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "query": query,
        "page": page,
        "description": describe(query),
        "total": len(known),
        "heads": [(label, field, *direction_and_order(query, field)) for field, label in HEADS],
        "parameters": query_string(query),
        "review": MappingFilterForm.parameters(query),
    }
    is_fragment = wants_fragment(request, "role-mappings-results")
    return render(request, "role_mappings/_results.html" if is_fragment else "role_mappings/list.html", context)


@require_GET
@requires_reader
def view(request: AppRequest, name: str) -> HttpResponse:
    """One role mapping: its rule, whom it reaches, and what it grants. Raises RoleMappingNotFound."""
    client = request.user.client
    assessment = role_mappings.assess(client, name)
    found = roles.get_many(client, [role.name for role in assessment.roles])
    context = {
        "assessment": assessment,
        "mapping": assessment.mapping,
        "outline": role_mappings.outline(assessment.mapping.rules),
        "sections": grants.sections({name: details.grants for name, details in found.items() if details.is_enabled}),
        "disabled": [name for name, details in found.items() if not details.is_enabled],
    }
    return render(request, "role_mappings/view.html", context)


@require_http_methods(["GET", "POST"])
@requires_reader
def export(request: AppRequest) -> HttpResponseBase:
    """The form for the format; POST sends the file."""
    table = _table(request)
    return table_export(request, table, _url("role_mappings", table), _url("role_mapping_print", table))


@require_http_methods(["GET", "POST"])
@requires_reader
@rejects_other_sites
def printable(request: AppRequest) -> HttpResponse:
    """The printable list."""
    table = _table(request)
    return table_print(request, table, _url("role_mappings", table), _url("role_mapping_export", table))


def _url(name: str, table: Table) -> str:
    return f"{reverse(name)}?{table.query}"


def _table(request: AppRequest) -> Table:
    query = RoleMappingForm(request.GET).query()

    def rows() -> list[dict[str, Any]]:
        found = role_mappings.matching(query, role_mappings.assess_all(request.user.client))
        return list(map(role_mappings.row, found))

    return exports.Table(
        name="role-mappings",
        noun="role mappings",
        columns=role_mappings.COLUMNS,
        filter=describe(query),
        query=query_string(query),
        count=lambda: len(rows()),
        batches=lambda: iter([rows()]),
    )
