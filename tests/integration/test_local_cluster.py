import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_cluster import Cluster, NodeFailed, PortTaken
from local_cluster.node import wait_for
from local_cluster.ports import free_ports, is_free

TOP = Path(__file__).resolve().parents[2]
# Starts a node, says where, and waits to be killed.
PARENT = """
import sys, time
from pathlib import Path
from local_cluster import Cluster
with Cluster(Path(sys.argv[1])) as cluster:
    print(cluster.nodes[0].http_port, flush=True)
    time.sleep(3600)
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


def test_password_is_only_in_a_private_file(cluster: Cluster) -> None:
    file = cluster.folder / "password"
    assert file.read_text() == f"{cluster.password}\n"
    assert file.stat().st_mode & 0o777 == 0o600
    for name in ("cmdline", "environ"):
        assert cluster.password.encode() not in Path(f"/proc/{cluster.nodes[0].pid}/{name}").read_bytes()
    assert cluster.password not in cluster.logs[0].read_text()


def test_a_second_start_finds_all_again(cluster: Cluster) -> None:
    """Data, password, and the file realm, which is empty at first."""
    with cluster.client() as client:
        client.security.put_user(username="kept", password="secret-1", roles=["viewer"])
    files = [cluster.nodes[0].home / "config" / name for name in ("users", "users_roles")]
    assert [file.read_bytes() for file in files] == [b"", b""]
    files[0].write_bytes(b"# ours\n")
    password = cluster.password
    cluster.stop()
    assert all(is_free(node.http_port) for node in cluster.nodes)
    again = Cluster(cluster.folder)
    assert again.password == password
    cluster.start()
    assert [file.read_bytes() for file in files] == [b"# ours\n", b""]
    with cluster.client() as client:
        assert client.security.get_user(username="kept")["kept"]["roles"] == ["viewer"]


def test_a_killed_node_comes_back_at_its_port(cluster: Cluster) -> None:
    url = cluster.urls[0]
    cluster.nodes[0].kill()
    assert not cluster.nodes[0].is_running
    cluster.nodes[0].start()
    assert cluster.urls == [url]
    with cluster.client() as client:
        assert client.security.authenticate()["username"] == "elastic"


def test_port_in_use_is_reported(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(PortTaken, match=f"port {port} is in use"):
            Cluster(tmp_path, http_port=port).start()


def test_ports_lost_to_another_process_are_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        choices = iter([[*free_ports(1), taken], free_ports(2)])
        monkeypatch.setattr("local_cluster.cluster.free_ports", lambda count: next(choices))
        with Cluster(tmp_path) as cluster:
            assert cluster.nodes[0].transport_port != taken


def test_a_node_that_ends_at_once_shows_its_log(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path, settings={"no.such.setting": "1"})
    with pytest.raises(NodeFailed, match=r"unknown setting \[no\.such\.setting\]"):
        cluster.start()
    assert not cluster.nodes[0].is_running


def test_a_node_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], cwd=TOP, stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        port = int(parent.stdout.readline())
        assert not is_free(port)
        os.kill(parent.pid, signal.SIGKILL)
    assert wait_for(lambda: is_free(port), seconds=60)


def test_cluster_survives_the_loss_of_a_node(tmp_path: Path) -> None:
    # The client waits longer than any of its questions.
    with Cluster(tmp_path, nodes=3) as cluster, cluster.client(max_retries=3, request_timeout=90) as client:
        health = client.cluster.health(wait_for_status="green", timeout="60s")  # before, only the security index was awaited
        assert (health["status"], health["number_of_nodes"]) == ("green", 3)
        cluster.nodes[0].stop()
        assert client.cluster.health(wait_for_nodes="2", timeout="60s")["number_of_nodes"] == 2
        client.security.put_user(username="meanwhile", password="secret-1", roles=[])
        cluster.nodes[0].start()
        assert client.cluster.health()["number_of_nodes"] == 3
