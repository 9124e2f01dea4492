"""The WSGI application."""

import os
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "usermgmt.settings")

# Without a key, fail here instead of at the first request.
settings.SECRET_KEY  # noqa: B018

_application = get_wsgi_application()


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Django's, also below BASE_PATH, whether or not a proxy has removed it from the path."""
    if base := settings.BASE_PATH:
        path = environ["PATH_INFO"]
        if f"{path}/".startswith(f"{base}/"):
            environ["PATH_INFO"] = path[len(base) :]
        # Of two cookies with the same name, browsers send that of the longer path first, and Django takes the last.
        if cookies := environ.get("HTTP_COOKIE"):
            environ["HTTP_COOKIE"] = ";".join(reversed(cookies.split(";")))
    return _application(environ, start_response)
