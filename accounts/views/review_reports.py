"""The end of a review: the sign-off, the report as a page and as files, and whether it is still what was signed."""

from django.http import FileResponse, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from accounts import known_devices
from accounts.downloads import review_report
from accounts.forms.reviews import SignOffForm, number
from accounts.http import AppRequest
from accounts.services import reviews
from accounts.services.errors import AuthenticationFailed, ReviewIncomplete
from accounts.services.reviews import ItemQuery
from accounts.services.signin import operators
from accounts.views.reviews import enter

A_PAGE = 500


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def sign_off(request: AppRequest, review_id: str) -> HttpResponse:
    """Take responsibility for all decisions, with one's own password; nothing of the review can be changed then."""
    enter(request)
    reviews.refresh()
    review, progress = reviews.get(review_id), reviews.progress([review_id])[review_id]
    if review.state not in ("open", "signing"):
        return redirect("review", review_id)
    form = SignOffForm(request.POST if request.method == "POST" else None)
    if not progress.left and form.is_valid() and _sign_off(request, review_id, form):
        return redirect("review", review_id)
    context = {"review": review, "progress": progress, "form": form}
    return render(request, "reviews/sign_off.html", context, status=422 if form.is_bound else 200)


def _sign_off(request: AppRequest, review_id: str, form: SignOffForm) -> bool:
    """Whether it has begun; if not, the form says why."""
    device = known_devices.token(request, request.session["credentials"][0])
    try:
        operators.reauthenticate(request.session, request.user, form.cleaned_data["password"], device=device)
        reviews.begin_sign_off(request.user.client, review_id)
    except AuthenticationFailed:
        form.add_error("password", "This is not your password.")
    except ReviewIncomplete as exc:
        form.add_error(None, f"{exc.left} items are open.")
    else:
        return True
    return False


@require_GET
def report(request: AppRequest, review_id: str) -> HttpResponse:
    """Every decision, and what became of it; of a review that is not signed off yet, as a draft."""
    enter(request)
    reviews.refresh()
    review, after = reviews.get(review_id), number(request.GET.get("after"))
    items = reviews.items(review_id, ItemQuery(after=after, size=A_PAGE))
    outcomes = reviews.outcomes(request.user.client, review, items)
    context = {
        "review": review,
        "progress": reviews.progress([review_id])[review_id],
        "rows": [(item, outcomes.get(item.number)) for item in items],
        "after": after,
        "next": items[-1].number if len(items) == A_PAGE else 0,
    }
    return render(request, "reviews/report.html", context)


@require_GET
def check(request: AppRequest, review_id: str) -> HttpResponse:
    """Whether the decisions are those that were signed: part of the report, or a page."""
    enter(request)
    review = reviews.get(review_id)
    context = {"review": review, "check": reviews.check(review)}
    return render(request, "reviews/_check.html" if request.htmx else "reviews/check.html", context)


@require_GET
def download(request: AppRequest, review_id: str) -> FileResponse:
    """One file with all: decisions as CSV, decisions and frozen list as they count for the hashes, and what to check them by."""
    enter(request)
    review = reviews.get(review_id)
    file = review_report.packed(request.user.client, review)
    return FileResponse(file, as_attachment=True, filename=f"access-review-{review.created:%Y-%m-%d}-{review.id[:8]}.zip")
