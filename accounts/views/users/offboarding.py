"""What users leave behind: for the dialogs that deactivate or delete them, and as pages that show what is left afterwards."""

from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus
from itertools import islice
from typing import Any, Final

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from accounts.decorators import rejects_other_sites, requires_reader, requires_valid_credentials
from accounts.downloads.csv import csv_response
from accounts.forms.jobs import StepsForm
from accounts.forms.user_list import PAGE_SIZES
from accounts.http import AppRequest, go_to, is_dialog
from accounts.services import audit, jobs, users
from accounts.services import offboarding as services
from accounts.services.client import PersonClient
from accounts.services.cluster.own_roles import SERVICE
from accounts.services.errors import NotFound, OutcomeUnknown
from accounts.services.exports.rows import NO_INFORMATION
from accounts.services.jobs import Job
from accounts.services.offboarding import Offboarding, Remaining, Summary
from accounts.services.users import User
from accounts.views import errors

REVOKE: Final = "revoke_keys"  # the checkbox of the dialogs
MAX_NAMED: Final = max(PAGE_SIZES)  # so many can be selected in the user list
MAX_CHECKED: Final = 10_000  # on a page: it takes seconds
MAX_SHOWN: Final = 100
STATUS: Final = {True: "Active", False: "Deactivated", None: "Doesn't exist"}


def wants_revocation(request: AppRequest) -> bool:
    """Whether the API keys are to be revoked, too."""
    return REVOKE in request.POST


def choices(request: AppRequest, user: User) -> dict[str, Any]:
    """What the dialog says about what would stay. The API keys of usermgmt itself aren't preselected."""
    remains = services.remains(request.user.client, user.username, user)
    return {
        "remains": remains,
        "is_product": user.username == SERVICE,
        "offers_revocation": remains.keys is None or remains.keys.keys,
    }


def choices_of_many(request: AppRequest, usernames: Sequence[str]) -> dict[str, Any]:
    """What the dialog says about what would stay of several users."""
    found = services.remaining_of_many(request.user.client, usernames)
    are_known = all(each.keys is not None for each in found)
    with_keys = [each for each in found if each.keys]
    return {
        "remains_of_many": Summary.of(found, 0),
        "are_known": are_known,
        "with_keys": with_keys,
        "is_product": SERVICE in usernames,
        "offers_revocation": not are_known or with_keys,
    }


@require_GET
@requires_reader
def offboarding(request: AppRequest, username: str) -> HttpResponse:
    """What is left of a user, who can be deleted: read at this moment, whatever usermgmt did before."""
    client = request.user.client
    try:
        user = users.get(client, username)
    except NotFound:
        user = None
    remains = services.remains(client, username, user)
    is_out = user is None or not user.enabled
    context = {
        "username": username,
        "user": user,
        "remains": remains,
        "is_out": is_out,
        "is_proven": is_out and remains.is_nothing,
        "now": timezone.now(),
    }
    return render(request, "users/offboarding.html", context)


@require_GET
@requires_reader
def offboarding_many(request: AppRequest) -> HttpResponse:
    """What is left of several users, who can be deleted, after the dialog that deletes them."""
    names = list(dict.fromkeys(filter(None, request.GET.getlist("username"))))[:MAX_NAMED]
    summary = Summary.of(services.remaining_of_many(request.user.client, names) if names else [], MAX_SHOWN)
    return render(request, "users/offboarding_many.html", {"summary": summary, "now": timezone.now()})


@require_GET
@requires_reader
@requires_valid_credentials
def offboarding_job(request: AppRequest, id: str) -> HttpResponse:
    """The same of all users of a bulk change, MAX_CHECKED at once."""
    job, after = jobs.get(id), StepsForm(request.GET).query().after
    jobs.refresh()
    last = after

    def found() -> Iterator[Remaining]:
        nonlocal last
        for step, remaining in islice(services.remaining_of_job(request.user.client, job, after), MAX_CHECKED):
            last = step.number
            yield remaining

    summary = Summary.of(found(), MAX_SHOWN)
    more = last if summary.total == MAX_CHECKED else 0
    context = {"summary": summary, "now": timezone.now(), "job": job, "first": after + 1, "last": last, "next": more}
    return render(request, "users/offboarding_many.html", context)


@require_http_methods(["GET", "POST"])
@requires_reader
@rejects_other_sites
@requires_valid_credentials
def offboarding_export(request: AppRequest, id: str) -> HttpResponseBase:
    """What is left of each user of a bulk change as CSV, after the export was recorded in the audit trail."""
    job = jobs.get(id)
    jobs.require_authentic(job)
    jobs.refresh()
    name = f"remaining-access-{timezone.localdate():%Y-%m-%d}.csv"
    audit.record_event(request.user.client.actor, audit.Action.EXPORT, name, kind="job", details={"job": job.id})
    return csv_response(_cells(request.user.client, job), name, request.GET.get("format", ""))


def _cells(client: PersonClient, job: Job) -> Iterator[list[str]]:
    yield ["Username", "User", "Active API keys", "Sessions in usermgmt", "Open access reviews", "Remaining access", "As of"]
    for _, each in services.remaining_of_job(client, job):
        numbers = [each.keys, each.sessions, None if each.reviews is None else len(each.reviews)]
        is_left = "no" if each.is_proven else "yes" if each.enabled or each.keys or each.sessions else NO_INFORMATION
        counts = [NO_INFORMATION if number is None else str(number) for number in numbers]
        yield [each.username, STATUS[each.enabled], *counts, is_left, each.moment.isoformat(timespec="seconds")]


def api_keys(number: int) -> str:
    return f"{number} API key{'' if number == 1 else 's'}"


def offboard(request: AppRequest, user: User, change: Callable[[], None], done: str) -> HttpResponse:
    """Revoke the API keys and change the user, then show what is left; or a page about what failed. `done`: "Deleted"."""
    result = services.offboard(request.user.client, user, change)
    if not result.is_done:
        return _report(request, user, result, done.lower())
    number = len(result.keys.revoked)
    messages.success(request, f"{done} user '{user.username}'" + (f" and revoked {api_keys(number)}" if number else ""))
    return go_to(request, reverse("user_offboarding", args=[user.username]))


def _report(request: AppRequest, user: User, result: Offboarding, done: str) -> HttpResponse:
    """Its status is Multi-Status, or that of the first error if nothing was changed."""
    failed = [(key, errors.describe(exc)) for key, exc in result.keys.failed]
    unknown = [key for key, exc in result.keys.failed if isinstance(exc, OutcomeUnknown)]
    is_unknown = isinstance(result.error, OutcomeUnknown)
    context = {
        "title": f"Unknown whether '{user.username}' was {done}" if is_unknown else f"User '{user.username}' was not {done}",
        "username": user.username,
        "done": done,
        "revoked": result.keys.revoked,
        "failed": [(key, title) for key, (_, title, _) in failed if key not in unknown],
        "unknown": unknown,
        "untried": result.keys.untried,
        "reason": errors.describe(result.error)[1] if result.error else "",
        "is_unknown": is_unknown,
        "action": request.path,
    }
    first_error = next((status for _, (status, _, _) in failed), HTTPStatus.SERVICE_UNAVAILABLE)
    status = HTTPStatus.MULTI_STATUS if result.keys.revoked else first_error
    template = "users/_offboarding_failed.html" if is_dialog(request) else "users/offboarding_failed.html"
    return render(request, template, context, status=status)
