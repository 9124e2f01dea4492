"""What a password must be: typed, made, and configured."""

import gzip
import os
import re
import string
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from pytest_django import Settings

from accounts.checks import password_blocklist_is_readable
from accounts.services.passwords import policy as password_policy
from accounts.services.users import User

ROOT = Path(__file__).parents[2]
JANE = User("jdoe-the-first", "Jane Mary Roe-Smithson", "j.miller@example.org")
NFD = "e\u0301"


def problems(password: str) -> list[str]:
    try:
        password_policy.validate(password, JANE)
    except ValidationError as exc:
        return exc.messages
    return []


@pytest.mark.parametrize(
    ("password", "message"),
    [
        ("q7zx%wv", "Password must be at least 8 characters."),
        ("🔑" * 7, "Password must be at least 8 characters."),
        ("q" * 73, "Password can't be longer than 72 bytes, because Elasticsearch ignores the rest."),
        ("ж" * 37, "Password can't be longer than 72 bytes, because Elasticsearch ignores the rest."),
        ("q7zx%\0wvut", "Password must not contain a null character."),
        ("q7zx%\ufffdwvut", "Password must be valid UTF-8 text."),
        ("q7zx%" + os.fsdecode(b"\xff") + "wvut", "Password must be valid UTF-8 text."),
        ("Password123", "This password is too common."),
        (" password ", "This password is too common."),
        ("JDoe-the-First", "Password is too similar to the username."),
        ("roe-smithson", "Password is too similar to the full name."),
        ("J.Miller@example.org", "Password is too similar to the email address."),
        ("example1", "Password is too similar to the email address."),
    ],
)
def test_rejected_passwords_and_reasons(password: str, message: str) -> None:
    assert problems(password) == [message]


@pytest.mark.parametrize(
    "password",
    [
        "alllower",
        "milli orange elm fix",
        "        ",
        "🔑" * 8,
        NFD * 4,
        "é" * 8,
        "ж" * 36,
        "q" * 72,
        "  q7zx%wv  ",
        "q\r\n\t7zx%wv",
    ],
)
def test_anything_else_will_do(password: str) -> None:
    """No kinds of characters are asked for; characters are code points, so that an accent of its own counts."""
    assert problems(password) == []


def block(settings: Settings, path: Path) -> None:
    settings.PASSWORD_BLOCKLIST = str(path)
    blocklist = {"NAME": "accounts.services.passwords.policy.BlocklistValidator", "OPTIONS": {"path": str(path)}}
    settings.AUTH_PASSWORD_VALIDATORS = [*settings.AUTH_PASSWORD_VALIDATORS, blocklist]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_password_blocklist(settings: Settings, tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    listed = tmp_path / "blocklist"
    listed.write_bytes(pack(b"caf\xe9-in-latin-1\nAcme-Rockets\nacme-anvils\n"))
    block(settings, listed)

    assert not password_blocklist_is_readable()
    assert problems("ACME-rockets") == ["This password is on your organization's blocklist."]
    assert problems("acme-glue-pot") == []


PACKED = gzip.compress(b"acme-anvils")


@pytest.mark.parametrize("content", [PACKED[:-4], PACKED[:10] + b"\xff" * 8 + PACKED[18:]], ids=["truncated", "damaged"])
def test_broken_blocklist_is_named_by_the_check(settings: Settings, tmp_path: Path, content: bytes) -> None:
    listed = tmp_path / "blocklist.gz"
    listed.write_bytes(content)
    block(settings, listed)
    [error] = password_blocklist_is_readable()
    assert error.msg.startswith(f"PASSWORD_BLOCKLIST: the file {listed} can't be read")


def test_generated_password_is_random_without_quoting() -> None:
    made = [password_policy.generate() for _ in range(200)]

    assert len(set(made)) == 200
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{19}", password) for password in made)
    assert not [problem for password in made for problem in problems(password)]
    used = set("".join(made))
    assert used == set(string.ascii_letters + string.digits + "_") - set("IlO01")


def test_generated_password_has_policy_length(settings: Settings) -> None:
    settings.PASSWORD_MIN_LENGTH = 24
    assert len(password_policy.generate()) == 24


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PASSWORD_MIN_LENGTH", "5", "PASSWORD_MIN_LENGTH must be a whole number from 6 to 72"),
        ("PASSWORD_MIN_LENGTH", "73", "PASSWORD_MIN_LENGTH must be a whole number from 6 to 72"),
        ("PASSWORD_BLOCKLIST", "/no/such/file", "can't be read"),
    ],
)
def test_invalid_policy_stops_the_start(name: str, value: str, words: str) -> None:
    command = [sys.executable, "-c", "from usermgmt import settings"]
    environment = {**os.environ, "ELASTICSEARCH_HOSTS": "http://127.0.0.1:1", "ENV_FILE": os.devnull, name: value}
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert "ImproperlyConfigured" in result.stderr
    assert words in result.stderr
