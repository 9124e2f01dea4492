"""Discard damaged documents: access reviews, runs of the checks, or bulk changes that another program wrote or changed."""

from typing import Final

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.decorators import requires_manager, requires_valid_credentials
from accounts.http import AppRequest
from accounts.services import damaged

MAX_AT_ONCE: Final = 100
NAV: Final = {"jobs": "users"}  # the entry of the navigation, if it isn't the name of the page


@require_http_methods(["GET", "POST"])
@requires_manager
@requires_valid_credentials
def discard(request: AppRequest, page: str) -> HttpResponse:
    """The documents that the page `page` can't show; POST discards the selected ones. Raises Http404."""
    kind = damaged.KINDS.get(page)
    if kind is None:
        raise Http404(page)
    if request.method == "POST":
        number = damaged.discard(request.user.client, kind, request.POST.getlist("id"))
        if number:
            messages.success(request, f"Discarded {number:,} damaged {kind.noun}{'' if number == 1 else 's'}")
        else:
            messages.warning(request, "Nothing was discarded: no damaged document was selected.")
        return redirect(page)
    ids = list(kind.damaged())
    context = {
        "page": page,
        "nav": NAV.get(page, page),
        "noun": kind.noun,
        "ids": ids[:MAX_AT_ONCE],
        "more": len(ids) > MAX_AT_ONCE,
    }
    return render(request, "damaged/discard.html", context)
