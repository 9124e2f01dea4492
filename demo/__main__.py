"""`python -m demo`: run by script/demo after it has installed Python, Java, and the dependencies."""

import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from types import FrameType

from elasticsearch import AuthenticationException, Elasticsearch

from demo.only_one import only_one
from demo.options import ENV_FILE, FOLDER, DemoError, Options, read_options
from demo.product import manage, served, tail, tell_story
from demo.progress import Progress
from local_cluster import Cluster, LocalClusterError, basic
from local_cluster.build import build
from local_cluster.ports import is_free
from local_cluster.secret import keep_secret
from usermgmt import env_file

SERVER_LOG = FOLDER / "server.log"
# In the cluster's folder, so that the sample data is created again after the folder was deleted.
SAMPLE_LOADED = FOLDER / "elasticsearch/sample-loaded"
SAMPLE_STARTED = FOLDER / "elasticsearch/sample-begun"
# Username, name of the password, and description.
SHOWN = (
    ("elastic", "elastic", "built-in superuser"),
    ("admin", "admin", "administrator: can manage users"),
    ("auditor", "auditor", "auditor: read-only access"),
    ("amara.okafor", "people", "no privileges: own account only (all other sample users have the same password)"),
)


def main() -> int:
    """Run the demo until it is stopped; returns the exit status."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            signal.signal(number, _interrupt)
    try:
        options = read_options()
        FOLDER.mkdir(mode=0o700, exist_ok=True)
        with only_one(FOLDER / "running", options.url):
            _run(options)
    except (DemoError, LocalClusterError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.")
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _run(options: Options) -> None:
    _require_free("PORT", options.port)
    _require_free("ELASTICSEARCH_PORT", options.elasticsearch_port)
    env_file.update(ENV_FILE, _configuration(options))
    passwords = {name: keep_secret(FOLDER / "passwords" / name) for name in ("admin", "auditor", "people")}
    _remove_partial_sample()
    cluster = _cluster(options)
    progress = Progress(steps=6)
    with progress.step(f"Building Elasticsearch {cluster.version} (downloads on first run)"):
        build(cluster.version)
    with ExitStack() as running:
        with progress.step(f"Starting Elasticsearch {cluster.version}"):
            running.enter_context(cluster)
        _set_up(cluster, progress)
        with progress.step("Starting the server"):
            server = running.enter_context(served(options, SERVER_LOG))
        _print_sign_ins(options, cluster, passwords | {"elastic": cluster.password})
        _wait(server, cluster)


def _configuration(options: Options) -> dict[str, str]:
    """The settings of the demo, besides the keys that setup_cluster writes."""
    return {
        "ELASTICSEARCH_HOSTS": options.elasticsearch_url,
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "HTTPS": "false",
        # The sessions of the sample users last a working day.
        "SESSION_IDLE_MINUTES": "480",
    }


def _require_free(name: str, port: int) -> None:
    if not is_free(port):
        raise DemoError(f"Port {port} is in use. Choose another port: {name}={port + 1} script/demo")


def _cluster(options: Options) -> Cluster:
    try:
        return Cluster(
            FOLDER / "elasticsearch",
            password=options.elastic_password,
            http_port=options.elasticsearch_port,
            api_key=env_file.read(ENV_FILE).get("ELASTICSEARCH_API_KEY"),
        )
    except LocalClusterError:
        raise DemoError(
            f"ELASTIC_PASSWORD doesn't match the existing demo data. Unset it, or delete {FOLDER} to start over."
        ) from None


def _set_up(cluster: Cluster, progress: Progress) -> None:
    """Setup and sample data need the elastic user. If its password was changed on a page, both are already done."""
    elastic_is_ours = _signs_in(cluster.client(), "elastic", cluster.password)
    with progress.step("Setting up the cluster"):
        if elastic_is_ours:
            manage("setup_cluster", "--env-file", str(ENV_FILE), ELASTICSEARCH_PASSWORD=cluster.password)
    with progress.step("Collecting static files"):  # creating the sample data opens pages
        manage("collectstatic", "--noinput", "--verbosity", "0")
    with progress.step("Creating sample data"):
        if elastic_is_ours:
            _create_sample(cluster)


def _create_sample(cluster: Cluster) -> None:
    """Create the sample data, at the first start only."""
    if not SAMPLE_LOADED.exists():
        SAMPLE_STARTED.touch()
        tell_story(ELASTICSEARCH_PASSWORD=cluster.password)
        SAMPLE_LOADED.touch()


def _remove_partial_sample() -> None:
    """Start over after an interrupted first start. No user data is lost, because the server wasn't started yet."""
    if SAMPLE_STARTED.exists() and not SAMPLE_LOADED.exists():
        shutil.rmtree(SAMPLE_STARTED.parent)


def _signs_in(client: Elasticsearch, username: str, password: str) -> bool:
    try:
        client.options(basic_auth=basic(username, password)).security.authenticate()
    except AuthenticationException:
        return False
    return True


def _print_sign_ins(options: Options, cluster: Cluster, passwords: dict[str, str]) -> None:
    print(f"\nOpen {options.url} and sign in as one of these users:\n")
    for username, password, what in SHOWN:
        ours = _signs_in(cluster.client(), username, passwords[password])
        print(f"    {username:<14} {passwords[password] if ours else '(your own password)':<22} {what}")
    print(f"\nElasticsearch: {options.elasticsearch_url}\nLogs: {SERVER_LOG}, {cluster.logs[0]}")
    print("Use script/manage COMMAND to run a management command. Press Ctrl-C to stop. Data is kept.", flush=True)


def _wait(server: "subprocess.Popen[bytes]", cluster: Cluster) -> None:
    """Wait until the demo is interrupted. Raises DemoError if the server or the node stops."""
    while server.poll() is None and cluster.nodes[0].is_running:
        time.sleep(0.5)
    if server.poll() is None:
        raise DemoError(f"Elasticsearch stopped:\n{cluster.nodes[0].log_tail()}")
    raise DemoError(f"The server stopped:\n{tail(SERVER_LOG)}")


if __name__ == "__main__":
    sys.exit(main())
