"""Findings: the newest run, the one that is under way, and who stands behind each finding. Auditors may do all of it."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from accounts import policy
from accounts.downloads.csv import csv_lines
from accounts.forms.findings import PARTS, FindingForm
from accounts.http import AppRequest, go_to, wants_fragment
from accounts.services import audit, findings
from accounts.services.errors import NotFound
from accounts.services.findings import Finding, Row, Run, rows

SIZE: Final = 50
HEADINGS: Final = {"act": "To mend", "check": "To confirm"}


@require_GET
def index(request: AppRequest) -> HttpResponse:
    """The newest result, or an earlier one, and the run that is under way. Raises Http404 for one that is gone."""
    policy.demand_reading(request.user)
    known = findings.history()
    finished = [run for run in known if run.finished]
    under_way = findings.get(known[0].id) if known and known[0].is_resumable else None
    shown = _chosen(FindingForm(request.GET).value("run") or finished[0].id) if finished else None
    context = {"run": shown, "under_way": under_way, "groups": _groups(shown) if shown else [], "finished": finished}
    return render(request, "findings/list.html", context)


def _groups(run: Run) -> list[tuple[str, list[dict[str, Any]]]]:
    return [
        (title, [_line(run, finding) for finding in findings.CATALOGUE if finding.weight == weight])
        for weight, title in HEADINGS.items()
    ]


def _line(run: Run, finding: Finding) -> dict[str, Any]:
    numbers = {name: run.count(f"{name}:{finding.slug}") for name in ("new", "gone")}
    return {"finding": finding, "count": run.count(finding.slug), **numbers}


@require_POST
def run(request: AppRequest) -> HttpResponse:
    """Begin a run; the page that opens does it, a portion at a time."""
    policy.demand_reading(request.user)
    findings.start(request.user.client)
    return redirect("findings")


@require_POST
def go_on(request: AppRequest, id: str) -> HttpResponse:
    """The next portion of a run."""
    policy.demand_reading(request.user)
    try:
        run = findings.advance(request.user.client, id)
    except NotFound:
        raise Http404(id) from None
    if run.finished or not wants_fragment(request, "findings-progress"):
        return go_to(request, reverse("findings"))
    return render(request, "findings/_progress.html", {"under_way": run})


@require_GET
def view(request: AppRequest, slug: str) -> HttpResponse:
    """One finding: why it matters, what to do, and who it is about."""
    policy.demand_reading(request.user)
    finding, run, form = _asked(request, slug)
    part, number = form.value("part") or "", form.value("page") or 1
    chunks = run.chunks.get(f"{part}:{slug}" if part else slug, [])
    count = sum(count for _, count in chunks)
    pages = max(1, -(-count // SIZE))
    number = min(number, pages)
    context = {
        "finding": finding,
        "run": run,
        "part": part,
        "parts": [(value, label, run.count(f"{value}:{slug}" if value else slug)) for value, label in PARTS],
        "count": count,
        "rows": rows.page(chunks, (number - 1) * SIZE, SIZE),
        "first": (number - 1) * SIZE + 1,
        "last": min(number * SIZE, count),
        "number": number,
        "pages": pages,
    }
    return render(request, "findings/view.html", context)


@require_GET
def export(request: AppRequest, slug: str) -> HttpResponseBase:
    """The rows of one finding as CSV; it stands in the trail first."""
    policy.demand_reading(request.user)
    finding, run, _ = _asked(request, slug)
    name = f"{slug}-{run.started:%Y-%m-%d}.csv"
    details = {"run": run.id, "rows": str(run.count(slug))}
    audit.record_event(request.user.client.actor, "export", name, kind="finding", details=details)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    lines = csv_lines(_cells(finding, rows.read(run.chunks.get(slug, []))))
    return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


def _cells(finding: Finding, found: Iterable[Row]) -> Iterator[list[str]]:
    yield ["User name", "Full name", "Status", finding.roles or "Roles", "What was found", "Id"]
    for row in found:
        yield [row.username, row.full_name, ", ".join(row.marks) or "Active", ", ".join(row.roles), row.note, row.ref]


def _asked(request: AppRequest, slug: str) -> tuple[Finding, Run, FindingForm]:
    """The finding of an address, and the run: the newest one that is finished unless another is asked for. Raises Http404."""
    form = FindingForm(request.GET)
    id = form.value("run") or next((run.id for run in findings.history() if run.finished), "")
    if slug not in findings.BY_SLUG:
        raise Http404(slug)
    return findings.BY_SLUG[slug], _chosen(id), form


def _chosen(id: str) -> Run:
    try:
        return findings.get(id)
    except NotFound:
        raise Http404(id) from None
