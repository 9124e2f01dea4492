"""What every template may use."""

from typing import Any, Final

from django.http import HttpRequest

from accounts.services.sessions import seconds_left

THEMES: Final = ("auto", "light", "dark")
THEME_COOKIE: Final = "usermgmt_theme"


def page(request: HttpRequest) -> dict[str, Any]:
    """`operator` (None when signed out), `theme`, `nav` (the entry of the side navigation that is open), `here` and `ends`.

    `here` is the page's own address, and `ends` in how many seconds the session ends unless it is renewed.
    """
    theme, operator = request.COOKIES.get(THEME_COOKIE), getattr(request, "user", None)
    return {
        "operator": operator,
        "ends": seconds_left(request.session) if operator else None,  # type: ignore[arg-type]
        "theme": theme if theme in THEMES else "auto",
        "nav": request.path.split("/")[1],
        "here": request.get_full_path(),
    }
