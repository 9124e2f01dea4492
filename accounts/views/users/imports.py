"""Importing users: a file is checked as a whole, then it is a bulk change with a preview."""

from typing import Final

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods

from accounts.bulk_policy import denial_by
from accounts.decorators import requires_manager, requires_valid_credentials
from accounts.forms.imports import ImportForm
from accounts.http import AppRequest
from accounts.services import imports, jobs

MAX_SHOWN: Final = 500
TEMPLATES: Final = {"csv": "CSV", "csv-semicolon": "CSV (semicolons)", "xlsx": "XLSX"}


@require_http_methods(["GET", "POST"])
@requires_manager
@requires_valid_credentials
@sensitive_variables()
def create(request: AppRequest) -> HttpResponse:
    """Choose a file. POST checks every line, and starts the preview if there are only warnings."""
    form = ImportForm(request.POST, request.FILES) if request.method == "POST" else ImportForm()
    found = []
    if form.is_valid():
        contents = form.cleaned_data["file"]
        if not (found := contents.errors):
            client = request.user.client
            job = jobs.create_import(client, str(request.FILES["file"]), contents)
            jobs.advance(client, job.id, denial_by(request.user))
            return redirect("job", job.id)
    context = {"form": form, "problems": found[:MAX_SHOWN], "count": len(found), "templates": TEMPLATES}
    return render(request, "users/import.html", context, status=422 if form.errors or found else 200)


@require_GET
@requires_manager
def template(request: AppRequest) -> HttpResponse:
    """An empty file with the columns."""
    format = request.GET.get("format", "")
    format = format if format in imports.TEMPLATES else "csv"
    suffix, content_type = imports.TEMPLATES[format]
    headers = {"Content-Disposition": f'attachment; filename="users.{suffix}"'}
    return HttpResponse(imports.template(format), content_type=content_type, headers=headers)
