"""Access reviews: their list, a new one, and the notice for reviewers."""

from typing import Any, Final

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from accounts.decorators import requires_reader, requires_valid_credentials
from accounts.forms.reviews import CreateReviewForm, KeyFilterForm, MappingFilterForm, SubjectForm
from accounts.forms.user_list import UserListForm
from accounts.http import AppRequest
from accounts.services import reviews
from accounts.services.errors import ServiceError

FILTERS: Final[dict[str, Any]] = {"users": UserListForm, "api-keys": KeyFilterForm, "role-mappings": MappingFilterForm}


@require_GET
@requires_reader
@requires_valid_credentials
def index(request: AppRequest) -> HttpResponse:
    """All reviews, newest first, with their progress."""
    reviews.refresh()
    found, damaged = reviews.reviews_and_damaged()
    return render(request, "reviews/list.html", {"reviews": _with_progress(found), "damaged": damaged})


def _with_progress(found: list[reviews.Review]) -> list[tuple[reviews.Review, reviews.Progress]]:
    progress = reviews.progress(review.id for review in found) if found else {}
    return [(review, progress[review.id]) for review in found]


@require_GET
@requires_reader
@requires_valid_credentials
def due(request: AppRequest) -> HttpResponse:
    """The notice on the user list: open reviews with pending users for this reviewer. Empty rather than an error."""
    try:
        asked = [review for review in reviews.all_reviews("open") if review.is_for(request.user.username)]
        waiting = [(review, progress) for review, progress in _with_progress(asked) if progress.pending]
    except ServiceError:
        waiting = []
    return render(request, "reviews/_due.html", {"waiting": waiting})


@require_http_methods(["GET", "POST"])
@requires_reader
@requires_valid_credentials
def create(request: AppRequest) -> HttpResponse:
    """Start a review of what the query string selects; of users, as in the user list."""
    subject = reviews.SUBJECTS[SubjectForm(request.GET).slug()]
    filters = FILTERS[subject.slug](request.GET)
    query = filters.query()
    form = CreateReviewForm(request.POST if request.method == "POST" else None)
    count = subject.count(request.user.client, query)
    if count and form.is_valid():
        data: dict[str, Any] = form.cleaned_data
        review = reviews.start(
            request.user.client, query, data["title"], expected=count, due=data["due"], reviewers=data["reviewers"]
        )
        return redirect("review", review.id)
    context = {
        "form": form,
        "count": count,
        "subject": subject,
        "subjects": reviews.SUBJECTS.values(),
        "filter": subject.describe(query),
        "filters": None if subject.slug == "users" else filters,
        "query": request.GET.urlencode(),
    }
    return render(request, "reviews/create.html", context, status=422 if form.errors or not count else 200)
