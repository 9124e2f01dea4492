"""What every template may use."""

from typing import Any, Final

from django.http import HttpRequest

THEMES: Final = ("auto", "light", "dark")
THEME_COOKIE: Final = "usermgmt_theme"


def page(request: HttpRequest) -> dict[str, Any]:
    """`operator` (None when signed out), `theme`, and `nav`, the entry of the side navigation that is open."""
    theme = request.COOKIES.get(THEME_COOKIE)
    return {
        "operator": getattr(request, "user", None),
        "theme": theme if theme in THEMES else "auto",
        "nav": request.path.split("/")[1],
    }
