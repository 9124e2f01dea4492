"""The variable parts of the user list as HTML. Functions, because templates would take most of the time of the page."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape  # Django's version also checks for lazy and safe texts, which takes a tenth of the page's time
from typing import Any
from urllib.parse import quote

from django import template
from django.utils.safestring import SafeString, mark_safe

from accounts.converters import UsernameConverter
from accounts.services.roles import Role
from accounts.services.roles.escalation import MANAGE, Escalation
from accounts.services.users import User, end_dates
from accounts.templatetags.icons import heroicon_micro, heroicon_mini

register = template.Library()
to_url = UsernameConverter().to_url
# The page may truncate a longer username, so its title has the whole.
MAX_SHOWN_LENGTH = 40
# The page of the user has the whole.
MAX_TEXT_LENGTH = 500
MAX_PATHS = 3


def hidden_fields(fields: Iterable[tuple[str, str]]) -> str:
    """Fields of the search form that change with the results."""
    return "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}" form="users-search">' for name, value in fields
    )


def filter_pills(pills: Iterable[tuple[str, str]]) -> str:
    """The active filters, each with a link that removes it."""
    return "".join(
        f'<span class="pill">{escape(label)}\n<a class="pill__remove" href="{escape(url)}" '
        f'aria-label="Remove filter {escape(label)}">{heroicon_micro("x-mark")}</a></span>'
        for label, url in pills
    )


def column_head(label: str, field: str = "", direction: str = "", url: str = "") -> str:
    """The column head with its sort direction and sort link; only the label without a URL.

    The link has an ID, so that it keeps the keyboard focus.
    """
    if not url:
        return f"<th scope=col>{label}"
    return (
        f'<th scope=col aria-sort={direction}><a class=sort id=sort-{field} href="{escape(url)}" '
        f"data-test-subj=tableHeaderSortButton>{label}</a>"
    )


def size_link(size: int, url: str, *, is_current: bool) -> str:
    """A link that sets the number of rows per page."""
    current = " aria-current=true" if is_current else ""
    return f'<a href="{escape(url)}" data-test-subj=tablePagination-{size}-rows{current}>{size} rows</a>'


def page_link(name: str, icon: str, url: str) -> str:
    """A link to another page. Without a URL it stays as a disabled link, so that it keeps the keyboard focus."""
    to = f'href="{escape(url)}"' if url else "role=link aria-disabled=true tabindex=-1"
    return (
        f'<a class=icon-button id={name}-page {to} aria-label="{name.capitalize()} page" '
        f"data-test-subj=pagination-button-{name}>{heroicon_mini(icon)}</a>"
    )


def user_rows(rows: Iterable[Mapping[str, Any]], *, can_manage: bool) -> str:
    """A `<tr>` for each row (`user`, `roles`, `escalations`, `can_select`), with a checkbox if the operator can manage users.

    URLs are relative to the list. Optional end tags and quotes are left out to keep the page small.
    """
    return "".join(_row(row["user"], row["roles"], row["escalations"], row["can_select"], can_manage) for row in rows)


def _row(
    user: User, roles: Iterable[Role], escalations: Sequence[tuple[str, Escalation]], can_select: bool, can_manage: bool
) -> str:
    name = escape(user.username)
    title = f' title="{name}"' if len(user.username) > MAX_SHOWN_LENGTH else ""
    return (
        f"<tr data-test-subj=userRow>{box(user, can_select) if can_manage else ''}"
        f"<th data-test-subj=userRowUserName><a href=edit/{to_url(user.username)}{title}>{name}</a>"
        f"<td data-test-subj=userRowFullName>{_text(user.full_name)}"
        f"<td data-test-subj=userRowEmail>{_text(user.email)}"
        f"<td data-test-subj=userRowRoles>{_roles(roles)}"
        f"<td>{status(user, escalations)}"
    )


def _text(text: str) -> str:
    if len(text) <= MAX_SHOWN_LENGTH:
        return escape(text)
    cut = f"{text[:MAX_TEXT_LENGTH]}…" if len(text) > MAX_TEXT_LENGTH else text
    return f"<span class=clamp>{escape(cut)}</span>"


def box(user: User, can_select: bool) -> str:
    """The cell with the checkbox of a user."""
    name = escape(user.username)
    reason = "User is a system user" if user.is_reserved else "You can't delete this user"
    disabled = "" if can_select else f' disabled title="{reason}"'
    return (
        f'<td><input type=checkbox name=username value="{name}" aria-label="Select {name}" '
        f'data-test-subj="checkboxSelectRow-{name}"{disabled}>'
    )


def _roles(roles: Iterable[Role]) -> str:
    items = "".join(f"<li>{_role(role)}" for role in roles)
    return f"<ul>{items}</ul>" if items else ""


def _role(role: Role) -> str:
    kind = mark = ""
    if role.is_unknown:
        kind = ' class="badge--danger"'
        mark = '<span class="mark" role="img" aria-label=", does not exist" title="This role does not exist"></span>'
    elif role.is_deprecated:
        kind = ' class="badge--warning"'
        reason = escape(f"This role is deprecated. {role.deprecated_reason}")
        mark = f'<span class="mark" role="img" aria-label=", deprecated" title="{reason}"></span>'
    return f"<a{kind} href=?role={quote(role.name, safe='')}>{escape(role.name)}{mark}</a>"


def status(user: User, escalations: Sequence[tuple[str, Escalation]] = ()) -> str:
    """The badges of a user: deactivated, reserved, deprecated, and administrator, with the escalations of their roles."""
    badges = "" if user.enabled else "<span class=badge data-test-subj=userDisabled>Deactivated</span>"
    if end_dates.KEY in user.metadata:
        badges += end_date(user)
    if user.is_reserved:
        badges += '<span class="badge badge--primary" data-test-subj=userReserved>Reserved</span>'
    if user.is_deprecated:
        reason = escape(user.deprecated_reason)
        badges += f'<span class="badge badge--warning" data-test-subj=userDeprecated title="{reason}">Deprecated</span>'
    if escalations:
        badges += administrator(user, escalations)
    return f"<span class=badges>{badges}</span>" if badges else ""


END_DATES = {
    "past": ("Ended {}", " badge--danger", "The end date of this user is over, but they are still active"),
    "soon": ("Ends {}", " badge--warning", "This user's last day is within 14 days"),
    "later": ("Active until {}", "", "The last day on which this user is to be active"),
    "unreadable": ("End date unreadable", " badge--warning", "The metadata active_until isn't a date such as 2026-12-31"),
}


def end_date(user: User) -> str:
    """The badge with the end date of an active user. After the user was deactivated, it doesn't matter."""
    end = end_dates.of(user)
    if end is None or not user.enabled:
        return ""
    text, kind, title = END_DATES[end.state(end_dates.today())]
    return f'<span class="badge{kind}" data-test-subj=userEndDate title="{title}">{text.format(end.day)}</span>'


def administrator(user: User, escalations: Sequence[tuple[str, Escalation]]) -> str:
    """The badge that says whether the user is, can become, or may become an administrator; it links to the page that says how."""
    label, kind = "May become an administrator", ""
    if any(each.is_certain for _, each in escalations):
        label, kind = "Can become an administrator", " badge--warning"
    if any(each.path is MANAGE for _, each in escalations):
        label, kind = "Administrator", " badge--primary"
    more = f"; and {len(escalations) - MAX_PATHS} more" if len(escalations) > MAX_PATHS else ""
    how = "; ".join(f"Role {role}: {each}" for role, each in escalations[:MAX_PATHS]) + more
    return (
        f'<a class="badge{kind}" href="access/{to_url(user.username)}#escalations-title" title="{escape(how)}" '
        f"data-test-subj=userAdministrator>{label}</a>"
    )


@register.simple_tag
def user_box(user: User, can_select: bool) -> SafeString:
    return mark_safe(box(user, can_select))  # noqa: S308


@register.simple_tag
def user_status(user: User) -> SafeString:
    return mark_safe(status(user))  # noqa: S308
