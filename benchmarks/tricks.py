"""The tricks that make pages fast, and functions that turn each of them off in a web process of the benchmark."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.http import HttpResponse
from django.template import Context, Engine

# The rows of the user list as a simple Django template.
ROWS: Final = """{% for row in rows %}<tr data-test-subj="userRow">
{% if can_manage %}<td><input type="checkbox" name="username" value="{{ row.user.username }}"
  aria-label="Select {{ row.user.username }}" data-test-subj="checkboxSelectRow-{{ row.user.username }}"
  {% if not row.can_select %}disabled title="User is a system user"{% endif %}></td>{% endif %}
<th scope="row" data-test-subj="userRowUserName"><a href="{% url 'user_edit' row.user.username %}">{{ row.user.username }}</a></th>
<td data-test-subj="userRowFullName">{{ row.user.full_name }}</td>
<td data-test-subj="userRowEmail">{{ row.user.email }}</td>
<td data-test-subj="userRowRoles"><ul>{% for role in row.roles %}<li>
  <a {% if role.is_unknown %}class="badge--danger"{% elif role.is_deprecated %}class="badge--warning"{% endif %}
    href="?role={{ role.name|urlencode:'' }}">{{ role.name }}</a></li>{% endfor %}</ul></td>
<td>{% if not row.user.enabled %}<span class="badge">Deactivated</span>{% endif %}
  {% if row.user.is_reserved %}<span class="badge badge--primary">Reserved</span>{% endif %}
  {% if row.user.is_deprecated %}<span class="badge badge--warning">Deprecated</span>{% endif %}</td></tr>{% endfor %}"""

# The same for role mappings.
MAPPING_ROWS: Final = """{% for each in rows %}<tr data-test-subj="roleMappingRow">
<th scope="row"><a class="clamp" href="{% url 'role_mapping' each.mapping.name %}">{{ each.mapping.name }}</a></th>
<td data-label="Applies to"><span class="clamp">{{ each.reach }}</span><span class="row-detail clamp">{{ each.rule }}</span></td>
<td data-label="Roles"><ul class="badges">{% for role in each.roles %}<li>
  {% if role.is_unknown %}<span class="badge badge--danger" title="This role doesn't exist">{{ role.name }}</span>
  {% else %}<a class="badge{% if role.is_deprecated %} badge--warning{% endif %}"
    href="{% url 'role' role.name %}">{{ role.name }}</a>{% endif %}</li>{% endfor %}</ul></td>
<td data-label="Administrators">{% if each.is_administrator is None %}<span class="badge badge--warning">Not known</span>
  {% elif each.is_administrator %}<span class="badge badge--danger">Yes</span>{% else %}No{% endif %}</td>
<td>{% if not each.mapping.is_enabled %}<span class="badge" data-test-subj="roleMappingDisabled">Disabled</span>{% endif %}</td>
</tr>{% endfor %}"""
USERS: Final = "/users/"
MAPPINGS: Final = "/role-mappings/"
EMPTY_PAGE_SIZE: Final = 20_000


def _do_nothing() -> None:
    pass


@dataclass(frozen=True)
class Trick:
    """`after` turns the trick off when the application is loaded, `environment` before. `page`: the one that it is for.

    `remove_when`: a text for the report.
    """

    name: str
    remove_when: str
    page: str = USERS
    after: Callable[[], None] = _do_nothing
    environment: Mapping[str, str] = field(default_factory=dict)


def _urllib3_for_reads() -> None:
    from accounts.services.client import clients
    from accounts.services.client.urllib3_node import Urllib3Node

    vars(clients)["CurlNode"] = Urllib3Node


def _no_cached_pages() -> None:
    from accounts.views import page_cache

    vars(page_cache._pages)["get"] = lambda key: None


def _rows_from_template() -> None:
    from accounts.templatetags import user_table

    template = Engine.get_default().from_string(ROWS)

    def rows(rows: Iterable[Mapping[str, Any]], *, can_manage: bool) -> str:
        return template.render(Context({"rows": rows, "can_manage": can_manage}))

    vars(user_table)["user_rows"] = rows


def _mapping_rows_from_template() -> None:
    from accounts.templatetags import access_tables

    template = Engine.get_default().from_string(MAPPING_ROWS)
    vars(access_tables)["role_mapping_rows"] = lambda rows: template.render(Context({"rows": rows}))


def _fields_of_django() -> None:
    from accounts.views import role_mappings

    vars(role_mappings)["filter_fields"] = lambda form, names: "".join(form[name].as_field_group() for name in names)


def _searched_each_time() -> None:
    from accounts.services.role_mappings import Assessment

    for name in ("searched", "searched_rule", "sort_key", "is_administrator"):
        setattr(Assessment, name, property(vars(Assessment)[name].func))


def _nothing_shown() -> None:
    from accounts.views.users import list as user_list

    class EmptyPage:
        def __init__(self, *arguments: object) -> None:
            pass

        def render(self, *arguments: object, **known: object) -> HttpResponse:
            return HttpResponse(b" " * EMPTY_PAGE_SIZE)

    def nothing(*arguments: object) -> dict[str, str]:
        return {}

    vars(user_list).update(CachedPage=EmptyPage, ListAddresses=nothing, _around_the_users=nothing, _users=nothing)


TRICKS: Final = (
    Trick("reads through libcurl (client/curl_node.py)", "elastic-transport has a faster node", after=_urllib3_for_reads),
    Trick(
        "roles and reserved users cached (client/cache.py)",
        "two more reads per page cost nothing",
        environment={"CACHE_SECONDS": "0"},
    ),
    Trick("cached page (views/page_cache.py)", "Django compiles templates to Python", after=_no_cached_pages),
    Trick("rows written by functions (templatetags/user_table.py)", "as for the cached page", after=_rows_from_template),
    Trick(
        "rows written by functions (templatetags/access_tables.py)",
        "as for the cached page",
        page=MAPPINGS,
        after=_mapping_rows_from_template,
    ),
    Trick(
        "filters written by functions (templatetags/filter_fields.py)",
        "as for the cached page",
        page=MAPPINGS,
        after=_fields_of_django,
    ),
    Trick(
        "what a search compares kept (role_mappings/assessment.py)",
        "Elasticsearch searches role mappings",
        page=f"{MAPPINGS}?q=emea",
        after=_searched_each_time,
    ),
)
# Not a trick: what the page would take at least, with the session and its calls, if it showed nothing.
EMPTY_PAGE: Final = Trick("empty page", "", after=_nothing_shown)
VARIANTS: Final = (*TRICKS, EMPTY_PAGE)
