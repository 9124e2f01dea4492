"""Template variables of every page."""

from typing import Any, Final

from django.http import HttpRequest

from accounts.services.sessions import seconds_left
from usermgmt.paths import SETUP_CLUSTER

PRODUCT_LABEL: Final = "Elasticsearch users"
THEMES: Final = ("auto", "light", "dark")
THEME_COOKIE: Final = "usermgmt_theme"
# The entry of the navigation under which pages are, if it isn't the first part of their path.
SECTIONS: Final = {"api-keys": "access", "compare": "findings", "role-mappings": "access", "service-accounts": "access"}


def page(request: HttpRequest) -> dict[str, Any]:
    """`operator` is None when signed out; `nav`: the current entry of the navigation; `seconds_left`: of the session."""
    section = request.path_info.lstrip("/").partition("/")[0]
    theme, operator = request.COOKIES.get(THEME_COOKIE), getattr(request, "user", None)
    return {
        "product_label": PRODUCT_LABEL,
        "setup_command": SETUP_CLUSTER,
        "operator": operator,
        "seconds_left": seconds_left(request.session) if operator else None,  # type: ignore[arg-type]
        "theme": theme if theme in THEMES else "auto",
        "nav": SECTIONS.get(section, section),
        "current_url": request.get_full_path(),
    }
