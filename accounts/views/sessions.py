"""Active sessions: all of them for administrators, their own for all users; and ending them."""

from dataclasses import dataclass
from typing import Final

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.decorators import does_not_renew, own_account, requires_manager, requires_valid_credentials
from accounts.forms.search import SearchForm
from accounts.http import AppRequest, go_to, is_dialog
from accounts.services import sessions
from accounts.services.sessions import Session, seconds_left
from accounts.services.signin import delays

MAX_SHOWN: Final = 200


@dataclass(frozen=True)
class Confirmation:
    """The dialog before sessions end, and the page afterwards."""

    title: str
    text: str
    button: str
    page: str


@require_GET
@requires_manager
def index(request: AppRequest) -> HttpResponse:
    """All active sessions, or those of users whose username contains the search text."""
    text = SearchForm(request.GET).query()
    active = sessions.active_sessions()
    found = [session for session in active if text.casefold() in session.username.casefold()]
    user_count = len({(session.username, session.realm) for session in found})
    context = {"sessions": found[:MAX_SHOWN], "total": len(found), "users": user_count, "q": text, "delays": delays.current()}
    return render(request, "sessions/list.html", {**context, "current": request.session.document_id})


@require_GET
@own_account
def own(request: AppRequest) -> HttpResponse:
    """The operator's own sessions; in a session of an API key, those of the key."""
    context = {"sessions": _own(request), "current": request.session.document_id}
    return render(request, "sessions/own.html", context)


@require_http_methods(["GET", "POST"])
@requires_manager
@requires_valid_credentials
def end(request: AppRequest, session_id: str) -> HttpResponse:
    """End one session of any user."""
    return _end_one(request, sessions.active_sessions(), session_id, reverse("sessions"))


@require_http_methods(["GET", "POST"])
@requires_manager
@requires_valid_credentials
def end_all(request: AppRequest) -> HttpResponse:
    """End all sessions, or all of one user, except the current session."""
    asked = request.POST if request.method == "POST" else request.GET
    username, realm = asked.get("username", ""), asked.get("realm", "")
    if username:
        chosen = sessions.sessions_of_user(username, realm)
        title, text = f"End all sessions of '{username}'?", "The user is signed out everywhere and can sign in again."
    else:
        chosen, title, text = sessions.active_sessions(), "End all sessions?", "All users are signed out and can sign in again."
    return _end(request, chosen, Confirmation(title, text, "End sessions", reverse("sessions")))


@require_POST
@requires_manager
@requires_valid_credentials
def allow_sign_in(request: AppRequest, delay_id: str) -> HttpResponse:
    """Lift a delay after failed attempts to sign in."""
    chosen = [delay for delay in delays.current() if delay.id == delay_id]
    delays.lift(request.user.client, chosen)
    if chosen:
        messages.success(request, "Sign-in is allowed again")
    else:
        messages.warning(request, "This delay has already ended.")
    return go_to(request, reverse("sessions"))


@require_http_methods(["GET", "POST"])
@own_account
@requires_valid_credentials
def end_own(request: AppRequest, session_id: str) -> HttpResponse:
    """End one of the operator's other sessions."""
    return _end_one(request, _own(request), session_id, reverse("account_sessions"))


@require_http_methods(["GET", "POST"])
@own_account
@requires_valid_credentials
def end_others(request: AppRequest) -> HttpResponse:
    """End all other sessions of the operator."""
    confirmation = Confirmation(
        "End your other sessions?", "You're signed out everywhere else.", "End sessions", reverse("account_sessions")
    )
    return _end(request, _own(request), confirmation)


@require_http_methods(["GET", "POST"])
@own_account
@does_not_renew
def extend(request: AppRequest) -> HttpResponse:
    """The seconds left of this session; a POST extends it by the idle time, never beyond its lifespan."""
    if request.method == "POST":
        request.session.renew()
    return JsonResponse({"seconds": seconds_left(request.session), "can_be_extended": request.session.can_be_extended})


def _own(request: AppRequest) -> list[Session]:
    return sessions.own_sessions(request.user.client.actor)


def _end_one(request: AppRequest, among: list[Session], session_id: str, page: str) -> HttpResponse:
    """End the session with this ID. An ID that isn't among them has the same answer as an ended session."""
    chosen = [session for session in among if session.id == session_id]
    if not chosen:
        messages.warning(request, "This session has already ended.")
        return go_to(request, page)
    title = f"End session of '{chosen[0].username}'?"
    return _end(
        request, chosen, Confirmation(title, "The user is signed out of this session and can sign in again.", "End session", page)
    )


def _end(request: AppRequest, among: list[Session], confirmation: Confirmation) -> HttpResponse:
    chosen = [session for session in among if session.id != request.session.document_id]
    if request.method == "POST" and chosen:
        sessions.end(request.user.client, chosen)
        messages.success(request, f"Ended {len(chosen)} session{'s' if len(chosen) > 1 else ''}")
        return go_to(request, confirmation.page)
    context = {
        "confirmation": confirmation,
        "chosen": chosen,
        "keeps_this": len(chosen) < len(among),
        "fields": [(name, request.GET[name]) for name in ("username", "realm") if name in request.GET],
        "action": request.path,
    }
    return render(request, "sessions/_confirm.html" if is_dialog(request) else "sessions/confirm.html", context)
