"""Removals and changes of a signed review: everyone with read access sees them, administrators apply the removals."""

from functools import partial
from typing import Final

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
from accounts.services.passwords.warnings import warning
from accounts.services.reviews.remediation import Removal

PAGE_SIZE: Final = 100
NOT_REMOVED: Final[dict[Removal, str]] = {"delete": "Not deleted", "deactivate": "Not deactivated"}
SEE_BELOW: Final = "Their current status below has the reason. Repeat the action to try again."
JOB_TITLES: Final[dict[Removal, str]] = {"delete": "Deleting users", "deactivate": "Deactivating users"}


@require_http_methods(["GET", "POST"])
@requires_reader
@requires_valid_credentials
def removals(request: AppRequest, review_id: str) -> HttpResponse:
    """The users to remove and to change, with their current status; POST applies the next batch of removals."""
    if request.method == "POST":
        return _apply(request, review_id)
    review, after = reviews.get(review_id), ItemsForm(request.GET).query(PAGE_SIZE).after
    if not review.sign_off:
        return redirect("review", review_id)
    client = request.user.client
    outcomes = reviews.outcomes_by_decision(client, review, "remove", after, PAGE_SIZE)
    context = {
        "review": review,
        "removals": [(outcome, _allowed(request, outcome)) for outcome in outcomes],
        "next": outcomes[-1].item.number if len(outcomes) == PAGE_SIZE else 0,
        "changes": reviews.outcomes_by_decision(client, review, "change", after, PAGE_SIZE),
    }
    return render(request, "reviews/removals.html", context)


def _allowed(request: AppRequest, outcome: reviews.Outcome) -> dict[str, bool]:
    return policy.allowed(request.user, outcome.user) if outcome.user else {}


@require_http_methods(["GET"])
@requires_manager
@requires_valid_credentials
def confirm(request: AppRequest, review_id: str) -> HttpResponse:
    """Ask for confirmation before all remaining users are deleted or deactivated."""
    removal, review = _removal(RemovalForm(request.GET)), reviews.get(review_id)
    denial_reason = partial(policy.denial_reason, removal, request.user)
    remaining = reviews.remaining(request.user.client, review, removal, denial_reason) if review.sign_off else []
    warnings = [(one.user.username, found) for one in remaining if one.user and (found := warning(one.user))]
    context = {"review": review, "action": removal, "remaining": remaining, "warnings": warnings}
    return render(request, "reviews/confirm.html", context)


@requires_manager
def _apply(request: AppRequest, review_id: str) -> HttpResponse:
    form = RemovalForm(request.POST)
    removal = _removal(form)
    denial_reason = partial(policy.denial_reason, removal, request.user)
    done = reviews.apply_removals(request.user.client, review_id, removal, denial_reason, form.cleaned_data["after"] or 0)
    failed = (form.cleaned_data["failed"] or 0) + done.failed
    page = reverse("review_removals", args=[review_id])
    if done.is_over:
        if failed:
            messages.warning(request, f"{NOT_REMOVED[removal]}: {failed} user{pluralize(failed)}. {SEE_BELOW}")
        return go_to(request, page)
    context = {
        "review": reviews.get(review_id),
        "job": done,
        "is_resumable": True,
        "action": page,
        "removal": removal,
        "failed": failed,
        "text": JOB_TITLES[removal],
    }
    return render(request, "reviews/_job.html" if request.htmx else "reviews/job.html", context)


def _removal(form: RemovalForm) -> Removal:
    removal = form.removal
    if removal is None:
        raise BadRequest("action")
    return removal
