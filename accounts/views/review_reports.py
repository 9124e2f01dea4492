"""The end of a review: the sign-off or the cancellation, the report as a page and as a file, and its verification."""

from typing import Final

from django.contrib import messages
from django.http import FileResponse, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from accounts import known_devices
from accounts.decorators import rejects_other_sites, requires_reader, requires_valid_credentials
from accounts.downloads import review_report
from accounts.forms.reviews import CancelReviewForm, ItemsForm, SignOffForm, SignOffWithApiKeyForm
from accounts.http import AppRequest
from accounts.services import reviews
from accounts.services.errors import AuthenticationFailed, Conflict, ReviewClosed, ReviewDamaged, ReviewIncomplete
from accounts.services.reviews import Review
from accounts.services.signin import operators

PAGE_SIZE: Final = 500
CHANGED: Final = "The review was changed at the same time. Look at it again, and then cancel it if that is still needed."


@sensitive_post_parameters("password", "api_key")
@require_http_methods(["GET", "POST"])
@requires_reader
@requires_valid_credentials
def sign_off(request: AppRequest, review_id: str) -> HttpResponse:
    """Sign off all decisions with the signer's own password, or API key; they can't be changed afterwards."""
    reviews.refresh()
    review, progress = reviews.get(review_id), reviews.progress([review_id])[review_id]
    if review.state not in ("open", "signing"):
        return redirect("review", review_id)
    form = (SignOffWithApiKeyForm if request.user.api_key else SignOffForm)(request.POST if request.method == "POST" else None)
    try:
        if not progress.pending and form.is_valid() and _sign_off(request, review, form):
            return redirect("review", review_id)
        damaged = reviews.damaged_items(review_id)
    except ReviewDamaged as exc:
        damaged = exc.items
    context = {"review": review, "progress": progress, "form": form, "damaged": damaged}
    return render(request, "reviews/sign_off.html", context, status=422 if form.is_bound else 200)


def _sign_off(request: AppRequest, review: Review, form: SignOffForm | SignOffWithApiKeyForm) -> bool:
    """Whether the sign-off started; if not, the form has the error."""
    subject = review.subject
    try:
        _reauthenticate(request, form)
        reviews.begin_sign_off(request.user.client, review.id)
    except AuthenticationFailed:
        if request.user.api_key:
            form.add_error("api_key", "Incorrect API key. Enter the one that you signed in with.")
        else:
            form.add_error("password", "Incorrect password.")
    except ReviewIncomplete as exc:
        form.add_error(None, f"{exc.pending} {subject.nouns} are pending." if exc.pending != 1 else f"1 {subject.noun} is pending.")
    else:
        return True
    return False


def _reauthenticate(request: AppRequest, form: SignOffForm | SignOffWithApiKeyForm) -> None:
    if request.user.api_key:
        operators.reauthenticate_with_api_key(request.user, form.cleaned_data["api_key"])
        return
    device = known_devices.token(request, request.session["credentials"][0])
    operators.reauthenticate(request.session, request.user, form.cleaned_data["password"], device=device)


@require_http_methods(["GET", "POST"])
@requires_reader
@requires_valid_credentials
def cancel(request: AppRequest, review_id: str) -> HttpResponse:
    """End the review without a sign-off, with a reason. Whoever can sign off can also cancel."""
    reviews.refresh()
    review = reviews.get(review_id)
    if request.method == "GET" and not review.can_be_canceled:
        return redirect("review", review_id)
    form = CancelReviewForm(request.POST if request.method == "POST" else None)
    status = 422 if form.is_bound else 200
    if form.is_valid():
        try:
            reviews.cancel(request.user.client, review_id, form.cleaned_data["reason"])
        except ReviewClosed:
            messages.warning(request, "Not canceled, because the review has already ended.")
            return redirect("review", review_id)
        except Conflict:
            form.add_error(None, CHANGED)
            status = 409
        else:
            messages.success(request, f"Canceled access review '{review.title}'")
            return redirect("review", review_id)
    context = {"review": review, "progress": reviews.progress([review_id])[review_id], "form": form}
    return render(request, "reviews/cancel.html", context, status=status)


@require_GET
@requires_reader
@requires_valid_credentials
def report(request: AppRequest, review_id: str) -> HttpResponse:
    """All decisions and their outcomes; a draft until the sign-off or the cancellation."""
    reviews.refresh()
    review, query = reviews.get(review_id), ItemsForm(request.GET).query(PAGE_SIZE)
    if not review.has_snapshot:
        return redirect("review", review_id)
    items, damaged = reviews.items_and_damaged(review_id, query)
    outcomes = reviews.outcomes(request.user.client, review, items)
    context = {
        "review": review,
        "progress": reviews.progress([review_id])[review_id],
        "rows": [(item, outcomes.get(item.number)) for item in items],
        "damaged": damaged,
        "after": query.after,
        "next": items[-1].number if items and len(items) + len(damaged) == PAGE_SIZE else 0,
    }
    return render(request, "reviews/report.html", context)


@require_GET
@requires_reader
@requires_valid_credentials
def check(request: AppRequest, review_id: str) -> HttpResponse:
    """Whether the decisions match the sign-off: part of the report (htmx), or a page."""
    review = reviews.get(review_id)
    context = {"review": review, "check": reviews.verify(review)}
    return render(request, "reviews/_check.html" if request.htmx else "reviews/check.html", context)


@require_http_methods(["GET", "POST"])
@requires_reader
@rejects_other_sites
@requires_valid_credentials
def download(request: AppRequest, review_id: str) -> HttpResponseBase:
    """A ZIP with the decisions as CSV, decisions and snapshot as their hashes cover them, and how to verify them."""
    review = reviews.get(review_id)
    if not review.has_snapshot:
        return redirect("review", review_id)
    file = review_report.build(request.user.client, review)
    return FileResponse(file, as_attachment=True, filename=f"access-review-{review.created:%Y-%m-%d}-{review.id[:8]}.zip")
