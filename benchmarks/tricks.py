"""The tricks that make pages fast, and functions that turn each of them off in a web process of the benchmark."""

import gc
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.conf import settings
from django.template import Context, Engine
from django.urls import reverse

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
    """`before` and `after` turn the trick off before Django is set up, or after the application is loaded.

    `remove_when`: a text for the report.
    """

    name: str
    remove_when: str
    before: Callable[[], None] = _do_nothing
    after: Callable[[], None] = _do_nothing
    environment: Mapping[str, str] = field(default_factory=dict)


def _urllib3_for_reads() -> None:
    from accounts.services.client import clients
    from accounts.services.client.urllib3_node import Urllib3Node

    vars(clients)["CurlNode"] = Urllib3Node


def _no_cached_pages() -> None:
    from accounts.views.users import page_cache

    vars(page_cache._pages)["get"] = lambda key: None


def _rows_from_template() -> None:
    from accounts.templatetags import user_table

    template = Engine.get_default().from_string(ROWS)

    def rows(rows: Iterable[Mapping[str, Any]], *, can_manage: bool) -> str:
        return template.render(Context({"rows": rows, "can_manage": can_manage}))

    vars(user_table)["user_rows"] = rows


def _no_cached_rows() -> None:
    from accounts.templatetags import user_table

    for name in ("_row", "_role"):
        vars(user_table)[name] = vars(user_table)[name].__wrapped__


def _no_cached_addresses() -> None:
    from accounts.views.users import addresses
    from accounts.views.users import list as user_list

    vars(addresses)["page_url"] = vars(user_list)["page_url"] = reverse
    vars(addresses)["_encoded"] = addresses._encoded.__wrapped__


def _indented_templates() -> None:
    options: Any = settings.TEMPLATES[0]["OPTIONS"]
    loaders = ["django.template.loaders.filesystem.Loader", "django.template.loaders.app_directories.Loader"]
    options["loaders"] = [("django.template.loaders.cached.Loader", loaders)]


def _csrf_cookie_on_each_response() -> None:
    settings.MIDDLEWARE.remove("accounts.middleware.csrf_cookie_once")


def _no_gc_freeze() -> None:
    vars(gc)["freeze"] = _do_nothing


TRICKS: Final = (
    Trick("reads through libcurl (client/curl_node.py)", "elastic-transport has a faster node", after=_urllib3_for_reads),
    Trick(
        "roles and reserved users cached (client/cache.py)",
        "never",
        environment={"CACHE_SECONDS": "0"},
    ),
    Trick("cached page (views/users/page_cache.py)", "Django's templates are compiled to Python", after=_no_cached_pages),
    Trick("rows written by functions (templatetags/user_table.py)", "as for the cached page", after=_rows_from_template),
    Trick("rows cached (user_table, lru_cache)", "", after=_no_cached_rows),
    Trick("addresses cached (views/users/addresses.py)", "", after=_no_cached_addresses),
    Trick("templates without indentation (usermgmt/templates.py)", "", before=_indented_templates),
    Trick("CSRF cookie sent once (middleware.py)", "", before=_csrf_cookie_on_each_response),
    Trick("garbage collector frozen after start", "", after=_no_gc_freeze),
)
