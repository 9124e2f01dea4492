"""Findings: the latest result, the active run, and the rows of each finding. Read access is enough for all of it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from django.conf import settings
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.decorators import rejects_other_sites, requires_reader, requires_valid_credentials
from accounts.downloads.csv import csv_response
from accounts.forms.findings import PARTS, FindingForm, FindingQuery
from accounts.http import AppRequest, go_to, wants_fragment
from accounts.services import audit, findings
from accounts.services.errors import NotFound
from accounts.services.exports import dialect
from accounts.services.findings import Finding, Row, Run, rows

PAGE_SIZE: Final = 50
# Lists of what is so now; what a finding doesn't tell apart can be in several of them. Label, URL name, and query string.
LISTS: Final[Mapping[str, Sequence[tuple[str, str, str]]]] = {
    "powerful-keys": (("API keys", "api_keys", "state=active&expires=never&administrator=yes"),),
    "administrator-keys": (
        ("API keys that can become an administrator", "api_keys", "state=active&administrator=yes"),
        ("API keys of which it isn't known", "api_keys", "state=active&administrator=unknown"),
    ),
    "lasting-keys": (("API keys", "api_keys", "state=active&expires=never"),),
    "old-keys": (("API keys", "api_keys", "state=active&age=old"),),
    "old-passwords": (("Users", "users", "status=active&kind=native&password_days={days}"),),
    "unknown-passwords": (("Users", "users", "status=active&kind=native&flag=password-age-unknown"),),
}
HEADINGS: Final = {"action": "Action required", "confirmation": "Confirmation required"}


@require_GET
@requires_reader
def index(request: AppRequest) -> HttpResponse:
    """The result of the latest or another run, and the active run. Raises Http404."""
    known, damaged = findings.history_and_damaged()
    finished = [run for run in known if run.finished]
    active_run = findings.first_readable(known[:1]) if known and known[0].is_resumable else None
    chosen = FindingForm(request.GET).query().run
    shown = _chosen(chosen) if chosen else next(iter(finished), None)
    context = {
        "run": shown,
        "active_run": active_run,
        "groups": _groups(shown) if shown else [],
        "finished": finished,
        "damaged": damaged,
    }
    return render(request, "findings/list.html", context)


def _groups(run: Run) -> list[tuple[str, list[dict[str, Any]]]]:
    return [
        (title, [_line(run, finding) for finding in findings.CATALOGUE if finding.severity == severity])
        for severity, title in HEADINGS.items()
    ]


def _line(run: Run, finding: Finding) -> dict[str, Any]:
    numbers = {name: run.count(f"{name}:{finding.slug}") for name in ("new", "resolved")}
    return {"finding": finding, "count": run.count(finding.slug), **_known(run, finding), **numbers}


def _known(run: Run, finding: Finding) -> dict[str, bool]:
    return {
        "is_known": run.has_checked(finding) and (run.has_compared_roles or not finding.is_comparison),
        "is_compared": run.has_compared(finding) and not finding.is_comparison,
    }


@require_POST
@requires_reader
@requires_valid_credentials
def run(request: AppRequest) -> HttpResponse:
    """Start a run; the next page runs its batches."""
    findings.start(request.user.client)
    return redirect("findings")


@require_POST
@requires_reader
@requires_valid_credentials
def resume(request: AppRequest, id: str) -> HttpResponse:
    """The next batch of a run."""
    try:
        run = findings.advance(request.user.client, id)
    except NotFound:
        raise Http404(id) from None
    if run.finished or not wants_fragment(request, "findings-progress"):
        return go_to(request, reverse("findings"))
    return render(request, "findings/_progress.html", {"active_run": run})


@require_GET
@requires_reader
def view(request: AppRequest, slug: str) -> HttpResponse:
    """One finding with its rows."""
    finding, run, query = _requested(request, slug)
    part, number = query.part, query.page
    chunks = run.chunks.get(f"{part}:{slug}" if part else slug, [])
    count = sum(count for _, count in chunks)
    pages = max(1, -(-count // PAGE_SIZE))
    number = min(number, pages)
    context = {
        "finding": finding,
        "run": run,
        "lists": _lists(slug),
        "part": part,
        "parts": [(value, label, run.count(f"{value}:{slug}" if value else slug)) for value, label in PARTS],
        "count": count,
        **_known(run, finding),
        "rows": rows.page(chunks, (number - 1) * PAGE_SIZE, PAGE_SIZE),
        "first": (number - 1) * PAGE_SIZE + 1,
        "last": min(number * PAGE_SIZE, count),
        "number": number,
        "pages": pages,
    }
    return render(request, "findings/view.html", context)


def _lists(slug: str) -> list[tuple[str, str]]:
    days = settings.OLD_PASSWORD_DAYS
    return [(label, f"{reverse(name)}?{parameters.format(days=days)}") for label, name, parameters in LISTS.get(slug, ())]


@require_http_methods(["GET", "POST"])
@requires_reader
@rejects_other_sites
@requires_valid_credentials
def export(request: AppRequest, slug: str) -> HttpResponseBase:
    """The rows of one finding as CSV, after the export was recorded in the audit trail."""
    finding, run, _ = _requested(request, slug)
    name = f"{slug}-{run.started:%Y-%m-%d}.csv"
    details = {"run": run.id, "rows": str(run.count(slug))}
    audit.record_event(request.user.client.actor, audit.Action.EXPORT, name, kind="finding", details=details)
    return csv_response(_cells(finding, rows.read(run.chunks.get(slug, []))), name, request.GET.get("format", ""))


def _cells(finding: Finding, found: Iterable[Row]) -> Iterator[list[str]]:
    yield ["Username", "Full name", "Status", finding.roles or "Roles", "Details", "ID"]
    of_users = finding.noun in ("user", "API key")  # of a key, the status is that of its owner
    for row in found:
        status = ", ".join(row.badges) or ("Active" if of_users and row.username else "")
        yield [row.username, row.full_name, status, dialect.join_names(row.roles), row.details, row.ref]


def _requested(request: AppRequest, slug: str) -> tuple[Finding, Run, FindingQuery]:
    """The finding and the run of a URL; by default the latest finished run. Raises Http404."""
    query = FindingForm(request.GET).query()
    if slug not in findings.BY_SLUG:
        raise Http404(slug)
    run = _chosen(query.run) if query.run else findings.latest()
    if run is None:
        raise Http404("no run")
    return findings.BY_SLUG[slug], run, query


def _chosen(id: str) -> Run:
    try:
        return findings.get(id)
    except NotFound:
        raise Http404(id) from None
