"""usermgmt.settings for script/dev: changes show at the next reload of a page, and errors have Django's debug page."""

import os
import sys
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

if Path(sys.argv[0]).name not in ("manage.py", "pytest", "__main__.py"):
    raise ImproperlyConfigured("usermgmt.dev.settings show internals in error pages: only `manage.py runserver` can use them.")

os.environ.update(
    HTTPS="false",
    BEHIND_PROXY="false",
    BASE_PATH="",
    CACHE_SECONDS="0",
    ALLOWED_HOSTS="127.0.0.1,localhost,[::1]",
)

from usermgmt.settings import *  # noqa: F403

DEBUG = True  # WhiteNoise then looks up each static file again
INSTALLED_APPS = ["usermgmt.dev", *INSTALLED_APPS]  # noqa: F405  # its runserver comes first
MIDDLEWARE = ["usermgmt.dev.middleware.local_only", *MIDDLEWARE]  # noqa: F405
DEFAULT_EXCEPTION_REPORTER = "usermgmt.dev.debug_page.ExceptionReporter"
DEFAULT_EXCEPTION_REPORTER_FILTER = "usermgmt.dev.debug_page.ExceptionReporterFilter"

# Browsers send a cookie to every port of a host: the demo's own session is to stay as it is.
SESSION_COOKIE_NAME = "usermgmt_dev_session"
CSRF_COOKIE_NAME = "usermgmt_dev_csrf"

CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
PAGE_CACHE_SECONDS = 0
STORAGES = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
# Without the cached loader.
TEMPLATES[0]["APP_DIRS"] = False  # noqa: F405
TEMPLATES[0]["OPTIONS"]["loaders"] = [  # type: ignore[index]  # noqa: F405
    "django.template.loaders.filesystem.Loader",
    "django.template.loaders.app_directories.Loader",
]

# Readable lines, and no second handler of Django.
LOGGING["formatters"]["ecs"] = {"format": "%(levelname)s %(name)s: %(message)s"}  # type: ignore[index]  # noqa: F405
LOGGING["loggers"]["django"] = {"handlers": []}  # type: ignore[index]  # noqa: F405
