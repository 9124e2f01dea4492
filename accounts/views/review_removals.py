"""Removals and changes of a signed review: everyone with read access sees them, administrators apply the removals."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Final, cast

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts import policy
from accounts.decorators import requires_manager, requires_reader, requires_valid_credentials
from accounts.forms.reviews import ItemsForm, RemovalForm
from accounts.http import AppRequest, go_to
from accounts.services import reviews
from accounts.services.passwords.warnings import ServiceWarning, warning
from accounts.services.reviews import Outcome, Removal, Review
from accounts.services.reviews.remediation import DenialReason
from accounts.services.reviews.subjects import USERS
from accounts.services.users import User

PAGE_SIZE: Final = 100
SEE_BELOW: Final = "Their current status below has the reason. Repeat the action to try again."


@require_http_methods(["GET", "POST"])
@requires_reader
@requires_valid_credentials
def removals(request: AppRequest, review_id: str) -> HttpResponse:
    """What is to be removed and changed, with the current status; POST applies the next batch of removals."""
    if request.method == "POST":
        return _apply(request, review_id)
    review, form = reviews.get(review_id), ItemsForm(request.GET)
    after, changes_after = form.query(PAGE_SIZE).after, form.cleaned_data.get("changes_after") or 0
    if not review.sign_off:
        return redirect("review", review_id)
    client, subject = request.user.client, review.subject
    outcomes = reviews.outcomes_by_decision(client, review, "remove", after, PAGE_SIZE)
    has_changes = "change" in subject.decisions
    changes = reviews.outcomes_by_decision(client, review, "change", changes_after, PAGE_SIZE) if has_changes else []
    context = {
        "review": review,
        "heading": "Removals and changes" if has_changes else "Removals",
        "removals": [(outcome, _allowed(request, outcome)) for outcome in outcomes],
        "has_actions": request.user.can_manage and subject is USERS,
        "changes": changes,
        "after": after,
        "changes_after": changes_after,
        "next": _next(outcomes),
        "next_changes": _next(changes),
    }
    return render(request, "reviews/removals.html", context)


def _next(outcomes: Sequence[Outcome]) -> int:
    """The number after which the next page starts; 0 for the last one."""
    return outcomes[-1].item.number if len(outcomes) == PAGE_SIZE else 0


def _allowed(request: AppRequest, outcome: Outcome) -> dict[str, bool]:
    """The actions on one user."""
    user = outcome.current.thing
    return policy.allowed(request.user, user) if isinstance(user, User) else {}


@require_http_methods(["GET"])
@requires_manager
@requires_valid_credentials
def confirm(request: AppRequest, review_id: str) -> HttpResponse:
    """Ask for confirmation before everything that remains is removed."""
    review = reviews.get(review_id)
    removal = _removal(RemovalForm(request.GET), review)
    denial_reason = _denial_reason(request, review, removal)
    items = reviews.to_remove(review) if review.sign_off else []
    remaining = reviews.remaining(request.user.client, review, removal, denial_reason, items)
    context = {
        "review": review,
        "action": removal,
        "words": review.subject.removals[removal],
        "noun": review.subject.noun,
        "remaining": remaining,
        "confirmed": reviews.digest(items),
        "warnings": list(_warnings(remaining)),
    }
    return render(request, "reviews/confirm.html", context)


def _warnings(remaining: Iterable[Outcome]) -> Iterator[tuple[str, ServiceWarning]]:
    """For built-in users, the services that lose their connection."""
    for outcome in remaining:
        user = outcome.current.thing
        if isinstance(user, User) and (found := warning(user)):
            yield user.username, found


@requires_manager
def _apply(request: AppRequest, review_id: str) -> HttpResponse:
    form, review = RemovalForm(request.POST), reviews.get(review_id)
    removal = _removal(form, review)
    denial_reason = _denial_reason(request, review, removal)
    confirmed, after = form.cleaned_data["confirmed"], form.cleaned_data["after"] or 0
    done = reviews.apply_removals(request.user.client, review_id, removal, denial_reason, confirmed, after)
    failed = (form.cleaned_data["failed"] or 0) + done.failed
    page, words = reverse("review_removals", args=[review_id]), review.subject.removals[removal]
    if done.is_over:
        if failed:
            messages.warning(request, f"Not {words.done}: {failed} {review.subject.noun}{pluralize(failed)}. {SEE_BELOW}")
        return go_to(request, page)
    context = {
        "review": review,
        "job": done,
        "is_resumable": True,
        "action": page,
        "removal": removal,
        "confirmed": confirmed,
        "failed": failed,
        "text": f"{words.doing} {review.subject.nouns}",
    }
    return render(request, "reviews/_job.html" if request.htmx else "reviews/job.html", context)


def _removal(form: RemovalForm, review: Review) -> Removal:
    removal = form.removal
    if removal is None or removal not in review.subject.removals:
        raise BadRequest("action")
    return removal


def _denial_reason(request: AppRequest, review: Review, removal: Removal) -> DenialReason:
    """For users, as on their own pages. Everything else only needs permission to manage users."""
    if review.subject is USERS:
        return partial(policy.denial_reason, cast(policy.Action, removal), request.user)
    return lambda thing: "" if request.user.can_manage else policy.NOT_PRIVILEGED
