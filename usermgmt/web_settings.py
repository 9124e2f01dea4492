"""Prints the settings of gunicorn, and all variables of the environment and the file, as JSON.

A wrong setting ends it with one line, where a process of gunicorn has a traceback.
"""

import json
import os
import sys

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from usermgmt import configuration
from usermgmt.paths import ENV_FILE_NAME, SETUP_CLUSTER

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "usermgmt.settings")
    try:
        if "SECRET_KEY" in settings.MISSING_KEYS:
            raise ImproperlyConfigured(f"SECRET_KEY is not set. `{SETUP_CLUSTER} --env-file {ENV_FILE_NAME}` generates it.")
        configuration.require_server_certificate(settings.TLS_CERTFILE, settings.TLS_KEYFILE)
        configuration.require_encryption(settings.WEB_BIND, https=settings.HTTPS, allows_http=settings.ALLOW_HTTP)
        values = {
            "bind": settings.WEB_BIND,
            "workers": settings.WEB_WORKERS,
            "certfile": settings.TLS_CERTFILE,
            "keyfile": settings.TLS_KEYFILE,
            "behind_proxy": settings.BEHIND_PROXY,
            "has_metrics": bool(settings.METRICS_TOKEN),
            "logging": settings.LOGGING,
            "variables": dict(os.environ),
        }
        print(json.dumps(values))  # noqa: T201
    except ImproperlyConfigured as exc:
        print(f"Configuration: {exc}", file=sys.stderr)  # noqa: T201
        sys.exit(os.EX_CONFIG)
