"""The deadline of a message, against servers that answer slowly, byte by byte, or not at all."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from nba_pipeline.monitoring.webhook import post
from nba_pipeline_tests.monitoring.webhook import SECRET, Slack

DEADLINE_SECONDS = 0.3
BYTE_SECONDS = 0.05
"""Pause between two bytes, so that no single read waits long."""

BYTES = 200
"""Bytes before the server closes the connection. A sender without a deadline then fails the test instead of hanging."""


def drip(connection: socket.socket, ended: threading.Event) -> None:
    with suppress(OSError):  # the client has disconnected
        for _ in range(BYTES):
            connection.sendall(b"x")
            if ended.wait(BYTE_SECONDS):
                return


def slow_head(connection: socket.socket, ended: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    drip(connection, ended)


def slow_body(connection: socket.socket, ended: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    drip(connection, ended)


def silence(connection: socket.socket, ended: threading.Event) -> None:
    ended.wait(BYTES * BYTE_SECONDS)


@contextmanager
def server_that(answers: Callable[[socket.socket, threading.Event], None]) -> Iterator[int]:
    """The port of a server that reads the start of a request and then answers this way."""
    ended = threading.Event()

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            answers(connection, ended)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        ended.set()
        thread.join()


@pytest.mark.parametrize(
    ("scheme", "answers"),
    [("http", silence), ("http", slow_head), ("https", silence)],
    ids=["no answer", "a head byte by byte", "no TLS handshake"],
)
def test_a_message_ends_with_its_deadline(scheme: str, answers: Callable[[socket.socket, threading.Event], None]) -> None:
    with server_that(answers) as port:
        url = f"{scheme}://127.0.0.1:{port}/services/{SECRET}"
        assert post(url, "hello", DEADLINE_SECONDS) == f"no answer within {DEADLINE_SECONDS:g} seconds"


def test_a_status_with_a_slow_body_is_an_answer() -> None:
    with server_that(slow_body) as port:
        assert post(f"http://127.0.0.1:{port}/services/{SECRET}", "hello", BYTES * BYTE_SECONDS / 2) == ""


def test_a_redirect_is_refused_and_not_followed(slack: Slack) -> None:
    slack.status, slack.headers = 307, {"Location": slack.url}
    assert post(slack.url, "hello", 10.0) == "the webhook answered 307"
    assert len(slack.sent) == 1
