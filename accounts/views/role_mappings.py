"""Role mappings: their list, one of them, and the list as a file and as a printable page. Read-only."""

from html import escape
from typing import Any, Final

from django.core.paginator import Page, Paginator
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
from accounts.services.role_mappings import Assessment, MappingQuery
from accounts.services.role_mappings.query import describe, query_string
from accounts.services.roles import grants
from accounts.templatetags import access_tables
from accounts.templatetags.filter_fields import filter_fields
from accounts.views.addresses import ListAddresses
from accounts.views.exports import table_export, table_print
from accounts.views.page_cache import CachedPage
from accounts.views.sorting import column_head

PAGE_SIZE: Final = 20
FIELDS: Final = ("q", "status", "administrator", "reach", "content")
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
    review = MappingFilterForm.parameters(query) if known else ""
    is_fragment = wants_fragment(request, "role-mappings-results")
    cached_page = CachedPage(
        request,
        "role_mappings/_results.html" if is_fragment else "role_mappings/list.html",
        {
            "has_mappings": bool(known),
            "has_rows": bool(page.paginator.count),
            "has_review": bool(review),
            "has_pages": page.has_other_pages(),
            "has_previous": page.has_previous(),
            "has_next": page.has_next(),
            "is_searched": bool(query.q),
        },
    )
    around = {"fields": "" if is_fragment else filter_fields(form, FIELDS), "review": escape(review)}
    return cached_page.render({**around, **_results(request, query, page, len(known))})


def _results(request: AppRequest, query: MappingQuery, page: Page[Assessment], total: int) -> dict[str, str]:
    addresses, count = ListAddresses(request.GET, reverse("role_mappings")), page.paginator.count
    return {
        "sort": query.sort,
        "order": "desc" if query.descending else "asc",
        "summary": access_tables.summary(count, total, "role mapping"),
        "parameters": escape(query_string(query)),
        "caption": escape(f"Role mappings {page.start_index():,}\u2013{page.end_index():,} of {count:,}: {describe(query)}"),
        "heads": "".join(column_head(addresses, query, *head) for head in HEADS),
        "rows": access_tables.role_mapping_rows(page.object_list),
        "place": f"{page.number:,} of {page.paginator.num_pages:,}",
        "previous_url": escape(addresses.to(page=str(page.number - 1))),
        "next_url": escape(addresses.to(page=str(page.number + 1))),
        "q": escape(query.q),
    }


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
