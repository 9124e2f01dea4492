"""Django's settings, from the environment or the file that ENV_FILE names (default: .env, or /etc/usermgmt/env of a package).

README.md explains each variable.
"""

import importlib.util
import os
import warnings
from datetime import timedelta
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from usermgmt import configuration, paths

BASE_DIR = paths.FILES

env = configuration.Environment(os.environ, paths.DEFAULT_ENV_FILE)

# Old names of settings still work.
RENAMED = {"KEPT_SECONDS": "CACHE_SECONDS"}
for _old, _new in RENAMED.items():
    if env.rename(_old, _new):
        warnings.warn(f"The setting {_old} is now called {_new}.", FutureWarning, stacklevel=1)

# --- the product -----------------------------------------------------------------------------------------------------

ELASTICSEARCH_HOSTS = env.parsed("ELASTICSEARCH_HOSTS", configuration.node_urls)
# Without HTTPS the files aren't used.
_uses_tls = any(host.startswith("https:") for host in ELASTICSEARCH_HOSTS)
ELASTICSEARCH_CA_CERTS = env.certificates("ELASTICSEARCH_CA_CERTS") if _uses_tls else env.text("ELASTICSEARCH_CA_CERTS")
ELASTICSEARCH_CA_FINGERPRINT = env.parsed("ELASTICSEARCH_CA_FINGERPRINT", configuration.fingerprint)
if ELASTICSEARCH_CA_CERTS and ELASTICSEARCH_CA_FINGERPRINT:
    raise ImproperlyConfigured("ELASTICSEARCH_CA_CERTS and ELASTICSEARCH_CA_FINGERPRINT must not both be set.")
ELASTICSEARCH_VERIFY_HOSTNAME = env.flag("ELASTICSEARCH_VERIFY_HOSTNAME", default=True)
if not (ELASTICSEARCH_VERIFY_HOSTNAME or ELASTICSEARCH_CA_CERTS or ELASTICSEARCH_CA_FINGERPRINT):
    raise ImproperlyConfigured(
        "ELASTICSEARCH_VERIFY_HOSTNAME must be true without ELASTICSEARCH_CA_CERTS or ELASTICSEARCH_CA_FINGERPRINT: the "
        "certificate of any website would be accepted."
    )
ELASTICSEARCH_CLIENT_CERTFILE = env.text("ELASTICSEARCH_CLIENT_CERTFILE")
ELASTICSEARCH_CLIENT_KEYFILE = env.text("ELASTICSEARCH_CLIENT_KEYFILE")
if _uses_tls:
    configuration.require_client_certificate(ELASTICSEARCH_CLIENT_CERTFILE, ELASTICSEARCH_CLIENT_KEYFILE)
ELASTICSEARCH_API_KEY = env.parsed("ELASTICSEARCH_API_KEY", configuration.api_key)
ELASTICSEARCH_REQUEST_TIMEOUT = env.number("ELASTICSEARCH_REQUEST_TIMEOUT", 10.0, minimum=0.1)

SESSION_IDLE = timedelta(minutes=env.integer("SESSION_IDLE_MINUTES", 30, minimum=1, maximum=525_600))
SESSION_LIFESPAN = timedelta(hours=env.integer("SESSION_LIFESPAN_HOURS", 12, minimum=1, maximum=8_760))
SESSION_LIMIT = env.integer("SESSION_LIMIT", 10, minimum=1)
# How long the privileges of an operator are cached. The cluster checks them at
# every change in any case.
PRIVILEGES_FRESH_FOR = timedelta(seconds=60)

# After how many days a password is a finding.
OLD_PASSWORD_DAYS = env.integer("OLD_PASSWORD_DAYS", 365, minimum=1, maximum=36_500)

# After how many days `delete_old_records` deletes what usermgmt has stored; 0: never.
AUDIT_RETENTION = timedelta(days=env.integer("AUDIT_RETENTION_DAYS", 0, minimum=0, maximum=36_500))
REVIEWS_RETENTION = timedelta(days=env.integer("REVIEWS_RETENTION_DAYS", 0, minimum=0, maximum=36_500))
FINDINGS_RETENTION = timedelta(days=env.integer("FINDINGS_RETENTION_DAYS", 0, minimum=0, maximum=36_500))
JOBS_RETENTION = timedelta(days=env.integer("JOBS_RETENTION_DAYS", 0, minimum=0, maximum=36_500))

# Wrong passwords in 15 minutes before the next attempt is delayed: for a username from one IP address or known browser, and
# for a username from all IP addresses or an IP address with all usernames.
THROTTLE_FAILURES = env.integer("THROTTLE_FAILURES", 5, minimum=1)
THROTTLE_FAILURES_IN_ALL = env.integer("THROTTLE_FAILURES_IN_ALL", 20, minimum=1)
# The response time for a wrong password, from the arrival of the request.
THROTTLE_ANSWER_SECONDS = env.number("THROTTLE_ANSWER_SECONDS", 1.0, minimum=0)
# Whether an API key can be entered instead of a username and a password.
API_KEY_SIGN_IN = env.flag("API_KEY_SIGN_IN", default=False)

# How long `accounts/services/client/cache.py` caches an answer, for all operators with the same privileges.
CACHE_SECONDS = env.number("CACHE_SECONDS", 5.0, minimum=0)
# How long a rendered template is cached (accounts/views/page_cache.py); 0 in development.
PAGE_CACHE_SECONDS = 300

# The password policy (accounts/services/passwords/policy.py).
PASSWORD_MIN_LENGTH = env.integer("PASSWORD_MIN_LENGTH", 8, minimum=6, maximum=72)  # Elasticsearch's minimum, bcrypt's maximum
PASSWORD_BLOCKLIST = env.file("PASSWORD_BLOCKLIST")

# Elasticsearch's user API, on the paths of Elasticsearch (accounts/user_api); "only": without pages.
USER_API = env.choice("USER_API", ("on", "off", "only"), "on", "on, off, or only")
# Whether the user API accepts password hashes, which no password policy can check.
USER_API_PASSWORD_HASHES = env.flag("USER_API_PASSWORD_HASHES", default=True)
# Requests of one address that each process answers in a minute (accounts/user_api/rate_limit.py); 0: no limit.
USER_API_REQUESTS_PER_MINUTE = env.integer("USER_API_REQUESTS_PER_MINUTE", 60_000, minimum=0)
LARGEST_API_REQUEST = 10 << 20  # bytes, also unpacked

# What monitoring sends to /metrics; "" turns it off.
METRICS_TOKEN = env.parsed("METRICS_TOKEN", configuration.bearer_token)
# Whether each request is logged (accounts/observation.py).
REQUEST_LOG = env.flag("REQUEST_LOG", default=False)

# --- Django ----------------------------------------------------------------------------------------------------------

# Empty only until setup_cluster generates one: Django doesn't start without it.
SECRET_KEY = env.secret("SECRET_KEY")
SECRET_KEY_FALLBACKS = env.parsed("SECRET_KEY_FALLBACKS", configuration.keys)
if SECRET_KEY and len(SECRET_KEY) < 32:
    raise ImproperlyConfigured(f"SECRET_KEY must have at least 32 characters. `{paths.SETUP_CLUSTER}` generates one.")
MISSING_KEYS = [name for name in ("SECRET_KEY", "ELASTICSEARCH_API_KEY") if not globals()[name]]

DEBUG = False
ALLOWED_HOSTS = env.parsed("ALLOWED_HOSTS", configuration.hostnames, default="localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.parsed("CSRF_TRUSTED_ORIGINS", configuration.origins)
# In front of all URLs, static files, and cookies (usermgmt/wsgi.py removes it from requests); "" for none.
BASE_PATH = env.parsed("BASE_PATH", configuration.base_path)
FORCE_SCRIPT_NAME = BASE_PATH or None
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

# Of a form: two values for each of thousands of roles.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 << 20  # bytes, without files
FILE_UPLOAD_HANDLERS = ["usermgmt.uploads.UnnamedFileUploadHandler"]
# Bytes: two exports to compare. Django ignores the body of a request without a length.
LARGEST_REQUEST = 101 << 20
# Concurrent requests of one process.
WEB_THREADS = env.integer("WEB_THREADS", 16, minimum=1, maximum=1_000)
# Only for gunicorn (usermgmt/gunicorn.py).
WEB_WORKERS = env.integer("WEB_WORKERS", 1, minimum=1, maximum=1_000)
_host, _port = env.parsed("HOST", configuration.bind_host, default="127.0.0.1"), env.integer("PORT", 8000, minimum=0, maximum=65535)
WEB_BIND = _host if _host.startswith("unix:") else f"{_host}:{_port}"

MIDDLEWARE = [
    "accounts.middleware.request_id",
    "accounts.middleware.health_checks",
    "accounts.observation.observed",
    "accounts.user_api.middleware.user_api",
    "accounts.middleware.cookie_path",
    "accounts.middleware.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "accounts.middleware.page_headers",
    "accounts.middleware.proxy_is_configured",
    "accounts.middleware.bounded",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.middleware.reader_time_zone",
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
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_AGE = None  # until the browser is closed, like the session cookie
CSRF_FAILURE_VIEW = "accounts.views.expired_form.csrf_failure"
MESSAGE_STORAGE = "django.contrib.messages.storage.fallback.FallbackStorage"
LOGIN_URL = "login"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "accounts.services.passwords.policy.LengthValidator", "OPTIONS": {"min_length": PASSWORD_MIN_LENGTH}},
    {"NAME": "accounts.services.passwords.policy.BytesValidator"},
    {"NAME": "accounts.services.passwords.policy.SimilarityValidator"},
    {"NAME": "accounts.services.passwords.policy.CommonPasswordValidator"},
]
if PASSWORD_BLOCKLIST:
    AUTH_PASSWORD_VALIDATORS.append(
        {"NAME": "accounts.services.passwords.policy.BlocklistValidator", "OPTIONS": {"path": PASSWORD_BLOCKLIST}}
    )

HTTPS = env.flag("HTTPS", default=True)
# Only the server and `check` read it (configuration.require_encryption).
ALLOW_HTTP = env.flag("ALLOW_HTTP", default=False)
# Of a server without a proxy; only the server and `check` read them (configuration.require_server_certificate).
TLS_CERTFILE, TLS_KEYFILE = env.text("TLS_CERTFILE"), env.text("TLS_KEYFILE")
# By the name of the setting, for checks.
SECRET_FILES = {
    **env.secret_files,
    **({"TLS_KEYFILE": TLS_KEYFILE} if TLS_KEYFILE else {}),
    **({"ELASTICSEARCH_CLIENT_KEYFILE": ELASTICSEARCH_CLIENT_KEYFILE} if ELASTICSEARCH_CLIENT_KEYFILE else {}),
}
if TLS_CERTFILE and not HTTPS:
    raise ImproperlyConfigured("HTTPS must be true if TLS_CERTFILE is set.")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
# Browsers accept cookies with a prefix only over HTTPS, and `__Host-` only from this host and for the path "/".
_prefix = "" if not HTTPS else "__Secure-" if BASE_PATH else "__Host-"
SESSION_COOKIE_NAME = f"{_prefix}usermgmt_session"
CSRF_COOKIE_NAME = f"{_prefix}usermgmt_csrf"
DEVICE_COOKIE_NAME = f"{_prefix}usermgmt_device"
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_SSL_REDIRECT = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
BEHIND_PROXY = env.flag("BEHIND_PROXY", default=False)
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# Sent with every page. All scripts, styles, and images are our own static files.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'"
)

STATIC_URL = f"{BASE_PATH}/static/"
STATIC_ROOT = Path(env.text("STATIC_ROOT") or BASE_DIR / "staticfiles")
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

SILENCED_SYSTEM_CHECKS = [
    "templates.W003",  # icons come by heroicons' own name on purpose (accounts/templatetags/icons.py)
    "security.W001",  # not found, because ours is a subclass (accounts/middleware.py)
    "security.W016",  # HTTPS=false, in words of Django; the page System says what it means (accounts/unsafe_settings.py)
]

LOG_LEVEL = env.choice("LOG_LEVEL", ("debug", "info", "warning", "error"), "info", "DEBUG, INFO, WARNING, or ERROR").upper()
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "usermgmt.logging.RequestIdFilter"}},
    "formatters": {"ecs": {"()": "ecs_logging.StdlibFormatter", "exclude_fields": ["log.original", "process"]}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "ecs", "filters": ["request_id"]}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        # The client logs every request with its path, which can have usernames; failures are in our own log lines.
        "elastic_transport": {"level": "ERROR"},
        "elasticsearch": {"level": "ERROR"},
        # Only REQUEST_LOG decides about these lines.
        "usermgmt.requests": {"level": "INFO"},
        "django.server": {"handlers": [], "propagate": True},
        # Without DEBUG: those lines have the paths of requests.
        "gunicorn.error": {"handlers": [], "propagate": True, "level": "INFO" if LOG_LEVEL == "DEBUG" else LOG_LEVEL},
    },
}
