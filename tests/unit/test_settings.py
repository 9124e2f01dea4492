"""Settings as they are read from the environment, in a process of their own: Django reads them once."""

import os
import subprocess
import sys

import pytest


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
