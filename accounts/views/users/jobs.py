"""Bulk changes: select users and an action, check the preview, carry it out in batches, and see what became of each user."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import policy
from accounts.decorators import requires_manager, requires_reader, requires_valid_credentials
from accounts.downloads.csv import csv_response
from accounts.forms.jobs import MATCHING, PAGE_SIZE, SELECTED, JobForm, StepsForm, user_query
from accounts.http import AppRequest, go_to, wants_fragment
from accounts.services import audit, jobs, roles, users
from accounts.services.audit.actions import reason_label
from accounts.services.client import PersonClient
from accounts.services.exports import dialect, filters
from accounts.services.jobs import Action, Denial, Job, Step
from accounts.services.users import User, unknown_roles

OWN_PERMISSION: Final = "You can't remove your own permission to manage users. Ask another administrator."
RESULTS: Final = {
    "pending": "Pending",
    "started": "In progress",
    "success": "Success",
    "failure": "Failure",
    "unknown": "Unknown",
    "skipped": "Skipped",
}
PREVIEWED: Final = {**RESULTS, "pending": "Will change"}
PREPOSITIONS: Final = {"add-roles": "to", "remove-roles": "from", "replace-roles": "of"}
IN_PROGRESS: Final = ("planning", "running")
CONTROLS: Final[dict[str, Callable[[PersonClient, str], object]]] = {
    "start": jobs.start,
    "pause": jobs.pause,
    "resume": jobs.resume,
    "retry": jobs.retry,
}


@require_GET
@requires_reader
@requires_valid_credentials
def index(request: AppRequest) -> HttpResponse:
    """The newest bulk changes."""
    found = jobs.all_jobs()
    counts = jobs.counts_of(found)
    return render(request, "jobs/list.html", {"jobs": [(job, counts[job.id]) for job in found]})


@require_http_methods(["GET", "POST"])
@requires_manager
@requires_valid_credentials
def create(request: AppRequest) -> HttpResponse:
    """Choose what to do with the selected users, or with all that match `filter`. POST starts the preview."""
    data = request.POST if request.method == "POST" else request.GET
    usernames = list(dict.fromkeys(filter(None, data.getlist("username"))))
    client, filter_ = request.user.client, data.get("filter", "")
    query = user_query(filter_)
    offered = partial(JobForm, roles=roles.all_roles(client), nonexistent=sorted(unknown_roles.names(client) or ()))
    if request.method == "POST":
        form = offered(request.POST)
        if form.is_valid():
            return _create(request, form.cleaned_data, usernames)
    else:
        initial = {"users": SELECTED if usernames else MATCHING, "filter": filter_, "action": request.GET.get("action", "")}
        form = offered(initial=initial)
    context = {
        "form": form,
        "usernames": usernames,
        "count": users.count(client, query),
        "filter": filters.describe_users(query),
        "list_url": f"{reverse('users')}?{QueryDict(filter_).urlencode()}",
    }
    return render(request, "jobs/create.html", context, status=422 if form.errors else 200)


def _create(request: AppRequest, data: dict[str, Any], usernames: list[str]) -> HttpResponse:
    query = user_query(data["filter"])
    is_selected = data["users"] == SELECTED
    description = f"{len(usernames):,} selected" if is_selected else filters.describe_users(query)
    job = jobs.create(request.user.client, data["action"], data["roles"], usernames if is_selected else query, description)
    jobs.advance(request.user.client, job.id, _denial(request))
    return redirect("job", job.id)


@require_GET
@requires_reader
@requires_valid_credentials
def view(request: AppRequest, id: str) -> HttpResponse:
    """The preview, the progress, or the result."""
    job = jobs.get(id)
    jobs.refresh()
    counts = jobs.counts(job)
    if wants_fragment(request, "job-progress"):
        return _progress(request, job) if job.state in IN_PROGRESS else go_to(request, request.path)
    query = StepsForm(request.GET).query()
    steps = jobs.steps(job, query)
    labels = RESULTS if job.started else PREVIEWED
    numbers = [("", "All", counts.total), *((name, label, getattr(counts, name)) for name, label in labels.items())]
    context = {
        "job": job,
        "counts": counts,
        "states": [entry for entry in numbers if entry[2] or entry[0] == query.state],
        "state": query.state,
        "start_label": _start_label(job, counts.pending),
        "rows": [(step, labels[step.state], _details(job, step)) for step in steps],
        "next": steps[-1].number if len(steps) == PAGE_SIZE else 0,
        "previous": steps[0].number if steps and (query.after or (query.before and steps[0].number > 1)) else 0,
        **_control(request, job),
    }
    return render(request, "jobs/view.html", context)


@require_POST
@requires_manager
@requires_valid_credentials
def advance(request: AppRequest, id: str) -> HttpResponse:
    """Plan or change the next users."""
    before = jobs.get(id)
    job = jobs.advance(request.user.client, id, _denial(request))
    if job.state != before.state or not wants_fragment(request, "job-progress"):
        return go_to(request, reverse("job", args=[id]))
    return _progress(request, job)


@require_POST
@requires_manager
@requires_valid_credentials
def control(request: AppRequest, id: str) -> HttpResponse:
    """Start, pause, resume, retry, verify, or discard a bulk change."""
    command = request.POST.get("command", "")
    if command == "discard":
        jobs.discard(id)
        return redirect("jobs")
    if command == "verify":
        _verify(request, id)
    elif command in CONTROLS:
        CONTROLS[command](request.user.client, id)
    else:
        raise BadRequest("command")
    return redirect("job", id)


def _verify(request: AppRequest, id: str) -> None:
    number = jobs.verify(request.user.client, id)
    if number:
        messages.success(request, f"Verified {number:,} outcome{'' if number == 1 else 's'}")
    else:
        messages.warning(request, "No outcome could be verified. Try again in a moment, or check the users.")


@require_GET
@requires_reader
@requires_valid_credentials
def export(request: AppRequest, id: str) -> HttpResponseBase:
    """The users with their results as CSV, after the export was recorded in the audit trail."""
    job = jobs.get(id)
    jobs.refresh()
    name = f"bulk-change-{job.created:%Y-%m-%d}.csv"
    audit.record_event(request.user.client.actor, audit.Action.EXPORT, name, kind="job", details={"job": job.id})
    return csv_response(_cells(job), name, request.GET.get("format", ""))


def _cells(job: Job) -> Iterator[list[str]]:
    yield ["Username", "Action", "Roles", "Roles before", "Result", "Details"]
    labels = RESULTS if job.started else PREVIEWED
    action, chosen = jobs.ACTIONS[job.action], dialect.join_names(job.roles)
    for step in jobs.all_steps(job):
        yield [step.username, action, chosen, dialect.join_names(step.roles), labels[step.state], reason_label(step.reason)]


def _progress(request: AppRequest, job: Job) -> HttpResponse:
    jobs.refresh()
    return render(request, "jobs/_progress.html", {"job": job, "counts": jobs.counts(job), **_control(request, job)})


def _start_label(job: Job, number: int) -> str:
    """The text of the button that starts the change, such as "Add roles to 3 users"."""
    users = f"{number:,} user{'' if number == 1 else 's'}"
    if job.action in ("add-roles", "remove-roles", "replace-roles"):
        return f"{jobs.ACTIONS[job.action]} {PREPOSITIONS[job.action]} {users}"
    return f"{job.action.capitalize()} {users}"


def _control(request: AppRequest, job: Job) -> dict[str, bool]:
    """`drives`: whether this page requests the next batch by itself, because its user carries out the change."""
    return {"drives": request.user.can_manage and job.operator == request.user.username}


def _details(job: Job, step: Step) -> dict[str, Any]:
    """What the preview says of a user."""
    before = step.roles
    added = [name for name in job.roles if name not in before] if job.action in ("add-roles", "replace-roles") else []
    removed = [
        name
        for name in before
        if (name in job.roles if job.action == "remove-roles" else job.action == "replace-roles" and name not in job.roles)
    ]
    changes = {"added": added, "removed": removed} if step.state != "skipped" and step.was else {}
    return {"reason": reason_label(step.reason), **changes}


def _denial(request: AppRequest) -> Denial:
    operator = request.user

    def denial(action: Action, user: User, wanted: User | None) -> str:
        if action == "activate" or action == "deactivate" or action == "delete":
            return policy.denial_reason(action, operator, user)
        if reason := policy.denial_reason("edit", operator, user):
            return reason
        return OWN_PERMISSION if wanted and operator.is_account(user.username) and _loses_management(request, wanted) else ""

    return denial


def _loses_management(request: AppRequest, wanted: User) -> bool:
    names = [*wanted.roles, *roles.anonymous_access(request.user.client).roles]
    return policy.would_lose_management(request.user, wanted, roles.by_name(request.user.client, names).values())
