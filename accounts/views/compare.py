"""Comparing two lists of users: what is different, on a page that can be printed, and as CSV. Nothing is kept."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.forms import Form
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from accounts import policy
from accounts.downloads.csv import csv_lines
from accounts.forms.compare import ExportFilesForm, ReviewsForm, TrailForm
from accounts.http import AppRequest
from accounts.services import audit, compare
from accounts.services.compare import Comparison, Difference
from accounts.services.compare.differences import KINDS

MOST_SHOWN: Final = 500
TOO_MANY: Final = "There are too many changes in this time for one page. Choose days that are nearer to each other."


@require_GET
def index(request: AppRequest) -> HttpResponse:
    """What can be compared."""
    policy.demand_reading(request.user)
    return _index(request)


def _index(request: AppRequest, **bound: Form) -> HttpResponse:
    """The forms; `bound` is the one that was sent and has errors."""
    begins, offered = audit.trail_start(), compare.frozen()
    forms = {
        "trail_form": TrailForm(begins=begins),
        "exports_form": ExportFilesForm(),
        "reviews_form": ReviewsForm(offered=offered),
        **bound,
    }
    context = {**forms, "begins": begins, "has_reviews": len(offered) > 1, "has_errors": bool(bound)}
    return render(request, "compare/index.html", context, status=422 if bound else 200)


@require_GET
def reviews(request: AppRequest) -> HttpResponseBase:
    """The users in the frozen lists of two reviews."""
    policy.demand_reading(request.user)
    form = ReviewsForm(request.GET, offered=compare.frozen())
    if not form.is_valid():
        return _index(request, reviews_form=form)
    found = compare.of_reviews(form.cleaned_data["one"], form.cleaned_data["other"])
    if request.GET.get("format") == "csv":
        return _csv(request, found.comparison, f"changes-{found.before.created:%Y-%m-%d}.csv")
    return render(request, "compare/reviews.html", {"found": found, **_shown(found.comparison)})


@require_POST
def exports(request: AppRequest) -> HttpResponseBase:
    """The users in two export files, which end with the request."""
    policy.demand_reading(request.user)
    form = ExportFilesForm(request.POST, request.FILES)
    if not form.is_valid():
        return _index(request, exports_form=form)
    found = compare.of_exports(form.cleaned_data["one"], form.cleaned_data["other"])
    if request.POST.get("format") == "csv":
        return _csv(request, found.comparison, f"changes-{found.before.generated_at[:10]}.csv")
    return render(request, "compare/exports.html", {"found": found, **_shown(found.comparison)})


@require_GET
def trail(request: AppRequest) -> HttpResponseBase:
    """The users at two moments, by the audit trail."""
    policy.demand_reading(request.user)
    form = TrailForm(request.GET, begins=audit.trail_start())
    if not form.is_valid():
        return _index(request, trail_form=form)
    since, until = form.cleaned_data["since"], form.cleaned_data["until"]
    try:
        past = compare.between(request.user.client, since, until)
    except compare.TooMany:
        form.add_error("since", TOO_MANY)
        return _index(request, trail_form=form)
    if request.GET.get("format") == "csv":
        return _csv(request, past.comparison, f"changes-{since:%Y-%m-%d}.csv")
    context = {"past": past, "since": since, "until": until, "begins": form.begins, **_shown(past.comparison)}
    return render(request, "compare/trail.html", context)


def _shown(comparison: Comparison) -> dict[str, Any]:
    """The differences by kind: as many as a page can hold."""
    by_kind = [(kind, label, comparison.of(kind)) for kind, label in KINDS.items()]
    groups = [(kind, label, found[:MOST_SHOWN], len(found)) for kind, label, found in by_kind]
    return {"comparison": comparison, "groups": groups}


def _csv(request: AppRequest, comparison: Comparison, name: str) -> HttpResponseBase:
    """All differences, a line for each field; it stands in the trail first."""
    details = {"rows": str(len(comparison.differences))}
    audit.record_event(request.user.client.actor, "export", name, kind="comparison", details=details)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(csv_lines(_cells(comparison.differences)), content_type="text/csv; charset=utf-8", headers=headers)


def _cells(differences: Iterable[Difference]) -> Iterator[list[str]]:
    yield ["User name", "What", "Field", "Before", "After", "By"]
    for each in differences:
        for field in each.fields:
            yield [each.username, KINDS[each.kind], field.name, field.before, field.after, "; ".join(each.by)]
