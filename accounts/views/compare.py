"""Comparing two user lists, as a page and as CSV. Nothing is stored."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.forms import Form
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.decorators import rejects_other_sites_if, requires_reader, requires_valid_credentials
from accounts.downloads.csv import csv_response
from accounts.forms.compare import ExportFilesForm, ReviewsForm, TrailForm
from accounts.http import AppRequest
from accounts.services import audit, compare
from accounts.services.compare import Comparison, Difference
from accounts.services.compare.differences import KINDS
from accounts.services.exports import dialect

MAX_SHOWN: Final = 500
TOO_MANY: Final = "There are {:,} changes since this date, more than the {:,} that can be compared. Choose a later date."


@require_GET
@requires_reader
def index(request: AppRequest) -> HttpResponse:
    return _index(request)


def _index(request: AppRequest, **bound: Form) -> HttpResponse:
    """`bound`: the submitted form with errors."""
    trail_start, offered = audit.trail_start(), compare.with_snapshot()
    forms = {
        "trail_form": TrailForm(trail_start=trail_start),
        "exports_form": ExportFilesForm(),
        "reviews_form": ReviewsForm(offered=offered),
        **bound,
    }
    context = {**forms, "trail_start": trail_start, "has_reviews": len(offered) > 1, "has_errors": bool(bound)}
    return render(request, "compare/index.html", context, status=422 if bound else 200)


@require_http_methods(["GET", "POST"])
@requires_reader
@rejects_other_sites_if(lambda query: query.get("format") in dialect.SEPARATORS)
@requires_valid_credentials
def reviews(request: AppRequest) -> HttpResponseBase:
    form = ReviewsForm(request.GET, offered=compare.with_snapshot())
    if not form.is_valid():
        return _index(request, reviews_form=form)
    try:
        found = compare.of_reviews(form.cleaned_data["one"], form.cleaned_data["other"])
    except compare.TooLarge as exc:
        form.add_error("one" if exc.list_id == form.cleaned_data["one"] else "other", str(exc))
        return _index(request, reviews_form=form)
    subject = found.after.subject
    if (format := request.GET.get("format")) in dialect.SEPARATORS:
        name = f"changes-{found.before.created:%Y-%m-%d}.csv"
        return _csv(request, found.comparison, name, format, subject.heading)
    context = {"found": found, "page": subject.page, "heading": subject.heading, **_shown(found.comparison)}
    return render(request, "compare/reviews.html", context)


@require_POST
@requires_reader
@requires_valid_credentials
def exports(request: AppRequest) -> HttpResponseBase:
    """Uploaded files are deleted at the end of the request."""
    form = ExportFilesForm(request.POST, request.FILES)
    if not form.is_valid():
        return _index(request, exports_form=form)
    found = compare.of_exports(form.cleaned_data["one"], form.cleaned_data["other"])
    if (format := request.POST.get("format")) in dialect.SEPARATORS:
        return _csv(request, found.comparison, f"changes-{found.before.generated_at[:10]}.csv", format)
    return render(request, "compare/exports.html", {"found": found, **_shown(found.comparison)})


@require_http_methods(["GET", "POST"])
@requires_reader
@rejects_other_sites_if(lambda query: query.get("format") in dialect.SEPARATORS)
@requires_valid_credentials
def trail(request: AppRequest) -> HttpResponseBase:
    form = TrailForm(request.GET, trail_start=audit.trail_start())
    if not form.is_valid():
        return _index(request, trail_form=form)
    since, until = form.cleaned_data["since"], form.cleaned_data["until"]
    try:
        past = compare.between(request.user.client, since, until)
    except compare.TooManyChanges as exc:
        form.add_error("since", TOO_MANY.format(exc.count, compare.MAX_CHANGES))
        return _index(request, trail_form=form)
    if (format := request.GET.get("format")) in dialect.SEPARATORS:
        return _csv(request, past.comparison, f"changes-{since:%Y-%m-%d}.csv", format)
    context = {"past": past, "since": since, "until": until, "trail_start": form.trail_start, **_shown(past.comparison)}
    return render(request, "compare/trail.html", context)


def _shown(comparison: Comparison) -> dict[str, Any]:
    """The differences by kind, up to MAX_SHOWN each."""
    by_kind = [(kind, label, comparison.of(kind)) for kind, label in KINDS.items()]
    groups = [(kind, label, found[:MAX_SHOWN], len(found)) for kind, label, found in by_kind]
    return {"comparison": comparison, "groups": groups}


def _csv(request: AppRequest, comparison: Comparison, name: str, format: str, heading: str = "Username") -> HttpResponseBase:
    """All differences, a line for each field; recorded in the audit trail first."""
    details = {"rows": str(len(comparison.differences))}
    audit.record_event(request.user.client.actor, audit.Action.EXPORT, name, kind="comparison", details=details)
    return csv_response(_cells(comparison.differences, heading), name, format)


def _cells(differences: Iterable[Difference], heading: str) -> Iterator[list[str]]:
    yield [heading, "Change", "Field", "Before", "After", "Changed by"]
    for each in differences:
        for field in each.fields:
            yield [each.name, KINDS[each.kind], field.name, field.before, field.after, "; ".join(each.by)]
