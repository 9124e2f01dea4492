"""`python -m api_clients`: run by script/api-clients after it has installed the clients."""

import argparse
import difflib
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from elasticsearch import Elasticsearch

from api_clients.fuzzing import fuzz
from api_clients.programs import PROGRAMS, Program, ProgramFailed, changes
from benchmarks import product
from benchmarks.processes import NotStarted
from local_cluster import Cluster, LocalClusterError, available_versions, basic

SCHEMATHESIS: Final = "schemathesis"
NAMES: Final = (*(program.name for program in PROGRAMS), SCHEMATHESIS)
# Wrong credentials are among what is generated. A 429 isn't: clients would wait and repeat it.
UNTHROTTLED: Final = {
    "THROTTLE_FAILURES": "1000000",
    "THROTTLE_FAILURES_IN_ALL": "1000000",
    "THROTTLE_ANSWER_SECONDS": "0",
    "USER_API_REQUESTS_PER_MINUTE": "0",
}


def main() -> int:
    """Run the clients against each version, and print the result of each; returns the exit status."""
    options = _options()
    passed = failed = skipped = 0
    try:
        for version in options.version or available_versions():
            print(f"Elasticsearch {version}")
            with tempfile.TemporaryDirectory(prefix="usermgmt-clients-") as folder:
                for result in _run(Path(folder), version, options.clients or NAMES, options.examples):
                    print(f"  {result}", flush=True)
                    passed += result.startswith("passed")
                    failed += result.startswith("FAILED")
                    skipped += result.startswith("skipped")
    except (LocalClusterError, NotStarted) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="script/api-clients", description="Runs clients of Elasticsearch's user API against a node and against usermgmt."
    )
    # argparse takes the empty list for a choice.
    parser.add_argument("clients", nargs="*", choices=[*NAMES, []], metavar="client", help=f"{', '.join(NAMES)} (default: all)")
    parser.add_argument("--version", action="append", choices=available_versions(), help="of Elasticsearch (default: all)")
    parser.add_argument(
        "--examples", type=int, default=40, help="generated requests for each of about 30 operations (default: %(default)s)"
    )
    return parser.parse_args()


def _run(folder: Path, version: str, names: Sequence[str], examples: int) -> Iterable[str]:
    """A line for each client."""
    with Cluster(folder / "node", version) as cluster:
        password = product.set_up(cluster, folder)
        owner = cluster.client().options(basic_auth=basic(product.ADMINISTRATOR, password))
        credentials = {
            "API_USERNAME": product.ADMINISTRATOR,
            "API_PASSWORD": password,
            "API_KEY": owner.security.create_api_key(name="api-clients")["encoded"],
        }
        with product.served(folder, **UNTHROTTLED) as web:
            for program in PROGRAMS:
                if program.name in names and program.node_major in (0, int(version.partition(".")[0])):
                    yield _compared(program, cluster, web.url, folder, credentials)
            if SCHEMATHESIS in names:
                yield _fuzzed(web.url, examples, credentials)


def _compared(program: Program, cluster: Cluster, url: str, folder: Path, credentials: Mapping[str, str]) -> str:
    if not program.is_possible:
        return f"skipped  {program.name}: {program.needs} isn't installed"
    before = _recorded(cluster.client())
    try:
        node, usermgmt = (
            program.run(folder / f"{program.name}-{name}", {**credentials, "API_URL": address})
            for name, address in (("node", cluster.urls[0]), ("usermgmt", url))
        )
    except ProgramFailed as error:
        return f"FAILED   {error}"
    recorded = len(_recorded(cluster.client()) - before)
    if node != usermgmt:
        difference = "\n".join(difflib.unified_diff(node, usermgmt, "node", "usermgmt", lineterm="", n=0))
        return f"FAILED   {program.name}: responses differ\n{difference}"
    if recorded != changes(usermgmt):
        return f"FAILED   {program.name}: {changes(usermgmt)} changes, and {recorded} in the audit trail"
    return f"passed   {usermgmt[0]}: {len(usermgmt) - 1} calls, {recorded} changes"


def _recorded(elastic: Elasticsearch) -> set[str]:
    """The IDs of the requests whose change is in the audit trail: one of a user and of their password is two events."""
    own: Any = {"index": "usermgmt-audit-*", "expand_wildcards": ["open", "hidden"]}
    elastic.indices.refresh(**own)
    events = [hit["_source"] for hit in elastic.search(**own, size=10_000)["hits"]["hits"]]
    return {event["trace"]["id"] for event in events if event["event"].get("outcome") == "success" and "trace" in event}


def _fuzzed(url: str, examples: int, credentials: Mapping[str, str]) -> str:
    try:
        return f"passed   {SCHEMATHESIS}: {fuzz(url, examples, credentials)}"
    except ProgramFailed as error:
        return f"FAILED   {error}"


if __name__ == "__main__":
    sys.exit(main())
