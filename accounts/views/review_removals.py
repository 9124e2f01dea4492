"""What a signed review says to do, and doing it: everybody with the right to read sees it, administrators carry it out."""

from functools import partial
from typing import cast

from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts import policy
from accounts.forms.reviews import number
from accounts.http import AppRequest, go_to
from accounts.services import reviews
from accounts.services.reviews.removals import DO, Action
from accounts.views.reviews import enter

A_PAGE = 100


@require_http_methods(["GET", "POST"])
def removals(request: AppRequest, review_id: str) -> HttpResponse:
    """The users to remove and to change, as they are now; POST carries the removals out, portion by portion."""
    enter(request)
    if request.method == "POST":
        return _carry_out(request, review_id)
    review, after = reviews.get(review_id), number(request.GET.get("after"))
    if not review.sign_off:
        return redirect("review", review_id)
    client = request.user.client
    outcomes = reviews.marked(client, review, "remove", after, A_PAGE)
    context = {
        "review": review,
        "removals": [(one, _allowed(request, one)) for one in outcomes],
        "next": outcomes[-1].item.number if len(outcomes) == A_PAGE else 0,
        "changes": reviews.marked(client, review, "change", after, A_PAGE),
    }
    return render(request, "reviews/removals.html", context)


def _allowed(request: AppRequest, outcome: reviews.Outcome) -> dict[str, bool]:
    return policy.allowed(request.user, outcome.user) if outcome.user else {}


@require_http_methods(["GET"])
def confirm(request: AppRequest, review_id: str) -> HttpResponse:
    """Ask before it is done to all who are left."""
    policy.demand_management(request.user)
    action, review = _action(request.GET.get("action", "")), reviews.get(review_id)
    refusal = partial(policy.refusal, action, request.user)
    left = reviews.left(request.user.client, review, action, refusal) if review.sign_off else []
    return render(request, "reviews/confirm.html", {"review": review, "action": action, "left": left})


def _carry_out(request: AppRequest, review_id: str) -> HttpResponse:
    policy.demand_management(request.user)
    action = _action(request.POST.get("action", ""))
    done = reviews.carry_out(request.user.client, review_id, action, partial(policy.refusal, action, request.user))
    page = reverse("review_removals", args=[review_id])
    if done.is_over:
        return go_to(request, page)
    context = {
        "review": reviews.get(review_id),
        "work": done,
        "is_ours": True,
        "action": page,
        "do": action,
        "text": "Carrying out the removals",
    }
    return render(request, "reviews/_work.html" if request.htmx else "reviews/work.html", context)


def _action(text: str) -> Action:
    if text not in DO:
        raise BadRequest(text)
    return cast(Action, text)
