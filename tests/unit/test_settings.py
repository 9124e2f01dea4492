"""Settings as they are read from the environment, in a process of their own: Django reads them once."""

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from usermgmt.cli import ending_in_words

TOP = Path(__file__).parents[2]


def read(name: str, **environment: str) -> tuple[str, str]:
    """The value of a setting, and what was written to standard error."""
    program = f"from usermgmt import settings; print(settings.{name})"
    environment = {"PATH": os.environ["PATH"], "ENV_FILE": os.devnull, "ELASTICSEARCH_HOSTS": "http://127.0.0.1:1", **environment}
    run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    return run.stdout.strip(), run.stderr


@pytest.mark.parametrize(
    ("environment", "expected", "warns"),
    [
        ({}, "5.0", False),
        ({"CACHE_SECONDS": "7"}, "7.0", False),
        ({"KEPT_SECONDS": "7"}, "7.0", True),
        ({"KEPT_SECONDS": "7", "CACHE_SECONDS": "9"}, "9.0", False),
    ],
)
def test_renamed_setting_works_with_a_warning(environment: dict[str, str], expected: str, warns: bool) -> None:
    value, errors = read("CACHE_SECONDS", **environment)
    assert value == expected
    assert ("The setting KEPT_SECONDS is now called CACHE_SECONDS." in errors) == warns


@pytest.mark.parametrize("name", ["AUDIT", "REVIEWS", "FINDINGS", "JOBS"])
@pytest.mark.parametrize(("days", "expected"), [(None, "0:00:00"), ("", "0:00:00"), ("0", "0:00:00"), ("400", "400 days, 0:00:00")])
def test_without_a_retention_nothing_is_old(name: str, days: str | None, expected: str) -> None:
    given = {} if days is None else {f"{name}_RETENTION_DAYS": days}
    assert read(f"{name}_RETENTION", **given)[0] == expected


def start(*command: str, **environment: str) -> tuple[int, str]:
    """The exit code of a command, and all that it wrote."""
    valid = {"SECRET_KEY": "only for tests, and long enough to be taken", "ELASTICSEARCH_HOSTS": "http://127.0.0.1:1"}
    environment = {"PATH": os.environ["PATH"], "ENV_FILE": os.devnull, **valid, **environment}
    run = subprocess.run(
        [sys.executable, *command],
        cwd=TOP,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return run.returncode, run.stdout


SERVER = ("-m", "gunicorn", "--check-config", "-c", "usermgmt/gunicorn.py", "usermgmt.asgi")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ELASTICSEARCH_HOSTS", ""),
        ("ELASTICSEARCH_HOSTS", "http://elastic:canary@127.0.0.1:9200"),
        ("ELASTICSEARCH_CA_CERTS", "/nonexistent"),
        ("ELASTICSEARCH_CA_CERTS", __file__),
        ("ELASTICSEARCH_CA_FINGERPRINT", "canary"),
        ("ELASTICSEARCH_VERIFY_HOSTNAME", "perhaps"),
        ("ELASTICSEARCH_VERIFY_HOSTNAME", "false"),
        ("ELASTICSEARCH_CLIENT_CERTFILE", "/nonexistent"),
        ("ELASTICSEARCH_API_KEY", "canary canary"),
        ("ELASTICSEARCH_REQUEST_TIMEOUT", "0"),
        ("SECRET_KEY", ""),
        ("SECRET_KEY", "canary"),
        ("SECRET_KEY_FALLBACKS", "canary"),
        ("ALLOWED_HOSTS", "https://users.example.org"),
        ("CSRF_TRUSTED_ORIGINS", "users.example.org"),
        ("HTTPS", "treu"),
        ("TLS_CERTFILE", "/nonexistent"),
        ("SECRET_KEY_FILE", "/nonexistent"),
        ("ELASTICSEARCH_API_KEY_FILE", "/nonexistent"),
        ("BEHIND_PROXY", "nginx"),
        ("BASE_PATH", "es-users"),
        ("SESSION_IDLE_MINUTES", "0"),
        ("SESSION_LIFESPAN_HOURS", "99999999999"),
        ("SESSION_LIMIT", "ten"),
        ("OLD_PASSWORD_DAYS", "0"),
        ("AUDIT_RETENTION_DAYS", "-1"),
        ("AUDIT_RETENTION_DAYS", "forever"),
        ("REVIEWS_RETENTION_DAYS", "1.5"),
        ("FINDINGS_RETENTION_DAYS", "36501"),
        ("JOBS_RETENTION_DAYS", "30d"),
        ("THROTTLE_FAILURES", "0"),
        ("THROTTLE_FAILURES_IN_ALL", "1e3"),
        ("THROTTLE_ANSWER_SECONDS", "inf"),
        ("CACHE_SECONDS", "5s"),
        ("METRICS_TOKEN", "canary"),
        ("REQUEST_LOG", "perhaps"),
        ("PASSWORD_MIN_LENGTH", "5"),
        ("PASSWORD_BLOCKLIST", "/nonexistent"),
        ("LOG_LEVEL", "LOUD"),
        ("HOST", "127.0.0.1:8000"),
        ("PORT", "65536"),
        ("WEB_WORKERS", "0"),
        ("WEB_THREADS", "many"),
        ("ENV_FILE", "/nonexistent"),
    ],
)
def test_wrong_setting_is_named_in_one_line(name: str, value: str) -> None:
    environment = {"ELASTICSEARCH_HOSTS": "https://127.0.0.1:1"} | {name.removesuffix("_FILE"): ""} | {name: value}
    code, output = start(*SERVER, **environment)
    assert code == os.EX_CONFIG
    assert (output.startswith(f"Configuration: {name}"), output.count("\n")) == (True, 1), output
    assert "canary" not in output


@pytest.mark.parametrize("command", ["check", "setup_cluster", "collectstatic"])
def test_commands_name_a_wrong_setting(command: str) -> None:
    code, output = start("manage.py", command, ELASTICSEARCH_HOSTS="http://elastic:canary@127.0.0.1:9200")
    assert (code, output.count("\n")) == (os.EX_CONFIG, 1)
    assert output.startswith("Configuration: ELASTICSEARCH_HOSTS must not contain a username or password")
    assert "canary" not in output


def test_a_cancelled_command_ends_without_a_stack_trace() -> None:
    with pytest.raises(SystemExit) as ended, ending_in_words():
        raise KeyboardInterrupt
    assert ended.value.code == 130


def test_check_names_missing_keys() -> None:
    assert start("manage.py", "check", ELASTICSEARCH_API_KEY="a-key", HTTPS="false") == (
        0,
        "System check identified no issues (1 silenced).\n",
    )
    code, output = start("manage.py", "check")
    assert (code, "ELASTICSEARCH_API_KEY is not set" in output) == (0, True), "it only warns: pages say so too"
    code, output = start("manage.py", "check", "--deploy", "--tag", "cluster")
    assert (code, "Nobody can sign in without ELASTICSEARCH_API_KEY." in output) == (1, True)
    code, output = start("manage.py", "check", SECRET_KEY="", ELASTICSEARCH_API_KEY="a-key")
    assert (code, "SECRET_KEY is not set" in output, "Traceback" in output) == (1, True, False)


@pytest.mark.parametrize("https", ["true", "false"])
def test_check_speaks_of_settings_of_usermgmt(https: str) -> None:
    """Not of those of Django, which nobody can set."""
    _, output = start("manage.py", "check", "--deploy", HTTPS=https, SECRET_KEY=secrets.token_urlsafe(48))
    assert ("accounts.E003" in output, "security." in output) == (True, False), output


def test_tls_needs_secure_cookies() -> None:
    code, output = start(*SERVER, TLS_CERTFILE=__file__, TLS_KEYFILE=__file__, HTTPS="false")
    assert (code, output) == (os.EX_CONFIG, "Configuration: HTTPS must be true if TLS_CERTFILE is set.\n")


def test_one_way_to_name_the_authority() -> None:
    code, output = start(*SERVER, ELASTICSEARCH_CA_CERTS="/any", ELASTICSEARCH_CA_FINGERPRINT="ab" * 32)
    assert code == os.EX_CONFIG
    assert output == "Configuration: ELASTICSEARCH_CA_CERTS and ELASTICSEARCH_CA_FINGERPRINT must not both be set.\n"


def test_files_for_tls_are_not_used_without_https() -> None:
    names = ("ELASTICSEARCH_CA_CERTS", "ELASTICSEARCH_CLIENT_CERTFILE", "ELASTICSEARCH_CLIENT_KEYFILE")
    code, output = start(*SERVER, **dict.fromkeys(names, "/not/used/without/https"), ELASTICSEARCH_VERIFY_HOSTNAME="false")
    assert (code, "Configuration" in output) == (0, False), output


def test_server_starts_with_valid_settings() -> None:
    code, output = start(*SERVER, SECRET_KEY=f"${'k' * 40}", ELASTICSEARCH_CA_CERTS="/not/used/without/https", SESSION_LIMIT="")
    assert (code, "Configuration" in output) == (0, False), output
    assert read("SECRET_KEY", SECRET_KEY=f"${'k' * 40}")[0] == f"${'k' * 40}"
    assert read("WEB_BIND", HOST="::", PORT="8001")[0] == "[::]:8001"
    assert read("WEB_BIND", HOST="unix:/run/usermgmt.sock")[0] == "unix:/run/usermgmt.sock"


@pytest.mark.parametrize(
    ("environment", "prefix"),
    [
        ({}, "__Host-"),
        ({"BASE_PATH": "/"}, "__Host-"),
        ({"BASE_PATH": "/es-users"}, "__Secure-"),  # browsers accept __Host- only for the path "/"
        ({"HTTPS": "false"}, ""),
        ({"HTTPS": "false", "BASE_PATH": "/es-users"}, ""),
    ],
)
def test_prefix_of_cookies(environment: dict[str, str], prefix: str) -> None:
    assert read("SESSION_COOKIE_NAME", **environment)[0] == f"{prefix}usermgmt_session"
    assert read("CSRF_COOKIE_NAME", **environment)[0] == f"{prefix}usermgmt_csrf"
    assert read("DEVICE_COOKIE_NAME", **environment)[0] == f"{prefix}usermgmt_device"
