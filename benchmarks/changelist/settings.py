"""The settings of `startproject` for production, with PostgreSQL and persistent connections."""

import os
from typing import Any

SECRET_KEY = os.environ["CHANGELIST_SECRET_KEY"]
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "benchmarks.changelist.urls"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "benchmarks.changelist",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "postgres",
        "USER": "benchmark",
        "HOST": os.environ["CHANGELIST_SOCKET"],
        "CONN_MAX_AGE": None,
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "static/"
USE_TZ = True

# What the settings of the server (usermgmt/web_settings.py) read.
MISSING_KEYS: list[str] = []
LOGGING: dict[str, Any] = {"version": 1, "disable_existing_loggers": False}
WEB_BIND = f"{os.environ.get('HOST')}:{os.environ.get('PORT')}"
WEB_WORKERS = 1
TLS_CERTFILE = TLS_KEYFILE = METRICS_TOKEN = ""
HTTPS = ALLOW_HTTP = BEHIND_PROXY = False
