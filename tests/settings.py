"""The product's own settings, without a person's .env; a test that needs a node points them to it."""

import os

os.environ.update(
    ENV_FILE=os.devnull,
    SECRET_KEY="only for tests, and long enough to be taken",
    ELASTICSEARCH_HOSTS="http://127.0.0.1:1",  # nothing answers there
    ELASTICSEARCH_API_KEY="",
    HTTPS="false",
    CACHE_SECONDS="0",  # tests change things behind the product's back
    # Many tests sign in with a wrong password, all from one address; those of the throttle set their own limits.
    THROTTLE_FAILURES="1000000",
    THROTTLE_FAILURES_IN_ALL="1000000",
    THROTTLE_ANSWER_SECONDS="0",
)

from usermgmt.settings import *  # noqa: F403

ALLOWED_HOSTS = ["testserver", "127.0.0.1"]
STORAGES = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
# Static files are the browser tests' matter, which run the real server; a clean checkout has none collected.
MIDDLEWARE = [middleware for middleware in MIDDLEWARE if not middleware.startswith("whitenoise.")]  # noqa: F405
