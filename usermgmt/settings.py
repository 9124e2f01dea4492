"""Django's settings, from the environment or the file that ENV_FILE names (default: .env). README.md explains each variable."""

import importlib.util
import os
import warnings
from datetime import timedelta
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
env.read_env(os.environ.get("ENV_FILE", BASE_DIR / ".env"))

# Old names of settings still work.
RENAMED = {"KEPT_SECONDS": "CACHE_SECONDS"}
for _old, _new in RENAMED.items():
    if _old in env.ENVIRON and _new not in env.ENVIRON:
        warnings.warn(f"The setting {_old} is now called {_new}.", FutureWarning, stacklevel=1)
        env.ENVIRON[_new] = env.ENVIRON[_old]

# --- the product -----------------------------------------------------------------------------------------------------

ELASTICSEARCH_HOSTS: list[str] = env.list("ELASTICSEARCH_HOSTS")
ELASTICSEARCH_CA_CERTS: str = env.str("ELASTICSEARCH_CA_CERTS", default="")
ELASTICSEARCH_API_KEY: str = env.str("ELASTICSEARCH_API_KEY", default="")
ELASTICSEARCH_VERIFY_HOSTNAME = True  # turned off only where a node is recognized by its own certificate (reset_password)
ELASTICSEARCH_REQUEST_TIMEOUT: float = env.float("ELASTICSEARCH_REQUEST_TIMEOUT", default=10.0)

SESSION_IDLE = timedelta(minutes=env.int("SESSION_IDLE_MINUTES", default=30))
SESSION_LIFESPAN = timedelta(hours=env.int("SESSION_LIFESPAN_HOURS", default=12))
SESSION_LIMIT: int = env.int("SESSION_LIMIT", default=10)
if SESSION_LIMIT < 1:
    raise ImproperlyConfigured("SESSION_LIMIT must be at least 1.")
# How long the privileges of an operator are cached. The cluster checks them at
# every change in any case.
PRIVILEGES_FRESH_FOR = timedelta(seconds=60)

# Wrong passwords in 15 minutes before the next attempt is delayed: for a username from one IP address or known browser, and
# for a username from all IP addresses or an IP address with all usernames.
THROTTLE_FAILURES: int = env.int("THROTTLE_FAILURES", default=5)
THROTTLE_FAILURES_IN_ALL: int = env.int("THROTTLE_FAILURES_IN_ALL", default=20)
# The response time for a wrong password, from the arrival of the request.
THROTTLE_ANSWER_SECONDS: float = env.float("THROTTLE_ANSWER_SECONDS", default=1.0)

# How long roles and reserved users are cached, which are the same for all operators who can view them.
CACHE_SECONDS: float = env.float("CACHE_SECONDS", default=5.0)
# How long a rendered template is cached (accounts/views/users/page_cache.py); 0 in development.
PAGE_CACHE_SECONDS = 300

# The password policy (accounts/services/passwords/policy.py).
PASSWORD_MIN_LENGTH: int = env.int("PASSWORD_MIN_LENGTH", default=8)
PASSWORD_BLOCKLIST: str = env.str("PASSWORD_BLOCKLIST", default="")
if not 6 <= PASSWORD_MIN_LENGTH <= 72:
    raise ImproperlyConfigured(
        "PASSWORD_MIN_LENGTH must be between 6 (the minimum of Elasticsearch) and 72 (the maximum of bcrypt)."
    )
if PASSWORD_BLOCKLIST and not (Path(PASSWORD_BLOCKLIST).is_file() and os.access(PASSWORD_BLOCKLIST, os.R_OK)):
    raise ImproperlyConfigured(f"PASSWORD_BLOCKLIST: the file {PASSWORD_BLOCKLIST} can't be read.")

# --- Django ----------------------------------------------------------------------------------------------------------

# Empty only until setup_cluster generates one: Django doesn't start without it.
SECRET_KEY: str = env.str("SECRET_KEY", default="")
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", default=[])
if SECRET_KEY and len(SECRET_KEY) < 32:
    raise ImproperlyConfigured("SECRET_KEY must have at least 32 characters. `manage.py setup_cluster` generates one.")

DEBUG = False
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])
ROOT_URLCONF = "usermgmt.urls"
WSGI_APPLICATION = "usermgmt.wsgi.application"
DATABASES: dict[str, dict[str, str]] = {}

INSTALLED_APPS = [
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "django_htmx",
    "heroicons",
    "accounts",
]

# Bytes: two exports to compare. Django ignores the body of a request without a length.
LARGEST_REQUEST = 101 << 20
# Concurrent requests of one process.
WEB_THREADS: int = env.int("WEB_THREADS", default=16)
if WEB_THREADS < 1:
    raise ImproperlyConfigured("WEB_THREADS must be at least 1.")

MIDDLEWARE = [
    "accounts.middleware.request_id",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "accounts.middleware.page_headers",
    "accounts.middleware.bounded",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "accounts.middleware.csrf_cookie_once",
    "django.contrib.messages.middleware.MessageMiddleware",
    "accounts.middleware.OperatorMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "libraries": {"heroicons": "accounts.templatetags.icons"},
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.messages.context_processors.messages",
                "accounts.context_processors.page",
            ],
        },
    },
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# Each session is a document in Elasticsearch (accounts/services/sessions/store.py). The cookie expires when the browser is
# closed; the server enforces idle time and lifespan.
SESSION_ENGINE = "accounts.services.sessions.store"
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_NAME = "usermgmt_session"
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "usermgmt_csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_AGE = None  # until the browser is closed, like the session cookie
CSRF_FAILURE_VIEW = "accounts.views.errors.csrf_failure"
MESSAGE_STORAGE = "django.contrib.messages.storage.fallback.FallbackStorage"
LOGIN_URL = "login"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "accounts.services.passwords.policy.LengthValidator", "OPTIONS": {"min_length": PASSWORD_MIN_LENGTH}},
    {"NAME": "accounts.services.passwords.policy.BytesValidator"},
    {"NAME": "accounts.services.passwords.policy.SimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
if PASSWORD_BLOCKLIST:
    AUTH_PASSWORD_VALIDATORS.append(
        {"NAME": "accounts.services.passwords.policy.BlocklistValidator", "OPTIONS": {"path": PASSWORD_BLOCKLIST}}
    )

HTTPS: bool = env.bool("HTTPS", default=True)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
BEHIND_PROXY: bool = env.bool("BEHIND_PROXY", default=False)
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# Sent with every page. All scripts, styles, and images are our own static files.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'"
)

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
# Only the static files of django_tomselect are used; as an installed app it would require contrib.auth.
_tomselect = importlib.util.find_spec("django_tomselect")
if _tomselect is None or _tomselect.origin is None:
    raise ImproperlyConfigured("django-tomselect is not installed. See requirements.txt.")
STATICFILES_DIRS = [
    BASE_DIR / "static",
    ("django_tomselect", Path(_tomselect.origin).parent / "static" / "django_tomselect"),
]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "usermgmt.bundles.BundlesFinder",
]
STORAGES = {"staticfiles": {"BACKEND": "usermgmt.storage.StaticFilesStorage"}}

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "usermgmt.logging.RequestIdFilter"}},
    "formatters": {"ecs": {"()": "ecs_logging.StdlibFormatter", "exclude_fields": ["log.original", "process"]}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "ecs", "filters": ["request_id"]}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        # The client logs every request with its path, which can have usernames; failures are in our own log lines.
        "elastic_transport": {"level": "ERROR"},
        "elasticsearch": {"level": "ERROR"},
        "django.server": {"handlers": [], "propagate": True},
    },
}
