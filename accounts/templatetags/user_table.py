"""The rows of the list of users and the links below them. A page's time goes into them: functions write them, not templates."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from html import escape  # Django's own looks first whether a text is lazy or safe already: a tenth of a page's time
from typing import Any
from urllib.parse import quote

from django import template
from django.utils.safestring import SafeString, mark_safe

from accounts.converters import UsernameConverter
from accounts.services.roles import Role
from accounts.services.users import User
from accounts.templatetags.icons import heroicon_mini

register = template.Library()
to_url = UsernameConverter().to_url
# A longer name may be cut by the page, and then stands whole in its title.
LONGEST_SHOWN = 40


@register.simple_tag
def user_rows(rows: Iterable[Mapping[str, Any]], can_manage: bool) -> SafeString:
    """A `<tr>` for each row (`user`, `roles`, `can_select`), with a box to select it for who may manage users.

    Addresses are relative to the list's own. HTML lets cells and rows end by themselves, and plain words go unquoted.
    """
    return mark_safe("".join(_row(row["user"], row["roles"], row["can_select"], can_manage) for row in rows))  # noqa: S308


@register.simple_tag
def page_sizes(sizes: Iterable[tuple[int, str, bool]]) -> SafeString:
    """The menu's entries: how many rows to a page, the address, and whether it is so now."""
    return mark_safe(  # noqa: S308
        "".join(
            f'<a href="{escape(url)}" data-test-subj="tablePagination-{size}-rows"'
            f'{""" aria-current="true" """ if is_current else ""}>{size} rows</a>'
            for size, url, is_current in sizes
        )
    )


@register.simple_tag
def page_link(name: str, icon: str, label: str, url: str) -> SafeString:
    """To another page. A link without an address keeps its place, and the focus that a reader may have had on it."""
    to = f'href="{escape(url)}"' if url else 'role="link" aria-disabled="true" tabindex="-1"'
    return mark_safe(  # noqa: S308
        f'<a class="icon-button" id="{name}-page" {to} aria-label="{label}" data-test-subj="pagination-button-{name}">'
        f"{heroicon_mini(icon)}</a>"
    )


def _row(user: User, roles: Iterable[Role], can_select: bool, can_manage: bool) -> str:
    name = escape(user.username)
    title = f' title="{name}"' if len(user.username) > LONGEST_SHOWN else ""
    return (
        f"<tr data-test-subj=userRow>{_box(name, user, can_select) if can_manage else ''}"
        f'<th data-test-subj=userRowUserName><a href="edit/{to_url(user.username)}"{title}>{name}</a>'
        f"<td data-test-subj=userRowFullName>{escape(user.full_name)}"
        f"<td data-test-subj=userRowEmail>{escape(user.email)}"
        f"<td data-test-subj=userRowRoles>{_roles(roles)}"
        f"<td>{_status(user)}"
    )


@register.simple_tag
def user_box(user: User, can_select: bool) -> SafeString:
    """The cell with the box that selects a user."""
    return mark_safe(_box(escape(user.username), user, can_select))  # noqa: S308


@register.simple_tag
def user_status(user: User) -> SafeString:
    """The badges of a user: deactivated, reserved, deprecated."""
    return mark_safe(_status(user))  # noqa: S308


def _box(name: str, user: User, can_select: bool) -> str:
    reason = "User is a system user" if user.is_reserved else "You cannot delete this user"
    return (
        f'<td><input type=checkbox name=username value="{name}" aria-label="Select {name}" '
        f'data-test-subj="checkboxSelectRow-{name}"{"" if can_select else f""" disabled title="{reason}" """}>'
    )


def _roles(roles: Iterable[Role]) -> str:
    items = "".join(f"<li>{_role(role)}" for role in roles)
    return f"<ul>{items}</ul>" if items else ""


@lru_cache(maxsize=4096)
def _role(role: Role) -> str:
    kind = mark = ""
    if role.is_unknown:
        kind = ' class="badge--danger"'
        mark = '<span class="mark" role="img" aria-label=", does not exist" title="This role does not exist"></span>'
    elif role.is_deprecated:
        kind = ' class="badge--warning"'
        reason = escape(f"This role is deprecated. {role.deprecated_reason}")
        mark = f'<span class="mark" role="img" aria-label=", deprecated" title="{reason}"></span>'
    return f'<a{kind} href="?role={quote(role.name, safe="")}">{escape(role.name)}{mark}</a>'


def _status(user: User) -> str:
    badges = "" if user.enabled else '<span class="badge" data-test-subj="userDisabled">Deactivated</span>'
    if user.is_reserved:
        badges += '<span class="badge badge--primary" data-test-subj="userReserved">Reserved</span>'
    if user.is_deprecated:
        reason = escape(user.deprecated_reason)
        badges += f'<span class="badge badge--warning" data-test-subj="userDeprecated" title="{reason}">Deprecated</span>'
    return f'<span class="badges">{badges}</span>' if badges else ""
