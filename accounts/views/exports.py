"""Lists as files and as printable pages: all rows that match, not only one page of the list."""

from collections.abc import Generator

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.decorators import rejects_other_sites, requires_reader
from accounts.downloads.streaming import FRAMES, download
from accounts.forms.exports import ExportForm
from accounts.forms.user_list import UserListForm
from accounts.http import AppRequest, is_dialog
from accounts.services import exports, users
from accounts.services.exports import Chunk, Format, Table, filters


@require_http_methods(["GET", "POST"])
@requires_reader
def export(request: AppRequest) -> HttpResponseBase:
    """The form for the format; POST sends the file."""
    query = users.without_position(UserListForm(request.GET).query())
    form = ExportForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        format = exports.FORMATS[form.cleaned_data["format"]]
        return _file(request, "users", format, exports.write(request.user.client, query, format))
    parameters = request.GET.urlencode()
    context = {
        "form": form,
        "total": users.count(request.user.client, query),
        "filter": filters.describe(query),
        "action": f"{reverse('user_export')}?{parameters}",
        "print_url": f"{reverse('user_print')}?{parameters}",
        "cancel": f"{reverse('users')}?{parameters}",
    }
    return render(request, "users/_export.html" if is_dialog(request) else "users/export.html", context)


@require_http_methods(["GET", "POST"])
@requires_reader
@rejects_other_sites
def printable(request: AppRequest) -> HttpResponse:
    """The printable user list; only its start if it is long."""
    rows, manifest = exports.printed(request.user.client, UserListForm(request.GET).query())
    context = {
        "rows": rows,
        "columns": exports.COLUMNS.values(),
        "manifest": manifest,
        "is_cut": manifest.users_before > len(rows) == exports.MAX_PRINTED,
        "back": f"{reverse('users')}?{request.GET.urlencode()}",
        "export_url": f"{reverse('user_export')}?{request.GET.urlencode()}",
    }
    return render(request, "users/print.html", context)


def table_export(request: AppRequest, table: Table, back: str, print_url: str = "") -> HttpResponseBase:
    """The form for the format of another table; POST sends the file. `back`: the URL of the list."""
    form = ExportForm(request.POST or None, name=table.name)
    if request.method == "POST" and form.is_valid():
        format = exports.FORMATS[form.cleaned_data["format"]]
        return _file(request, table.name, format, exports.write_table(request.user.client, table, format))
    total = table.count()
    context = {
        "form": form,
        "table": table,
        "total": total,
        "counted": table.counted(total),
        "action": request.get_full_path(),
        "print_url": print_url,
        "back": back,
    }
    return render(request, "exports/_form.html" if is_dialog(request) else "exports/form.html", context)


def table_print(request: AppRequest, table: Table, back: str, export_url: str) -> HttpResponse:
    """The printable page of another table; only its start if it is long."""
    rows, manifest = exports.print_table(request.user.client, table)
    context = {
        "rows": rows,
        "table": table,
        "manifest": manifest,
        "counted": table.counted(manifest.count_before),
        "is_cut": manifest.count_before > len(rows) == exports.MAX_PRINTED,
        "back": back,
        "export_url": export_url,
    }
    return render(request, "exports/print.html", context)


def _file(request: AppRequest, name: str, format: Format, chunks: Generator[Chunk, None, None]) -> HttpResponseBase:
    file_name = f"{name}-{timezone.now():%Y%m%dT%H%M%SZ}.{format.suffix}"
    return download(chunks, file_name, format.content_type, in_frames=request.headers.get("Accept") == FRAMES)
