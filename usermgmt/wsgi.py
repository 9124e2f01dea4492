"""The product as a WSGI application."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "usermgmt.settings")

# Fails here, not at the first request, when there is none.
settings.SECRET_KEY  # noqa: B018

application = get_wsgi_application()
