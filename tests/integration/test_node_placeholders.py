"""Placeholders in the settings of a node are filled in from other settings and defaults as by Elasticsearch's own class."""

import subprocess
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.services.local_node.settings import NodeSettings, NodeSettingsError
from local_cluster.build import build
from local_cluster.versions import available_versions, find_release

OTHERS = {"a.b": "2", "a.c": "${a.b}"}
PIECES = ["${", "}", ":", "$", "{", "x", "9200", "${a.b}", "${a.c:", "${MISSING:", *OTHERS, "MISSING"]
# One value in a line, and one answer: "=" and the value with its placeholders filled in, or "!" where the node refuses to start.
FILL = """
import java.io.*;
import org.elasticsearch.common.settings.Settings;

public class Fill {
    public static void main(String[] arguments) throws Exception {
        var lines = new BufferedReader(new InputStreamReader(System.in));
        for (var line = lines.readLine(); line != null; line = lines.readLine()) {
            var settings = Settings.builder().put("value", line).put("a.b", "2").put("a.c", "${a.b}");
            try {
                System.out.println("=" + settings.replacePropertyPlaceholders().build().get("value", ""));
            } catch (IllegalArgumentException e) {
                System.out.println("!");
            }
            System.out.flush();
        }
    }
}
"""


@pytest.fixture(scope="module", params=available_versions())
def node_fills(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> "Iterator[subprocess.Popen[str]]":
    source = tmp_path_factory.mktemp("fill") / "Fill.java"
    source.write_text(FILL)
    lib = build(request.param) / "lib"
    command = [str(find_release(request.param).jdk().java), "-cp", f"{lib}/*", str(source)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env={}, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as process:
        yield process
        process.communicate()


@settings(max_examples=1000)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_filled_in_as_by_the_node(node_fills: "subprocess.Popen[str]", value: str) -> None:
    assert node_fills.stdin
    assert node_fills.stdout
    node_fills.stdin.write(f"{value}\n")
    node_fills.stdin.flush()
    answer = node_fills.stdout.readline().rstrip("\n")
    try:
        ours = NodeSettings({"value": value, **OTHERS}, {})["value"]
    except NodeSettingsError:
        assert answer == "!"
    else:
        # The node also refuses to start because of the same placeholder with a default twice in one value.
        assert answer in (f"={ours}", "!")
