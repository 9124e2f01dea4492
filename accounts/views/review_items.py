"""A review while it is open: its items, the decisions about them, and the jobs that create the snapshot and lock the decisions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import trigger_client_event

from accounts.decorators import requires_reader, requires_valid_credentials
from accounts.forms.reviews import CHOOSE, DecisionForm, ItemsForm, changed_decisions, item_numbers
from accounts.http import AppRequest, go_to
from accounts.services import reviews
from accounts.services.errors import AuditUnavailable, DecisionConflict, Invalid, OutcomeUnknown, Unavailable
from accounts.services.reviews import Item, Progress, Review

PAGE_SIZE: Final = 50
CONFLICT: Final = "Someone else decided on this {}. Your decision isn't saved yet."
NOT_SAVED: Final = "Not saved because Elasticsearch is unavailable. Try again in a moment."
UNCONFIRMED: Final = "Elasticsearch didn't confirm the change, so it may not be saved. Save it again."


@dataclass(frozen=True)
class Row:
    """An item as the page shows it; with a `problem`, decision and comment are what was submitted, and not saved."""

    item: Item
    decision: str
    comment: str
    problem: str = ""

    @classmethod
    def of(cls, item: Item) -> "Row":
        return cls(item, item.decision.choice, item.decision.comment) if item.decision else cls(item, "", "")


@require_GET
@requires_reader
@requires_valid_credentials
def view(request: AppRequest, review_id: str) -> HttpResponse:
    """The review: a job in progress, the open items, or the report."""
    reviews.refresh()
    review = reviews.get(review_id)
    if review.state == "signed" or (review.cancellation and review.has_snapshot):
        return redirect("review_report", review_id)
    if not review.has_snapshot:
        done = reviews.progress([review_id])[review_id].total
        return _render_job(request, review, reviews.JobProgress(done, review.expected, is_over=False))
    if review.state == "signing":
        rows = review.snapshot.rows if review.snapshot else 0
        return _render_job(request, review, reviews.JobProgress(0, rows, is_over=False))
    items, damaged = reviews.items_and_damaged(review_id, ItemsForm(request.GET).query(PAGE_SIZE))
    return _render(request, review, [Row.of(item) for item in items], request.GET, damaged=damaged)


def _render(
    request: AppRequest, review: Review, rows: Sequence[Row], asked: QueryDict, status: int = 200, damaged: Sequence[str] = ()
) -> HttpResponse:
    query, progress = ItemsForm(asked).query(PAGE_SIZE), reviews.progress([review.id])[review.id]
    is_full = rows and len(rows) + len(damaged) == PAGE_SIZE
    context = {
        "review": review,
        "rows": rows,
        "damaged": damaged,
        "query": query,
        "progress": progress,
        "tabs": _tabs(review, progress),
        "first": _url(review, show=query.show, q=query.q) if query.after or query.before else "",
        "next": _url(review, show=query.show, q=query.q, after=rows[-1].item.number) if is_full else "",
        "current_url": _url(review, show=query.show, q=query.q, after=query.after),
    }
    return render(request, "reviews/view.html", context, status=status)


def _tabs(review: Review, progress: Progress) -> list[tuple[str, str, str, int]]:
    """Name, label, URL, and number of items of each tab."""
    tabs = [("", "All", progress.total), (reviews.PENDING, "Pending", progress.pending)]
    tabs += [(decision, label, progress.counts[decision]) for decision, label in review.subject.decisions.items()]
    return [(name, label, _url(review, show=name), count) for name, label, count in tabs]


def _url(review: Review, **parameters: str | int) -> str:
    filled = {name: value for name, value in parameters.items() if value}
    return f"{reverse('review', args=[review.id])}{'?' if filled else ''}{urlencode(filled)}"


@require_GET
@requires_reader
@requires_valid_credentials
def progress(request: AppRequest, review_id: str) -> HttpResponse:
    """The progress, for a page that has just sent a decision."""
    reviews.refresh()
    review = reviews.get(review_id)
    progress = reviews.progress([review_id])[review_id]
    context = {"review": review, "progress": progress, "tabs": _tabs(review, progress)}
    return render(request, "reviews/_decided.html", context)


@require_POST
@requires_reader
@requires_valid_credentials
def decide(request: AppRequest, review_id: str) -> HttpResponse:
    """Save the decision about one item (htmx), or those of a whole page."""
    rows = [_decide(request, review_id, form) for form in changed_decisions(request.POST)]
    if request.htmx:
        return _render_row(request, review_id, rows)
    return _after_page(request, review_id, rows)


def _render_row(request: AppRequest, review_id: str, rows: Sequence[Row]) -> HttpResponse:
    if not rows:
        return HttpResponse(status=204)
    response = render(request, "reviews/_item.html", {"row": rows[0], "review_id": review_id})
    return trigger_client_event(response, "usermgmt:decided")


def _after_page(request: AppRequest, review_id: str, rows: Sequence[Row]) -> HttpResponse:
    """The same page again, with what isn't saved as it was submitted."""
    saved = sum(not row.problem for row in rows)
    if saved:
        messages.success(request, f"Saved {saved} decision{'' if saved == 1 else 's'}")
    asked = QueryDict(request.POST.get("current_url", "").partition("?")[2])
    if saved == len(rows):
        return redirect(_url(reviews.get(review_id), **{name: asked.get(name, "") for name in ("show", "q", "after")}))
    reviews.refresh()
    unsaved = {row.item.number: row for row in rows if row.problem}
    review, items = reviews.get_with_items(review_id, item_numbers(request.POST))
    return _render(request, review, [unsaved.get(item.number) or Row.of(item) for item in items], asked, status=409)


def _decide(request: AppRequest, review_id: str, form: DecisionForm) -> Row:
    if not form.is_valid():
        return _unsaved(review_id, form, form.problem)
    try:
        return Row.of(reviews.decide(request.user.client, review_id, form.number, **form.cleaned_data))
    except DecisionConflict:
        return _unsaved(review_id, form, CONFLICT)
    except Invalid:
        return _unsaved(review_id, form, CHOOSE)
    except (Unavailable, AuditUnavailable):
        return _unsaved(review_id, form, NOT_SAVED)
    except OutcomeUnknown:
        return _unsaved(review_id, form, UNCONFIRMED)


def _unsaved(review_id: str, form: DecisionForm, problem: str) -> Row:
    """What was submitted, with the item as it is now."""
    items = reviews.get_with_items(review_id, [form.number])[1]
    return Row(items[0], form.typed("decision"), form.typed("comment"), problem.format(items[0].subject.noun))


@require_POST
@requires_reader
@requires_valid_credentials
def job(request: AppRequest, review_id: str) -> HttpResponse:
    """The next batch of the snapshot, or of the decisions to lock; the page requests batches until the job is over."""
    review = reviews.get(review_id)
    if review.cancellation:
        return go_to(request, reverse("review", args=[review_id]))
    run_batch = reviews.create_snapshot if review.state == "snapshotting" else reviews.lock_decisions
    done = run_batch(request.user.client, review_id)
    if done.is_over:
        return go_to(request, reverse("review", args=[review_id]))
    return _render_job(request, review, done)


def _render_job(request: AppRequest, review: Review, done: reviews.JobProgress) -> HttpResponse:
    is_snapshot = review.state == "snapshotting"
    context: dict[str, Any] = {
        "review": review,
        "job": done,
        "is_resumable": is_snapshot or reviews.is_signer(request.user.client, review),
        "action": reverse("review_job", args=[review.id]),
        "text": f"Creating snapshot of {review.subject.nouns}" if is_snapshot else "Locking decisions",
    }
    return render(request, "reviews/_job.html" if request.htmx else "reviews/job.html", context)
