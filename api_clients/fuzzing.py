"""Generated requests from the OpenAPI description: no response may be a 5xx, or one that the description doesn't have."""

import os
import re
import subprocess
from collections.abc import Mapping
from typing import Final

from api_clients.programs import HERE, INSTALLED, PYTHON, ProgramFailed

# Of the checks, those about responses. What a body may have is for the cluster to decide, so the description doesn't say it all.
CHECKS: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "ignored_auth",
    "use_after_free",
)
GENERATED: Final = re.compile(r"(\d+) generated")


def fuzz(url: str, examples: int, environment: Mapping[str, str]) -> str:
    """Send up to this many requests for each operation, and those of other phases; returns a text with their number.

    Raises ProgramFailed.
    """
    command = [
        str(PYTHON / "schemathesis"),
        "--config-file",
        str(HERE / "schemathesis.toml"),
        "run",
        f"{url}/_security/openapi.json",
    ]
    done = subprocess.run(
        [*command, "--no-color", "--checks", ",".join(CHECKS), "--max-examples", str(examples)],
        cwd=INSTALLED,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    sent = GENERATED.search(done.stdout)
    if done.returncode or not sent:
        raise ProgramFailed(f"schemathesis found:\n{done.stdout}")
    return f"{sent[1]} generated requests"
