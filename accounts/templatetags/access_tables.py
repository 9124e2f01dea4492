"""The rows of the lists of API keys, role mappings, and service accounts as HTML: functions, as for the user list."""

from collections.abc import Callable, Iterable
from html import escape
from typing import Final
from urllib.parse import quote

from django import template
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from accounts.converters import RoleConverter, RoleMappingConverter, UsernameConverter
from accounts.services.api_keys import ApiKey, ListedKey
from accounts.services.role_mappings import Assessment, RoleMapping
from accounts.services.roles import Role
from accounts.services.service_accounts import ServiceAccount, Token
from accounts.services.users import User
from accounts.templatetags.times import moment

register = template.Library()
Link = Callable[[str], str]

MAX_TOKENS: Final = 5


def api_key_rows(rows: Iterable[ListedKey]) -> str:
    to_key, to_history = _links("api_key", _quoted), _links("user_history", UsernameConverter().to_url)
    return "".join(_api_key_row(row, to_key, to_history) for row in rows)


def _api_key_row(row: ListedKey, to_key: Link, to_history: Link) -> str:
    key = row.key
    path = f' <span class="row-detail">{escape(row.escalations[0].path.title)}</span>' if row.escalations else ""
    return (
        f'<tr data-test-subj="apiKeyRow"><th scope="row" title="{escape(key.id)}">'
        f'<a class="clamp" href="{to_key(key.id)}">{escape(key.name) or "(no name)"}</a></th>'
        f'<td data-label="Owner"><span class="clamp">{_owner(key, to_history)}</span></td>'
        f'<td data-label="Realm">{escape(key.realm)}</td>'
        f'<td data-label="Type">{key.type_label}</td>'
        f'<td data-label="Created">{moment(key.created)}</td>'
        f'<td data-label="Expires">{moment(key.expires) if key.expires else "Never"}</td>'
        f'<td data-label="State">{state(key)}</td>'
        f'<td data-label="Administrator">{answer(row.is_administrator)}{path}</td></tr>'
    )


def _owner(key: ApiKey, to_user: Link) -> str:
    """The username; a link if the user is of a realm whose users have pages."""
    name = escape(key.username)
    return f'<a href="{to_user(key.username)}">{name}</a>' if key.own_realm else name


def state(key: ApiKey) -> str:
    """The badges of an API key."""
    kind = " badge--primary" if key.is_active else ""
    kibana = ' <span class="badge" title="Kibana works with this key, for example to run an alerting rule">Kibana</span>'
    return f'<span class="badge{kind}">{key.state}</span>{kibana if key.is_managed else ""}'


def role_mapping_rows(assessments: Iterable[Assessment]) -> str:
    to_mapping, to_role = _links("role_mapping", RoleMappingConverter().to_url), _links("role", RoleConverter().to_url)
    return "".join(_role_mapping_row(each, to_mapping, to_role) for each in assessments)


def _role_mapping_row(assessment: Assessment, to_mapping: Link, to_role: Link) -> str:
    mapping = assessment.mapping
    badges = f'<span class="badges">{status(mapping)}</span>' if not mapping.is_enabled or mapping.is_read_only else ""
    roles = _roles(assessment, to_role) if assessment.roles or mapping.templates else ""
    return (
        f'<tr data-test-subj="roleMappingRow"><th scope="row">'
        f'<a class="clamp" href="{to_mapping(mapping.name)}">{escape(mapping.name)}</a></th>'
        f'<td data-label="Applies to"><span class="clamp">{escape(str(assessment.reach))}</span>'
        f'<span class="row-detail clamp">{escape(assessment.rule)}</span></td>'
        f'<td data-label="Roles">{roles}</td>'
        f'<td data-label="Administrators">{answer(assessment.is_administrator)}</td>'
        f"<td>{badges}</td></tr>"
    )


def _roles(assessment: Assessment, to_role: Link) -> str:
    items = "".join(f"<li>{_role(role, to_role)}</li>" for role in assessment.roles)
    if assessment.dynamic_templates:
        items += '<li><span class="badge badge--warning">Decided at sign-in</span></li>'
    return f'<ul class="badges">{items}</ul>'


def _role(role: Role, to_role: Link) -> str:
    """Nonexistent roles have no page."""
    if role.is_unknown:
        name, note = escape(role.name) or "(empty name)", '<span class="visually-hidden"> (nonexistent role)</span>'
        return f'<span class="badge badge--danger" title="This role doesn\'t exist">{name}{note}</span>'
    kind = " badge--warning" if role.is_deprecated else ""
    return f'<a class="badge{kind}" href="{to_role(role.name)}">{escape(role.name)}</a>'


def status(mapping: RoleMapping) -> str:
    """The badges of a role mapping that is disabled, or from the file settings."""
    badges = "" if mapping.is_enabled else '<span class="badge" data-test-subj="roleMappingDisabled">Disabled</span>'
    if mapping.is_read_only:
        title = "From the file settings of the cluster (operator/settings.json)"
        badges += f'<span class="badge badge--primary" title="{title}">File settings</span>'
    return badges


def service_account_rows(accounts: Iterable[ServiceAccount]) -> str:
    return "".join(
        f'<tr data-test-subj="serviceAccountRow">'
        f'<th scope="row"><a href="{escape(reverse("service_account", args=[account.name]))}">{escape(account.name)}</a></th>'
        f'<td data-label="Tokens">{_tokens(account)}</td>'
        f'<td data-label="Can become an administrator">{answer(account.is_administrator)}</td></tr>'
        for account in accounts
    )


def _tokens(account: ServiceAccount) -> str:
    """How many tokens an account has, and the names of some."""
    tokens, silent = account.tokens, account.silent_nodes
    names = "" if tokens or silent else "None"
    if tokens:
        more = ", …" if len(tokens) > MAX_TOKENS else ""
        names = f'<span class="clamp">{len(tokens):,}: {", ".join(map(_token, tokens[:MAX_TOKENS]))}{more}</span>'
    if silent:
        nodes = f"{silent} node{'s' if silent > 1 else ''}"
        names += f' <span class="badge badge--warning">{nodes} didn\'t report file tokens</span>'
    return names


def _token(token: Token) -> str:
    return f"{escape(token.name)}{' (file)' if token.nodes else ''}"


def summary(shown: int, total: int, noun: str) -> str:
    """For example "3 of 53 role mappings"."""
    of = "" if shown == total else f" of {total:,}"
    return f"{shown:,}{of} {noun}{'' if total == 1 else 's'}"


def answer(value: bool | None) -> str:
    """Whether something can become an administrator."""
    if value is None:
        return '<span class="badge badge--warning">Not known</span>'
    return '<span class="badge badge--danger">Yes</span>' if value else "No"


def _links(name: str, to_url: Callable[[str], str]) -> Link:
    """The URLs of pages that differ in their last part. `reverse` for each of them would double the time of the rows."""
    start = reverse(name, args=["x"]).removesuffix("x")
    return lambda value: start + to_url(value)


def _quoted(key_id: str) -> str:
    return quote(key_id, safe="")


@register.simple_tag
def administrator_answer(value: bool | None) -> SafeString:
    return mark_safe(answer(value))  # noqa: S308


@register.simple_tag
def api_key_owner(key: ApiKey, owner: User | None) -> SafeString:
    """Without `owner`, the user may be deleted. The history is there in any case."""
    return mark_safe(_owner(key, _links("user_edit" if owner else "user_history", UsernameConverter().to_url)))  # noqa: S308


@register.simple_tag
def api_key_state(key: ApiKey) -> SafeString:
    return mark_safe(state(key))  # noqa: S308


@register.simple_tag
def role_mapping_roles(assessment: Assessment) -> SafeString:
    return mark_safe(_roles(assessment, _links("role", RoleConverter().to_url)))  # noqa: S308


@register.simple_tag
def role_mapping_status(mapping: RoleMapping) -> SafeString:
    return mark_safe(status(mapping))  # noqa: S308
