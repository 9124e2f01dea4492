"""Bulk changes: select users and an action, check the preview, carry it out in batches, and see what became of each user."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.bulk_policy import denial_by
from accounts.decorators import rejects_other_sites, requires_manager, requires_reader, requires_valid_credentials
from accounts.downloads.csv import csv_response
from accounts.forms.jobs import MATCHING, PAGE_SIZE, SELECTED, JobForm, StepsForm, user_query
from accounts.http import AppRequest, go_to, wants_fragment
from accounts.services import audit, errors, exports, jobs, roles, users
from accounts.services.audit.actions import reason_label
from accounts.services.client import PersonClient
from accounts.services.compare.differences import Field
from accounts.services.exports import cells, dialect, filters
from accounts.services.jobs import Action, Job, NewPassword, Result, Step
from accounts.services.users import unknown_roles

RESULTS: Final[dict[Result, str]] = {
    "pending": "Pending",
    "started": "In progress",
    "success": "Success",
    "failure": "Failure",
    "unknown": "Unknown",
    "skipped": "Skipped",
}
# What the preview says of the users that aren't skipped.
WILL: Final[dict[Action, str]] = {"delete": "will be deleted", "import": "will be created or changed"}
WILL_CHANGE: Final = "will change"
PREPOSITIONS: Final = {"add-roles": "to", "remove-roles": "from", "replace-roles": "of"}
OF_USERS: Final = {"reset-passwords": "Reset passwords", "revoke-api-keys": "Revoke API keys"}
CREATED: Final = "Will be created"
FIELD_LABELS: Final = {**exports.COLUMNS, "enabled": "Status"}
STATUS: Final[dict[Any, str]] = {True: "Active", False: "Deactivated"}
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
    damaged = request.user.can_manage and any(job.is_damaged for job in found)
    return render(request, "jobs/list.html", {"jobs": [(job, counts[job.id]) for job in found], "damaged": damaged})


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
        initial = {
            "users": SELECTED if usernames else MATCHING,
            "filter": filter_,
            "action": request.GET.get("action", ""),
            "revoke_keys": True,
        }
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
    chosen = usernames if is_selected else query
    job = jobs.create(request.user.client, data["action"], data["roles"], chosen, description, revokes_keys=data["revoke_keys"])
    jobs.advance(request.user.client, job.id, denial_by(request.user))
    return redirect("job", job.id)


@require_GET
@requires_reader
@requires_valid_credentials
def view(request: AppRequest, id: str) -> HttpResponse:
    """The preview, the progress, or the result."""
    job = jobs.get(id)
    jobs.refresh()
    counts = jobs.counts(job)
    if wants_fragment(request, "job-numbers"):
        return render(request, "jobs/_bar.html", {"job": job, "counts": counts})
    if wants_fragment(request, "job-progress"):
        if job.is_refused:
            return go_to(request, request.path)
        if job.state == "paused":
            return _paused(request, job)
        return _progress(request, job) if job.state in IN_PROGRESS else go_to(request, request.path)
    query = StepsForm(request.GET).query()
    steps = jobs.steps(job, query)
    will = WILL.get(job.action, WILL_CHANGE)
    labels = RESULTS if job.started else {**RESULTS, "pending": will.capitalize()}
    numbers = [("", "All", counts.total), *((name, label, getattr(counts, name)) for name, label in labels.items())]
    context = {
        "job": job,
        "counts": counts,
        "states": [entry for entry in numbers if entry[2] or entry[0] == query.state],
        "state": query.state,
        "will": will,
        "start_label": _start_label(job, counts.pending),
        "rows": [(step, _label(job, step), _details(job, step)) for step in steps],
        "next": steps[-1].number if len(steps) == PAGE_SIZE else 0,
        "previous": steps[0].number if steps and (query.after or (query.before and steps[0].number > 1)) else 0,
        "has_passwords": not job.is_refused and job.has_passwords_for(request.user.client.actor),
        **_control(request, job),
    }
    return render(request, "jobs/view.html", context)


@require_POST
@requires_manager
@requires_valid_credentials
def advance(request: AppRequest, id: str) -> HttpResponse:
    """Plan or change the next users."""
    before = jobs.get(id)
    try:
        job = jobs.advance(request.user.client, id, denial_by(request.user))
    except errors.JobNotAuthentic:
        if wants_fragment(request, "job-progress"):
            return go_to(request, reverse("job", args=[id]))  # which says why
        raise
    if job.state == before.state == "paused" and wants_fragment(request, "job-progress"):
        return _paused(request, job)
    is_going_on = job.state == before.state and job.state in IN_PROGRESS  # otherwise another page has controlled or ended it
    if not is_going_on or not wants_fragment(request, "job-progress"):
        return go_to(request, reverse("job", args=[id]))
    return _progress(request, job)


@require_POST
@requires_manager
@requires_valid_credentials
def control(request: AppRequest, id: str) -> HttpResponse:
    """Start, pause, resume, retry, verify, or discard a bulk change."""
    command = request.POST.get("command", "")
    if command == "discard":
        jobs.discard(request.user.client, id)
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


@require_http_methods(["GET", "POST"])
@requires_reader
@rejects_other_sites
@requires_valid_credentials
def export(request: AppRequest, id: str) -> HttpResponseBase:
    """The users with their results as CSV, after the export was recorded in the audit trail."""
    job = jobs.get(id)
    jobs.refresh()
    name = f"bulk-change-{job.created:%Y-%m-%d}.csv"
    audit.record_event(request.user.client.actor, audit.Action.EXPORT, name, kind="job", details={"job": job.id})
    return csv_response(_cells(job), name, request.GET.get("format", ""))


@require_POST
@requires_manager
@requires_valid_credentials
@sensitive_variables()
def passwords(request: AppRequest, id: str) -> HttpResponseBase:
    """The new passwords as CSV, once, for the administrator who carried out the bulk change."""
    found = jobs.take_passwords(request.user.client, id)
    return csv_response(
        _password_cells(found), f"new-passwords-{timezone.localdate():%Y-%m-%d}.csv", request.POST.get("format", "")
    )


def _password_cells(found: Iterable[NewPassword]) -> Iterator[list[str]]:
    yield ["Username", "New password", "Result"]
    for each in found:
        result = RESULTS["success"] if each.is_known else "Unknown: the user may still have the old password"
        yield [each.username, each.password, result]


def _cells(job: Job) -> Iterator[list[str]]:
    yield ["Username", "Action", "Roles", "Roles before", "Result", "Details"]
    action, chosen = jobs.ACTIONS.get(job.action, job.title), dialect.join_names(job.roles)
    for step in jobs.all_steps(job):
        line = f"Line {step.line}." if step.line else ""
        details = " ".join(filter(None, [line, reason_label(step.reason), *step.notes, *map(_sentence, _fields(step))]))
        yield [step.username, action, chosen, dialect.join_names(step.roles), _label(job, step), details]


def _fields(step: Step) -> list[Field]:
    """The fields that an import changes, and those of a user that it creates."""
    changes = jobs.import_changes(step) if step.values and step.state != "skipped" else {}
    return [_field(name, before, after) for name, (before, after) in changes.items()]


def _field(name: str, before: Any, after: Any) -> Field:
    if name == "roles":
        old, new = before or [], after or []
        added, removed = [role for role in new if role not in old], [role for role in old if role not in new]
        return Field(FIELD_LABELS[name], dialect.join_names(old), dialect.join_names(new), added, removed)
    return Field(FIELD_LABELS[name], STATUS.get(before, before) or "", STATUS.get(after, after) or "")


def _sentence(field: Field) -> str:
    return f"{field.name}: {field.before or cells.NONE} → {field.after or cells.NONE}."


def _progress(request: AppRequest, job: Job) -> HttpResponse:
    jobs.refresh()
    return render(request, "jobs/_progress.html", {"job": job, "counts": jobs.counts(job), **_control(request, job)})


def _paused(request: AppRequest, job: Job) -> HttpResponse:
    """The changes that were begun before the pause; the whole page once they are over, because its table is out of date, too."""
    jobs.refresh()
    counts = jobs.counts(job)
    if not counts.started:
        return go_to(request, reverse("job", args=[job.id]))
    return render(request, "jobs/_paused.html", {"job": job, "counts": counts})


def _start_label(job: Job, number: int) -> str:
    """The text of the button that starts the change, such as "Add roles to 3 users"."""
    users = f"{number:,} user{'' if number == 1 else 's'}"
    if job.action in ("add-roles", "remove-roles", "replace-roles"):
        return f"{jobs.ACTIONS[job.action]} {PREPOSITIONS[job.action]} {users}"
    if job.action in OF_USERS:
        return f"{OF_USERS[job.action]} of {users}"
    return f"{job.action.capitalize()} {users}"


def _control(request: AppRequest, job: Job) -> dict[str, bool]:
    """`drives`: whether this page requests the next batch by itself, because its user carries out the change."""
    return {"drives": request.user.can_manage and job.is_operated_by(request.user.client.actor)}


def _label(job: Job, step: Step) -> str:
    if job.started or step.state != "pending":
        return RESULTS[step.state]
    if job.action == "import":
        return CREATED if step.change == "create" else WILL_CHANGE.capitalize()
    return WILL.get(job.action, WILL_CHANGE).capitalize()


def _details(job: Job, step: Step) -> dict[str, Any]:
    """What the preview says of a user."""
    if job.action == "import":
        return {"reason": reason_label(step.reason), "fields": _fields(step)}
    before = step.roles
    added = [name for name in job.roles if name not in before] if job.action in ("add-roles", "replace-roles") else []
    removed = [
        name
        for name in before
        if (name in job.roles if job.action == "remove-roles" else job.action == "replace-roles" and name not in job.roles)
    ]
    changes = {"added": added, "removed": removed} if step.state != "skipped" and step.was else {}
    return {"reason": reason_label(step.reason), **changes}
