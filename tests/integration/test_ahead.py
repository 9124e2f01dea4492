"""Questions that are on their way while something else is done."""

import gc
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pytest_django import Settings

from accounts.services import ahead, errors, questions
from accounts.services.ahead import Ahead
from accounts.services.connection import Person
from tests.conftest import PASSWORD, TestNode


class Meeting(ThreadingHTTPServer):
    """Answers nobody until as many have asked; a node would answer the first before anybody could see the second."""

    daemon_threads = True

    def __init__(self, expected: int) -> None:
        self.everybody = threading.Barrier(expected)
        super().__init__(("127.0.0.1", 0), Guest)

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever asked has gone."""


class Guest(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Meeting

    def do_GET(self) -> None:
        self.server.everybody.wait(timeout=20)
        answer = b'{"username": "ada"}'
        self.send_response(200)
        self.send_header("Content-Type", questions.JSON)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def meeting(settings: Settings) -> Iterator[Meeting]:
    with Meeting(2) as server:
        settings.ELASTICSEARCH_HOSTS = [f"http://127.0.0.1:{server.server_port}"]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.everybody.abort()
        server.shutdown()


def test_two_questions_are_answered_while_one_waits(meeting: Meeting) -> None:
    one, other = (Ahead(Person("ada", PASSWORD).authenticate) for _ in range(2))
    assert one.answer()["username"] == "ada"
    assert other.answer()["username"] == "ada"


def test_one_that_nobody_answers_in_time_is_given_up(meeting: Meeting, settings: Settings) -> None:
    settings.ELASTICSEARCH_REQUEST_TIMEOUT = 0.2
    with pytest.raises(errors.Unavailable):
        Ahead(Person("ada", PASSWORD).authenticate).answer()


def test_an_answer_may_be_asked_for_again(node: TestNode) -> None:
    asked = Ahead(Person("ada", PASSWORD).authenticate)
    assert asked.answer() == asked.answer()
    assert asked.answer()["username"] == "ada"


def test_what_goes_wrong_is_raised_where_the_answer_is_wanted(node: TestNode, settings: Settings) -> None:
    refused = Ahead(lambda: Person("norah", PASSWORD).query_user(size=1))
    unknown = Ahead(Person("ada", "wrong").authenticate)
    settings.ELASTICSEARCH_HOSTS = ["http://127.0.0.1:1"]
    unanswered = Ahead(Person("ada", PASSWORD).authenticate)
    with pytest.raises(errors.Unavailable):
        unanswered.answer()
    with pytest.raises(errors.CredentialsRefused):
        unknown.answer()
    for _ in range(2):
        with pytest.raises(errors.Refused):
            refused.answer()


def test_a_host_that_is_down_is_gone_around(node: TestNode, settings: Settings) -> None:
    settings.ELASTICSEARCH_HOSTS = ["http://127.0.0.1:1", node.url, "http://127.0.0.1:2"]
    asked = [Ahead(Person("ada", PASSWORD).authenticate) for _ in range(3)]
    assert {question.answer()["username"] for question in asked} == {"ada"}


def test_several_calls_in_one(node: TestNode, person: Callable[[str], Person]) -> None:
    ada = person("ada")
    asked = Ahead(
        lambda: [user["username"] for _ in range(3) for user in ada.query_user(query={"term": {"username": "otto"}})["users"]]
    )
    other = Ahead(ada.authenticate)
    assert asked.answer() == ["otto"] * 3
    assert other.answer()["username"] == "ada"


def test_one_in_another(node: TestNode, person: Callable[[str], Person]) -> None:
    ada = person("ada")
    asked = Ahead(lambda: (ada.authenticate()["username"], Ahead(person("otto").authenticate).answer()["username"]))
    other = Ahead(person("norah").authenticate)
    assert asked.answer() == ("ada", "otto")
    assert other.answer()["username"] == "norah"


def test_one_that_is_dropped_is_not_waited_for(node: TestNode, person: Callable[[str], Person]) -> None:
    dropped = Ahead(person("ada").authenticate)
    assert len(ahead._transfers._tasks) == 1
    del dropped
    gc.collect()
    assert not ahead._transfers._tasks
    assert Ahead(person("otto").authenticate).answer()["username"] == "otto"


def test_threads_do_not_meet(node: TestNode, person: Callable[[str], Person]) -> None:
    names: list[tuple[str, str]] = []

    def ask(username: str) -> None:
        for _ in range(10):
            one, other = Ahead(person(username).authenticate), Ahead(person(username).authenticate)
            names.append((username, other.answer()["username"]))
            names.append((username, one.answer()["username"]))

    threads = [threading.Thread(target=ask, args=(username,)) for username in ("ada", "otto", "norah")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names) == 60
    assert all(asked == answered for asked, answered in names)
