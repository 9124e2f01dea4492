"""The end of a review: the sign-off, the report as a page and as a file, and its verification."""

from typing import Final

from django.http import FileResponse, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from accounts import known_devices
from accounts.decorators import rejects_other_sites, requires_reader, requires_valid_credentials
from accounts.downloads import review_report
from accounts.forms.reviews import ItemsForm, SignOffForm, SignOffWithApiKeyForm
from accounts.http import AppRequest
from accounts.services import reviews
from accounts.services.errors import AuthenticationFailed, ReviewIncomplete
from accounts.services.reviews import Review
from accounts.services.signin import operators

PAGE_SIZE: Final = 500


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
    if not progress.pending and form.is_valid() and _sign_off(request, review, form):
        return redirect("review", review_id)
    context = {"review": review, "progress": progress, "form": form}
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


@require_GET
@requires_reader
@requires_valid_credentials
def report(request: AppRequest, review_id: str) -> HttpResponse:
    """All decisions and their outcomes; a draft until the sign-off."""
    reviews.refresh()
    review, query = reviews.get(review_id), ItemsForm(request.GET).query(PAGE_SIZE)
    if not review.has_snapshot:
        return redirect("review", review_id)
    items = reviews.items(review_id, query)
    outcomes = reviews.outcomes(request.user.client, review, items)
    context = {
        "review": review,
        "progress": reviews.progress([review_id])[review_id],
        "rows": [(item, outcomes.get(item.number)) for item in items],
        "after": query.after,
        "next": items[-1].number if len(items) == PAGE_SIZE else 0,
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
