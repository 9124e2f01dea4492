"""Django's debug page without secrets. Django hides settings and decorated variables; a password passes through many others."""

import json
import re
from collections.abc import ItemsView
from types import FrameType
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.views import debug

# Of the request. Django's server puts the environment of its process beside them.
SHOWN_META: Final = (
    "REQUEST_METHOD",
    "PATH_INFO",
    "QUERY_STRING",
    "CONTENT_TYPE",
    "CONTENT_LENGTH",
    "REMOTE_ADDR",
    "HTTP_HOST",
    "HTTP_ACCEPT",
    "HTTP_USER_AGENT",
    "HTTP_REFERER",
    "HTTP_HX_REQUEST",
    "HTTP_HX_TARGET",
)
SHORTEST_SECRET: Final = 6  # Elasticsearch takes no shorter password, and to replace "a" everywhere would leave no page
CREDENTIALS: Final = re.compile(r"\b(Basic|ApiKey|Bearer) +[\w.~+/-]+=*")


class ExceptionReporterFilter(debug.SafeExceptionReporterFilter):
    """Shows numbers, and the types of all other variables: nothing has to know which of them hold a secret."""

    hidden_settings = re.compile(debug.SafeExceptionReporterFilter.hidden_settings.pattern + "|ELASTICSEARCH_HOSTS", re.I)

    def get_traceback_frame_variables(self, request: HttpRequest | None, tb_frame: FrameType) -> ItemsView[str, Any]:
        shown = {name: value if type(value) in (bool, int, float) else type(value) for name, value in tb_frame.f_locals.items()}
        return shown.items()

    def get_safe_request_meta(self, request: HttpRequest) -> dict[str, Any]:
        return {name: value for name, value in super().get_safe_request_meta(request).items() if name in SHOWN_META}

    def get_safe_cookies(self, request: HttpRequest | None) -> dict[str, Any]:
        return dict.fromkeys(getattr(request, "COOKIES", ()), self.cleansed_substitute)

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        return {name: self.cleanse_setting(name, value) for name, value in request.POST.items()} if request else {}

    def secrets(self, request: HttpRequest | None) -> set[str]:
        """Those of this process and request, as a message may repeat them."""
        found = {settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS, settings.ELASTICSEARCH_API_KEY}
        if request:
            found.update(request.COOKIES.values())
            found.update(str(value) for name, value in request.POST.items() if self.hidden_settings.search(name))
            if getattr(request, "user", None):  # then the session has been read
                found.update(request.session.get("credentials", ())[1:])
                found.add(request.session.get("api_key", ""))
        return {secret for secret in found if len(secret) >= SHORTEST_SECRET}


class ExceptionReporter(debug.ExceptionReporter):
    """Also takes secrets out of the messages of exceptions."""

    filter: ExceptionReporterFilter

    def get_traceback_data(self) -> dict[str, Any]:
        """Without the characters around the fault of a UnicodeError, which may be part of a password."""
        return {**super().get_traceback_data(), "unicode_hint": ""}

    def get_traceback_html(self) -> SafeString:
        return self._without_secrets(super().get_traceback_html())

    def get_traceback_text(self) -> SafeString:
        return self._without_secrets(super().get_traceback_text())

    def _without_secrets(self, page: str) -> SafeString:
        stars = self.filter.cleansed_substitute
        for secret in sorted(self.filter.secrets(self.request), key=len, reverse=True):
            for written in (secret, repr(secret)[1:-1], repr(secret.encode())[2:-1], json.dumps(secret)[1:-1]):
                page = page.replace(escape(written), stars).replace(written, stars)
        return mark_safe(CREDENTIALS.sub(stars, page))  # noqa: S308
