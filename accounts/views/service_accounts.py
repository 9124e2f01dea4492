"""Service accounts: their list, one account with its tokens and privileges, and the list as a file. Read-only."""

from collections.abc import Mapping
from html import escape
from typing import Any, Final

from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from accounts.decorators import rejects_other_sites, requires_reader
from accounts.forms.service_accounts import ServiceAccountForm
from accounts.http import AppRequest, wants_fragment
from accounts.services import service_accounts
from accounts.services.errors import NotFound
from accounts.services.exports import Table
from accounts.services.roles import cluster_privileges, grants
from accounts.services.service_accounts import ServiceAccount
from accounts.templatetags import access_tables
from accounts.templatetags.filter_fields import filter_fields
from accounts.views.addresses import ListAddresses
from accounts.views.exports import table_export, table_print
from accounts.views.page_cache import CachedPage
from accounts.views.sorting import column_head

TOKENS_PER_PAGE: Final = 100
FIELDS: Final = ("q", "tokens", "administrator")
HEADS: Final = {"name": "Service account", "tokens": "Tokens"}
COLUMNS: Final = {
    "account": "Service account",
    "index_tokens": "Index tokens",
    "file_tokens": "File tokens",
    "nodes": "Nodes with file tokens",
    "silent_nodes": "Nodes that didn't report file tokens",
    "can_become_administrator": "Can become an administrator",
    "escalations": "How",
}
IN_FILES: Final = {**COLUMNS, "privileges": "Privileges"}  # too long for paper


@require_GET
@requires_reader
def index(request: AppRequest) -> HttpResponse:
    """The accounts with their tokens. One call, and one for each account, all of them cached."""
    form = ServiceAccountForm(request.GET)
    query = form.query()
    known = service_accounts.recently_loaded(request.user.client)
    found = query.apply(known)
    is_fragment = wants_fragment(request, "service-accounts-results")
    cached_page = CachedPage(
        request,
        "service_accounts/_results.html" if is_fragment else "service_accounts/list.html",
        {"has_rows": bool(found)},
    )
    addresses = ListAddresses(request.GET, reverse("service_accounts"))
    return cached_page.render(
        {
            "fields": "" if is_fragment else filter_fields(form, FIELDS),
            "summary": access_tables.summary(len(found), len(known), "service account"),
            "parameters": escape(request.GET.urlencode()),
            "caption": escape(f"Service accounts {len(found)} of {len(known)}: {query}"),
            "heads": "".join(column_head(addresses, query, *head) for head in HEADS.items()),
            "rows": access_tables.service_account_rows(found),
        }
    )


@require_GET
@requires_reader
def view(request: AppRequest, name: str) -> HttpResponse:
    """Tokens, privileges, and escalations of an account. Two calls. Raises Http404."""
    try:
        account = service_accounts.get(request.user.client, name)
    except NotFound:
        raise Http404(name) from None
    context = {
        "account": account,
        "page": Paginator(account.tokens, TOKENS_PER_PAGE).get_page(request.GET.get("page")),
        "escalations": [("", each) for each in account.escalations],
        "sections": grants.sections({name: grants.of(account.privileges)}),
        "combined": cluster_privileges.combined(account.privileges.get("cluster") or ()),
    }
    return render(request, "service_accounts/view.html", context)


@require_http_methods(["GET", "POST"])
@requires_reader
def export(request: AppRequest) -> HttpResponseBase:
    """The form for the format; POST sends the file."""
    return table_export(
        request, _table(request, IN_FILES), _url(request, "service_accounts"), _url(request, "service_account_print")
    )


@require_http_methods(["GET", "POST"])
@requires_reader
@rejects_other_sites
def printable(request: AppRequest) -> HttpResponse:
    return table_print(
        request, _table(request, COLUMNS), _url(request, "service_accounts"), _url(request, "service_account_export")
    )


def _url(request: AppRequest, name: str) -> str:
    return f"{reverse(name)}?{request.GET.urlencode()}"


def _table(request: AppRequest, columns: Mapping[str, str]) -> Table:
    client, query = request.user.client, ServiceAccountForm(request.GET).query()

    def found() -> list[ServiceAccount]:
        return query.apply(service_accounts.load(client))

    return Table(
        name="service-accounts",
        noun="service accounts",
        columns=columns,
        filter=str(query),
        query=request.GET.urlencode(),
        count=lambda: len(found()),
        batches=lambda: iter([[_row(account) for account in found()]]),
    )


def _row(account: ServiceAccount) -> Mapping[str, Any]:
    return {
        "account": account.name,
        "index_tokens": account.token_names("index"),
        "file_tokens": account.token_names("file"),
        "nodes": {token.name: list(token.nodes) for token in account.tokens if token.nodes},
        "silent_nodes": account.silent_nodes,
        "can_become_administrator": account.is_administrator,
        "escalations": "; ".join(map(str, account.escalations)),
        "privileges": account.privileges,
    }
