"""The user list as a file and as a printable page: all users that match, not only one page of the list."""

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from accounts.decorators import requires_reader
from accounts.downloads.streaming import FRAMES, download
from accounts.forms.exports import ExportForm
from accounts.forms.user_list import UserListForm
from accounts.http import AppRequest, is_dialog
from accounts.services import exports, users
from accounts.services.exports import Format, filters
from accounts.services.users import UserQuery


@require_http_methods(["GET", "POST"])
@requires_reader
def export(request: AppRequest) -> HttpResponseBase:
    """The form for the format; POST sends the file."""
    query = users.without_position(UserListForm(request.GET).query())
    form = ExportForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return _file(request, query, exports.FORMATS[form.cleaned_data["format"]])
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


@require_GET
@requires_reader
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


def _file(request: AppRequest, query: UserQuery, format: Format) -> HttpResponseBase:
    name = f"users-{timezone.now():%Y%m%dT%H%M%SZ}.{format.suffix}"
    chunks = exports.write(request.user.client, query, format)
    return download(chunks, name, format.content_type, in_frames=request.headers.get("Accept") == FRAMES)
