"""One review while it is open: its items, what is decided about them, and the long work before and behind it."""

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

from accounts.forms.reviews import MarkForm, changed_marks, number
from accounts.http import AppRequest, go_to
from accounts.services import reviews
from accounts.services.errors import AuditUnavailable, MarkConflict, OutcomeUnknown, Unavailable
from accounts.services.reviews import Item, ItemQuery, Review, signing
from accounts.views.reviews import enter

A_PAGE: Final = 50
TABS: Final = (("", "All"), ("open", "Open"), ("keep", "Keep"), ("change", "Change"), ("remove", "Remove"))
CONFLICT: Final = "Somebody else marked this meanwhile. Yours is not saved yet."
NOT_SAVED: Final = "Elasticsearch does not take this just now, so it is not saved. Try again in a moment."
LOST: Final = "The answer of Elasticsearch was lost, so this may not be saved. Save it again."


@dataclass(frozen=True)
class Row:
    """An item as the page has it; with `problem`, what the person wanted stands in it and is not saved."""

    item: Item
    decision: str
    comment: str
    problem: str = ""

    @classmethod
    def of(cls, item: Item) -> "Row":
        """As it is."""
        return cls(item, item.mark.decision if item.mark else "", item.mark.comment if item.mark else "")


@require_GET
def view(request: AppRequest, review_id: str) -> HttpResponse:
    """The review as far as it is: being frozen, open with its items, being signed, or the report."""
    enter(request)
    reviews.refresh()
    review = reviews.get(review_id)
    if review.state == "signed":
        return redirect("review_report", review_id)
    if review.state != "open":
        return _render_work(request, review, reviews.Work(0, review.completeness.rows if review.completeness else 0, False))
    return _render(request, review, [Row.of(item) for item in _items(review_id, request.GET)], request.GET)


def _items(review_id: str, asked: QueryDict) -> list[Item]:
    return reviews.items(review_id, _query(asked))


def _query(asked: QueryDict) -> ItemQuery:
    show = asked.get("show", "")
    return ItemQuery(
        show if show in dict(TABS) else "",
        asked.get("q", "").replace("\0", "")[:200].strip(),
        number(asked.get("after")),
        number(asked.get("before")),
        A_PAGE,
    )


def _render(request: AppRequest, review: Review, rows: Sequence[Row], asked: QueryDict, status: int = 200) -> HttpResponse:
    query, progress = _query(asked), reviews.progress([review.id])[review.id]
    counts: dict[str, int] = {"": progress.total, "open": progress.left, **progress.counts}
    context = {
        "review": review,
        "rows": rows,
        "query": query,
        "progress": progress,
        "tabs": [(label, _address(review, show=name), counts[name], name == query.show) for name, label in TABS],
        "first": _address(review, show=query.show, q=query.q) if query.after or query.before else "",
        "next": _address(review, show=query.show, q=query.q, after=rows[-1].item.number) if len(rows) == A_PAGE else "",
        "here": _address(review, show=query.show, q=query.q, after=query.after),
    }
    return render(request, "reviews/view.html", context, status=status)


def _address(review: Review, **parameters: str | int) -> str:
    filled = {name: value for name, value in parameters.items() if value}
    return f"{reverse('review', args=[review.id])}{'?' if filled else ''}{urlencode(filled)}"


@require_GET
def progress(request: AppRequest, review_id: str) -> HttpResponse:
    """How far it is, for the page that has just sent a mark."""
    enter(request)
    reviews.refresh()
    review = reviews.get(review_id)
    context = {"review": review, "progress": reviews.progress([review_id])[review_id]}
    return render(request, "reviews/_progress.html", context)


@require_POST
def mark(request: AppRequest, review_id: str) -> HttpResponse:
    """Marks of one row (htmx), or of all rows of a page."""
    enter(request)
    rows = [_mark(request, review_id, form) for form in changed_marks(request.POST)]
    if request.htmx:
        return _render_row(request, review_id, rows)
    return _after_page(request, review_id, rows)


def _render_row(request: AppRequest, review_id: str, rows: Sequence[Row]) -> HttpResponse:
    """The row alone; nothing where it says what it said before."""
    if not rows:
        return HttpResponse(status=204)
    response = render(request, "reviews/_item.html", {"row": rows[0], "review_id": review_id})
    return trigger_client_event(response, "usermgmt:marked")


def _after_page(request: AppRequest, review_id: str, rows: Sequence[Row]) -> HttpResponse:
    """The same page with the next question, or with what is not saved as it was typed."""
    saved = sum(not row.problem for row in rows)
    if saved:
        messages.success(request, f"Saved {saved} mark{'' if saved == 1 else 's'}")
    asked = QueryDict(request.POST.get("here", "").partition("?")[2])
    if saved == len(rows):
        return redirect(_address(reviews.get(review_id), **{name: asked.get(name, "") for name in ("show", "q", "after")}))
    reviews.refresh()
    unsaved = {row.item.number: row for row in rows if row.problem}
    numbers = [number(text) for text in request.POST.getlist("number")]
    review, items = reviews.get_with_items(review_id, numbers)
    return _render(request, review, [unsaved.get(item.number) or Row.of(item) for item in items], asked, status=409)


def _mark(request: AppRequest, review_id: str, form: MarkForm) -> Row:
    """The row after it; `problem` when it could not be taken."""
    if not form.is_valid():
        return _unsaved(review_id, form, form.problem)
    try:
        return Row.of(reviews.mark(request.user.client, review_id, form.number, **form.cleaned_data))
    except MarkConflict:
        return _unsaved(review_id, form, CONFLICT)
    except (Unavailable, AuditUnavailable):
        return _unsaved(review_id, form, NOT_SAVED)
    except OutcomeUnknown:
        return _unsaved(review_id, form, LOST)


def _unsaved(review_id: str, form: MarkForm, problem: str) -> Row:
    """What was typed, on top of the item as it is now."""
    items = reviews.get_with_items(review_id, [form.number])[1]
    return Row(items[0], form.typed("decision"), form.typed("comment"), problem)


@require_POST
def work(request: AppRequest, review_id: str) -> HttpResponse:
    """The next portion of freezing a list or of sealing decisions; the page asks again until it is over."""
    enter(request)
    review = reviews.get(review_id)
    do = reviews.freeze if review.state == "freezing" else reviews.seal
    done = do(request.user.client, review_id)
    if done.is_over:
        return go_to(request, reverse("review", args=[review_id]))
    return _render_work(request, review, done)


def _render_work(request: AppRequest, review: Review, done: reviews.Work) -> HttpResponse:
    is_ours = review.state == "freezing" or signing.is_signer(request.user.client, review)
    context: dict[str, Any] = {
        "review": review,
        "work": done,
        "is_ours": is_ours,
        "action": reverse("review_work", args=[review.id]),
        "text": "Taking the list down" if review.state == "freezing" else "Sealing the decisions",
    }
    return render(request, "reviews/_work.html" if request.htmx else "reviews/work.html", context)
