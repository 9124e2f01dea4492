"""The user list: search, filters, sorting, and pages, all of them in its URL."""

import json
from html import escape
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.http import require_GET

from accounts import policy
from accounts.decorators import requires_manager, requires_reader
from accounts.forms.user_list import DEFAULT_SIZE, PAGE_SIZES, UserListForm
from accounts.http import AppRequest, go_to, remember_choice, wants_fragment
from accounts.services import audit, findings, roles, users
from accounts.services.audit import UserActivity
from accounts.services.errors import InvalidFilter, ServiceError
from accounts.services.exports.filters import describe
from accounts.services.users import Position, UserPage, UserQuery, administrators, end_dates, profiles
from accounts.templatetags import user_table
from accounts.views.addresses import ListAddresses
from accounts.views.page_cache import CachedPage
from accounts.views.sorting import column_head
from accounts.views.users.filters import LABELS

SIZE_COOKIE: Final = "usermgmt_page_size"
_compact: Final = json.JSONEncoder(separators=(",", ":"))
OLD_PASSWORDS: Final = frozenset({"password-90-days", "password-1-year"})
HIDDEN: Final = ("role", "status", "flag", "password_days", "view", "sort", "order", "size")

COLUMNS: Final = (("username", "User Name"), ("", "Full Name"), ("", "Email Address"), ("roles", "Roles"), ("status", "Status"))
ACTIVITY_COLUMNS: Final = (
    ("username", "User Name"),
    ("", "Last Sign-in"),
    ("", "Last Sign-in to Kibana"),
    ("", "Password Changed"),
    ("", "Created"),
    ("status", "Status"),
)
ICONS: Final = {
    "first": "chevron-double-left",
    "previous": "chevron-left",
    "next": "chevron-right",
    "last": "chevron-double-right",
}


@require_GET
@requires_reader
def index(request: AppRequest) -> HttpResponse:
    """The list, or only its results (htmx)."""
    try:
        query = UserListForm(request.GET, _stored_size(request)).query()
    except InvalidFilter:  # shown beside its field
        return go_to(request, f"{reverse('user_filters')}?{request.GET.urlencode()}")
    page = users.list_page(request.user.client, query)
    cached_page = CachedPage(
        request,
        "users/_results.html" if wants_fragment(request, "users-results") else "users/list.html",
        {"kind": query.kind, "activity": query.activity, "size": query.size, "has_rows": True, "has_users": True},
    )
    addresses = ListAddresses(request.GET, reverse("users"))
    slots = {**_around_the_users(request, query, addresses), **_users(request, query, page, addresses)}
    response = cached_page.render(slots, has_rows=bool(page.users), has_users=bool(page.total))
    if "size" in request.GET:
        remember_choice(request, response, SIZE_COOKIE, str(query.size))
    return response


def _stored_size(request: AppRequest) -> int:
    size = request.COOKIES.get(SIZE_COOKIE, "")
    return int(size) if size in map(str, PAGE_SIZES) else DEFAULT_SIZE


def _around_the_users(request: AppRequest, query: UserQuery, addresses: ListAddresses) -> dict[str, str]:
    """The slots of the page around the results."""
    return {
        "q": escape(query.q),
        "hidden": user_table.hidden_fields(_hidden(request, query)),
        "parameters": escape(request.GET.urlencode()),
        "other_view": escape(addresses.to(view="" if query.activity else "activity")),
        "pills": user_table.filter_pills(_pills(addresses, query)),
        "heads": "".join(column_head(addresses, query, *column) for column in (ACTIVITY_COLUMNS if query.activity else COLUMNS)),
        "sizes": "".join(
            user_table.size_link(size, addresses.to(size=str(size)), is_current=size == query.size) for size in PAGE_SIZES
        ),
    }


def _users(request: AppRequest, query: UserQuery, page: UserPage, addresses: ListAddresses) -> dict[str, str]:
    return {
        "summary": page.summary + _order_note(query, page),
        "caption": escape(f"Users {page.range}: {describe(query)}"),
        "number": page.place,
        **_links(addresses, page),
        **_table(request, query, page, addresses),
    }


def _order_note(query: UserQuery, page: UserPage) -> str:
    """Elasticsearch can't sort usernames and roles regardless of case, so "Adam" and "adam" may be pages apart."""
    return ", A\u2013Z before a\u2013z" if query.sort != "status" and page.total > page.size else ""


def _table(request: AppRequest, query: UserQuery, page: UserPage, addresses: ListAddresses) -> dict[str, str]:
    if not page.users:
        pills = _pills(addresses, query)
        note = render_to_string("users/_empty.html", {"query": query, "pills": pills}, request)
        return {"rows": "", "note": note + _age_note(addresses, query)}
    if query.activity:
        activity = _activity(request, page)
        return {
            "rows": render_to_string("users/_activity_rows.html", activity, request),
            "note": render_to_string("users/_activity_note.html", activity, request) + _age_note(addresses, query),
        }
    rows = user_table.user_rows(_rows(request, page), can_manage=request.user.can_manage)
    return {"rows": rows, "note": _age_note(addresses, query)}


def _age_note(addresses: ListAddresses, query: UserQuery) -> str:
    """Whom a filter by the age of passwords doesn't list."""
    if not query.password_days and not OLD_PASSWORDS.intersection(query.flags):
        return ""
    flags = [flag for flag in query.flags if flag not in OLD_PASSWORDS]
    url = escape(addresses.to(password_days="", flag=[*flags, "password-age-unknown"]))
    return (
        '<p class="part__note" data-test-subj="passwordAgeNote">Only passwords with a change in the audit trail are listed. '
        f'<a href="{url}">List users with a password of unknown age</a></p>'
    )


def _hidden(request: AppRequest, query: UserQuery) -> list[tuple[str, str]]:
    fields = [(name, value) for name in HIDDEN for value in request.GET.getlist(name)]
    return [*fields, ("kind", query.kind)] if query.kind == "reserved" else fields


def _rows(request: AppRequest, page: UserPage) -> list[dict[str, Any]]:
    known = roles.by_name(request.user.client, {name for user in page.users for name in user.roles})
    administration = administrators.of_roles(request.user.client, known.values())
    return [
        {
            "user": user,
            "roles": [known[name] for name in user.roles],
            "escalations": administration.escalations_of(user.roles),
            "can_select": not policy.denial_reason("delete", request.user, user),
        }
        for user in page.users
    ]


def _activity(request: AppRequest, page: UserPage) -> dict[str, Any]:
    """The activity of each user in the audit trail; the page requests the sign-ins to Kibana afterwards."""
    known, trail_start = audit.activity_and_trail_start([user.username for user in page.users])
    uids = [user.profile_uid for user in page.users if user.profile_uid]
    return {
        "rows": [
            {
                "user": user,
                "activity": known.get(user.username, UserActivity()),
                "can_select": not policy.denial_reason("delete", request.user, user),
            }
            for user in page.users
        ],
        "trail_start": trail_start,
        "kibana_url": f"{reverse('kibana_sign_ins')}?{urlencode({'uid': uids}, doseq=True)}" if uids else "",
    }


@require_GET
@requires_reader
def kibana_sign_ins(request: AppRequest) -> HttpResponse:
    """The last sign-ins to Kibana by profile UID, as fragments for the cells with these IDs."""
    uids = request.GET.getlist("uid")[: max(PAGE_SIZES)]
    known = profiles.last_sign_ins(request.user.client, uids)
    return render(request, "users/_kibana_sign_ins.html", {"cells": [(uid, known.get(uid)) for uid in uids]})


@require_GET
@requires_manager
def past_end_date(request: AppRequest) -> HttpResponse:
    """The notice on the user list: users who are active past their end date. Empty rather than an error; nothing is changed."""
    run = None
    try:
        count = end_dates.count_past(request.user.client)
        if count is None and (run := findings.latest()):
            count = run.count("past-end-date")
    except ServiceError:
        count = None
    return render(request, "users/_past_end_date.html", {"count": count, "run": run})


def _links(addresses: ListAddresses, page: UserPage) -> dict[str, str]:
    """Links to other pages; without a URL if there is no such page."""
    back, on = page.has_previous, page.has_next
    urls = {
        "first": addresses.to() if back else "",
        "previous": addresses.to(before=_packed(page.start), page=str(page.number - 1)) if back else "",
        "next": addresses.to(after=_packed(page.end), page=str(page.number + 1)) if on else "",
        "last": addresses.to(last="1") if on else "",
    }
    return {name: user_table.page_link(name, ICONS[name], url) for name, url in urls.items()}


def _packed(position: Position | None) -> str:
    return _compact.encode(position)


def _pills(addresses: ListAddresses, query: UserQuery) -> list[tuple[str, str]]:
    """The active filters, each with the URL without it."""
    pills = [(f"Role: {role}", addresses.to(role=[other for other in query.roles if other != role])) for role in query.roles]
    pills += [(LABELS[flag], addresses.to(flag=[other for other in query.flags if other != flag])) for flag in query.flags]
    if query.password_days:
        days = f"{query.password_days:,} day{'' if query.password_days == 1 else 's'}"
        pills.append((f"Password older than {days}", addresses.to(password_days="")))
    if query.status:
        pills.append((LABELS[query.status], addresses.to(status="")))
    if query.kind == "reserved":
        pills.append((LABELS[query.kind], addresses.to(kind="")))
    return pills
