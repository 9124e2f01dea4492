"""The tricks that make pages fast, and functions that turn each of them off in a web process of the benchmark."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

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


def _do_nothing() -> None:
    pass


@dataclass(frozen=True)
class Trick:
    """`after` turns the trick off when the application is loaded, `environment` before. `remove_when`: a text for the report."""

    name: str
    remove_when: str
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


TRICKS: Final = (
    Trick("reads through libcurl (client/curl_node.py)", "elastic-transport has a faster node", after=_urllib3_for_reads),
    Trick(
        "roles and reserved users cached (client/cache.py)",
        "two more reads per page cost nothing",
        environment={"CACHE_SECONDS": "0"},
    ),
    Trick("cached page (views/page_cache.py)", "Django compiles templates to Python", after=_no_cached_pages),
    Trick("rows written by functions (templatetags/user_table.py)", "as for the cached page", after=_rows_from_template),
)
