"""Actions with a confirmation: deactivate, activate, and delete users."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from itertools import chain
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts import policy
from accounts.decorators import requires_manager
from accounts.http import AppRequest, go_to, is_dialog
from accounts.services import users
from accounts.services.client import PersonClient
from accounts.services.errors import LastAdministrator, NotFound, OutcomeUnknown
from accounts.services.offboarding import Deletion, delete_each
from accounts.services.passwords.warnings import warning
from accounts.services.users import User
from accounts.views import errors
from accounts.views.users import offboarding

PERMANENT = "This can't be undone."
NONE_SELECTED = "No users are selected. Select users in the list."
NOT_ALL_KEYS = "Not all API keys were revoked"
NONE_DELETABLE = "None of the selected users can be deleted."


@dataclass(frozen=True)
class Verb:
    """One action on a user: its texts, and the service function that does it."""

    action: policy.Action
    text: str
    done: str
    do: Callable[[PersonClient, str, User], None]
    danger: bool


DEACTIVATE = Verb(
    "deactivate",
    "The user immediately loses access to Elastic.",
    "Deactivated",
    users.disable,
    True,
)
ACTIVATE = Verb("activate", "The user can access Elastic again with their previous password.", "Activated", users.enable, False)
DELETE = Verb("delete", PERMANENT, "Deleted", users.delete, True)


@require_http_methods(["GET", "POST"])
@requires_manager
def deactivate(request: AppRequest, username: str) -> HttpResponse:
    return _one(request, username, DEACTIVATE)


@require_http_methods(["GET", "POST"])
@requires_manager
def activate(request: AppRequest, username: str) -> HttpResponse:
    return _one(request, username, ACTIVATE)


@require_http_methods(["GET", "POST"])
@requires_manager
def delete(request: AppRequest, username: str) -> HttpResponse:
    return _one(request, username, DELETE)


@require_http_methods(["GET", "POST"])
@requires_manager
def delete_many(request: AppRequest) -> HttpResponse:
    """Delete the selected users, as far as their current state allows it."""
    names = request.POST.getlist("username") if request.method == "POST" else request.GET.getlist("username")
    found = users.get_many(request.user.client, names) if names else []
    reserved = {user.username for user in users.reserved(request.user.client)}
    reasons = {name: "User is a system user" if name in reserved else "This user no longer exists." for name in names}
    reasons |= {user.username: policy.denial_reason("delete", request.user, user) for user in found}
    deletable = [user for user in found if not reasons[user.username]]
    reasons |= {user.username: policy.LAST_ADMINISTRATOR for user in users.last_administrators(request.user.client, deletable)}
    chosen = [user.username for user in found if not reasons[user.username]]
    if request.method == "POST" and chosen:
        return _delete_all(request, [user for user in found if user.username in chosen])
    skipped = [{"username": name, "reason": reason} for name, reason in reasons.items() if reason]
    if len(chosen) == 1:
        return _ask_about_one(request, DELETE, next(user for user in found if user.username in chosen), reverse("users"), skipped)
    return _ask(
        request,
        DELETE,
        title=f"Delete {len(chosen)} users" if names else "Delete users",
        button="Delete users",
        usernames=chosen,
        skipped=skipped,
        cancel=reverse("users"),
        error="" if chosen else NONE_DELETABLE if names else NONE_SELECTED,
        **(offboarding.choices_of_many(request, chosen) if chosen else {}),
    )


def _delete_all(request: AppRequest, chosen: list[User]) -> HttpResponse:
    revokes_keys = offboarding.wants_revocation(request)
    results = delete_each(request.user.client, chosen, revokes_keys=revokes_keys)
    if revokes_keys or not all(_is_gone(result) for result in results):
        return _report(request, results, revokes_keys)
    for result in results:
        if result.error:
            messages.warning(request, f"User '{result.username}' was already deleted.")
        else:
            messages.success(request, f"Deleted user '{result.username}'")
    return go_to(request, reverse("users"))


def _is_gone(result: Deletion) -> bool:
    return result.is_tried and (result.error is None or (isinstance(result.error, NotFound) and not result.is_of_key))


def _report(request: AppRequest, results: list[Deletion], revokes_keys: bool) -> HttpResponse:
    """What became of each user, which leads to what is left of them: a redirect with all names could be too long for a proxy.

    The status is Multi-Status unless all were deleted, or that of the first error if nothing was done.
    """
    gone = [(result.username, _note(result)) for result in results if _is_gone(result)]
    unknown = [result.username for result in results if isinstance(result.error, OutcomeUnknown) and not result.is_of_key]
    errors_of = [(result, errors.describe(result.error)) for result in results if result.error and not _is_gone(result)]
    failed: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for result, (_, title, text) in errors_of:
        if result.is_of_key:
            failed[NOT_ALL_KEYS, title].append(result.username)
        elif result.username not in unknown:
            failed[title, text].append(result.username)
    untried = [result.username for result in results if not result.is_tried]
    context = {
        "title": f"Deleted {len(gone)} of {len(results)} user{'' if len(results) == 1 else 's'}",
        "deleted": gone,
        "unknown": unknown,
        "failed": [(*reason, usernames) for reason, usernames in failed.items()],
        "untried": untried,
        "again": [*chain.from_iterable(failed.values()), *untried],
        "revokes_keys": revokes_keys,
        "left_url": f"{reverse('users_offboarding')}?{urlencode([('username', result.username) for result in results])}",
        "action": request.path,
    }
    first_error = next((status for _, (status, _, _) in errors_of), HTTPStatus.SERVICE_UNAVAILABLE)
    status = HTTPStatus.MULTI_STATUS if gone or any(result.revoked for result in results) else first_error
    if len(gone) == len(results):
        status = HTTPStatus.OK
    return render(request, "users/_deletions.html" if is_dialog(request) else "users/deletions.html", context, status=status)


def _note(result: Deletion) -> str:
    notes = ["Already deleted"] if result.error else []
    return ", ".join([*notes, *([f"{offboarding.api_keys(result.revoked)} revoked"] if result.revoked else [])])


def _one(request: AppRequest, username: str, verb: Verb) -> HttpResponse:
    user = users.get(request.user.client, username)
    policy.demand(verb.action, request.user, user)
    page = reverse("user_edit", args=[username])
    if request.method == "POST":
        if verb is not ACTIVATE and offboarding.wants_revocation(request):
            return offboarding.offboard(request, user, partial(verb.do, request.user.client, username, user), verb.done)
        verb.do(request.user.client, username, user)
        messages.success(request, f"{verb.done} user '{username}'")
        return go_to(request, reverse("users") if verb is DELETE else page)
    if verb is not ACTIVATE and users.last_administrators(request.user.client, [user]):
        raise LastAdministrator(username)
    return _ask_about_one(request, verb, user, page)


def _ask_about_one(request: AppRequest, verb: Verb, user: User, cancel: str, skipped: Sequence[object] = ()) -> HttpResponse:
    return _ask(
        request,
        verb,
        title=f"{verb.action.capitalize()} user '{user.username}'?",
        button=f"{verb.action.capitalize()} user",
        usernames=[user.username],
        skipped=skipped,
        cancel=cancel,
        error="",
        action=reverse(f"user_{verb.action}", args=[user.username]),
        warning=warning(user) if verb is DEACTIVATE else None,
        **({} if verb is ACTIVATE else offboarding.choices(request, user)),
    )


def _ask(request: AppRequest, verb: Verb, **context: object) -> HttpResponse:
    template = "users/_confirm.html" if is_dialog(request) else "users/confirm.html"
    return render(
        request, template, {"verb": verb.action, "text": verb.text, "danger": verb.danger, "action": request.path, **context}
    )
