"""Who is signed in: everybody's sessions for administrators, one's own for everyone; and ending them."""

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from accounts import policy
from accounts.http import AppRequest, acts_with_our_key, does_not_renew, go_to, is_dialog
from accounts.services import sessions
from accounts.services.sessions import Session, seconds_left

SHOWN = 200


@dataclass(frozen=True)
class Question:
    """What is asked before sessions end, and where to go then."""

    title: str
    text: str
    button: str
    page: str


@require_GET
def index(request: AppRequest) -> HttpResponse:
    """Everybody's sessions, or those of the people whose name has what was typed."""
    policy.demand_management(request.user)
    text = request.GET.get("q", "").strip()
    living = sessions.active_sessions()
    found = [session for session in living if text.casefold() in session.username.casefold()]
    people = len({(session.username, session.realm) for session in found})
    context = {"sessions": found[:SHOWN], "total": len(found), "people": people, "q": text}
    return render(request, "sessions/list.html", {**context, "current": request.session.document_id})


@require_GET
def own(request: AppRequest) -> HttpResponse:
    """The sessions of the person who asks."""
    context = {"sessions": _own(request), "current": request.session.document_id}
    return render(request, "sessions/own.html", context)


@require_http_methods(["GET", "POST"])
@acts_with_our_key
def end(request: AppRequest, session_id: str) -> HttpResponse:
    """End one session of anybody's."""
    policy.demand_management(request.user)
    return _end_one(request, sessions.active_sessions(), session_id, reverse("sessions"))


@require_http_methods(["GET", "POST"])
@acts_with_our_key
def end_all(request: AppRequest) -> HttpResponse:
    """End everybody's sessions, or all of one person's; not the one in which this is asked for."""
    policy.demand_management(request.user)
    asked = request.POST if request.method == "POST" else request.GET
    username, realm = asked.get("username", ""), asked.get("realm", "")
    if username:
        chosen = sessions.sessions_of_user(username, realm)
        title, text = f"End all sessions of '{username}'?", "They are signed out everywhere, and can sign in again."
    else:
        chosen, title, text = sessions.active_sessions(), "End all sessions?", "Everybody is signed out, and can sign in again."
    return _end(request, chosen, Question(title, text, "End sessions", reverse("sessions")))


@require_http_methods(["GET", "POST"])
@acts_with_our_key
def end_own(request: AppRequest, session_id: str) -> HttpResponse:
    """End another session of one's own."""
    return _end_one(request, _own(request), session_id, reverse("account_sessions"))


@require_http_methods(["GET", "POST"])
@acts_with_our_key
def end_others(request: AppRequest) -> HttpResponse:
    """End all sessions of one's own but this."""
    question = Question(
        "End your other sessions?", "You are signed out everywhere else.", "End sessions", reverse("account_sessions")
    )
    return _end(request, _own(request), question)


@require_http_methods(["GET", "POST"])
@does_not_renew
def extend(request: AppRequest) -> HttpResponse:
    """How long this session has left; a POST extends it by the idle time, never beyond its lifespan."""
    if request.method == "POST":
        request.session.renew()
    return JsonResponse({"seconds": seconds_left(request.session), "can_be_extended": request.session.can_be_extended})


def _own(request: AppRequest) -> list[Session]:
    return sessions.sessions_of_user(request.user.username, request.user.realm)


def _end_one(request: AppRequest, among: list[Session], session_id: str, page: str) -> HttpResponse:
    """Ask about that one; whoever may not end it learns no more than that it is not there."""
    chosen = [session for session in among if session.id == session_id]
    if not chosen:
        messages.warning(request, "This session has ended already.")
        return go_to(request, page)
    title = f"End this session of '{chosen[0].username}'?"
    return _end(request, chosen, Question(title, "They are signed out there, and can sign in again.", "End session", page))


def _end(request: AppRequest, among: list[Session], question: Question) -> HttpResponse:
    chosen = [session for session in among if session.id != request.session.document_id]
    if request.method == "POST" and chosen:
        sessions.end(request.user.client, chosen)
        messages.success(request, f"Ended {len(chosen)} session{'s' if len(chosen) > 1 else ''}")
        return go_to(request, question.page)
    context = {
        "question": question,
        "chosen": chosen,
        "keeps_this": len(chosen) < len(among),
        "fields": [(name, request.GET[name]) for name in ("username", "realm") if name in request.GET],
        "action": request.path,
    }
    return render(request, "sessions/_confirm.html" if is_dialog(request) else "sessions/confirm.html", context)
