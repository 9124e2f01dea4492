"""Access reviews: the list of them, a new one, and the notice of those that wait."""

from dataclasses import replace
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from accounts import policy
from accounts.forms.reviews import CreateReviewForm
from accounts.forms.user_list import user_query
from accounts.http import AppRequest
from accounts.services import reviews, users
from accounts.services.errors import ServiceError
from accounts.services.exports.filters import describe
from accounts.services.signin import operators


def enter(request: AppRequest) -> None:
    """Let in who may see users, and is still accepted by the cluster: reviews are read with the product's own key."""
    policy.demand_reading(request.user)
    operators.require_valid_credentials(request.user)


@require_GET
def index(request: AppRequest) -> HttpResponse:
    """All reviews, the newest first, each with how far it is."""
    enter(request)
    reviews.refresh()
    return render(request, "reviews/list.html", {"reviews": _with_progress(reviews.all_reviews())})


def _with_progress(found: list[reviews.Review]) -> list[tuple[reviews.Review, reviews.Progress]]:
    progress = reviews.progress(review.id for review in found) if found else {}
    return [(review, progress[review.id]) for review in found]


@require_GET
def due(request: AppRequest) -> HttpResponse:
    """The notice on the list of users: open reviews that this person is asked for. Empty rather than an error."""
    enter(request)
    try:
        asked = [review for review in reviews.all_reviews("open") if review.asks(request.user.username)]
        waiting = [(review, progress) for review, progress in _with_progress(asked) if progress.left]
    except ServiceError:
        waiting = []
    return render(request, "reviews/_due.html", {"waiting": waiting})


@require_http_methods(["GET", "POST"])
def create(request: AppRequest) -> HttpResponse:
    """A review of the users that the address says, as in the list."""
    enter(request)
    query = replace(user_query(request.GET, 10), sort="username", descending=False)
    form = CreateReviewForm(request.POST if request.method == "POST" else None)
    count = users.search(request.user.client, query).total
    if count and form.is_valid():
        data: dict[str, Any] = form.cleaned_data
        review = reviews.start(request.user.client, query, data["title"], due=data["due"], reviewers=data["reviewers"])
        return redirect("review", review.id)
    context = {"form": form, "count": count, "filter": describe(query), "query": request.GET.urlencode()}
    return render(request, "reviews/create.html", context, status=422 if form.errors or not count else 200)
