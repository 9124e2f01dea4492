"""The WSGI application."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "usermgmt.settings")

# Without a key, fail here instead of at the first request.
settings.SECRET_KEY  # noqa: B018

application = get_wsgi_application()
