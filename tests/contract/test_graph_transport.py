"""The Graph transport against real sockets that misbehave: whatever happens, it ends in time and tells the truth."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from shared.adapters.graph import RequestsGraph
from shared.errors import GraphNoReply
from shared.graph.request import GraphRequest

TOKEN = "canary-token"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nDate: Sun, 01 Mar 2026 12:00:00 GMT\r\n\r\nok"
Talk = Callable[[socket.socket], None]


class Peer:
    """A server that talks as it is told, one connection after another, and keeps what it received."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.root = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1.0"
        self.received: list[bytes] = []
        self.gave_up = threading.Event()  # the client's call is over
        self.hung_up = threading.Event()  # and its connection is closed
        self.talk: Talk = lambda _peer: None
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def read_request(self, connection: socket.socket) -> bool:
        """Read one request; False where the client has closed instead."""
        data = b""
        while b"\r\n\r\n" not in data and (more := connection.recv(65536)):
            data += more
        if not data:
            return False
        head, _, body = data.partition(b"\r\n\r\n")
        wanted = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower()[:15] == b"content-length:"), 0)
        rest = bytearray(body)
        while len(rest) < wanted and (more := connection.recv(1024 * 1024)):
            rest += more
        self.received.append(head + b"\r\n\r\n" + rest)
        return True

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                self.talk(connection)


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    yield peer
    peer.close()


def _graph(peer: Peer, seconds: float = 0.5) -> RequestsGraph:
    return RequestsGraph(peer.root, timedelta(seconds=seconds))


def _get(peer: Peer) -> GraphRequest:
    return GraphRequest("get_session", "GET", f"{peer.root}/secret-session")


def _answers(peer: Peer, reply: bytes) -> Talk:
    def talk(connection: socket.socket) -> None:
        while peer.read_request(connection):
            connection.sendall(reply)

    return talk


def test_a_reply_comes_back_whole_with_lower_case_header_names(peer: Peer) -> None:
    peer.talk = _answers(peer, OK)
    reply = _graph(peer).send(_get(peer), TOKEN)
    assert (reply.status, reply.body, reply.headers["date"]) == (200, b"ok", "Sun, 01 Mar 2026 12:00:00 GMT")


def test_a_slice_is_sent_with_its_exact_headers_and_bytes(peer: Peer) -> None:
    peer.talk = _answers(peer, OK)
    headers = {"Content-Type": "application/octet-stream", "Content-Length": "5", "Content-Range": "bytes 0-4/5"}
    _graph(peer).send(GraphRequest("put_slice", "PUT", f"{peer.root}/s/content", headers, b"12345"), TOKEN)
    head, _, body = peer.received[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "PUT /v1.0/s/content HTTP/1.1"
    assert {"Content-Length: 5", "Content-Range: bytes 0-4/5", f"Authorization: Bearer {TOKEN}"} <= set(lines)
    assert not any(line.lower().startswith(("transfer-encoding", "expect")) for line in lines)
    assert body == b"12345"


def test_a_digest_is_of_the_bytes_and_the_bytes_are_not_kept(peer: Peer) -> None:
    peer.talk = _answers(peer, OK)
    reply = _graph(peer).send(GraphRequest("get_value", "GET", f"{peer.root}/v", digest=True), TOKEN)
    assert reply.body == b""
    assert reply.sha256 == "2689367b205c16ce32ed4200942b8b8b1e262dfc70d9bc9fbc77c49699a4f1df"


def test_a_redirect_is_a_reply_and_is_not_followed(peer: Peer) -> None:
    peer.talk = _answers(peer, b"HTTP/1.1 307 x\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n")
    assert _graph(peer).send(_get(peer), TOKEN).status == 307
    assert len(peer.received) == 1


def test_an_error_is_not_tried_again(peer: Peer) -> None:
    peer.talk = _answers(peer, b"HTTP/1.1 503 x\r\nContent-Length: 0\r\nRetry-After: 1\r\n\r\n")
    assert _graph(peer).send(_get(peer), TOKEN).status == 503
    assert len(peer.received) == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/v1.0/x", "https://example.com/v1.0/x", "http://localhost/v1.0/x"])
def test_the_token_goes_to_the_configured_origin_only(peer: Peer, url: str) -> None:
    with pytest.raises(ValueError, match="configured Graph host") as caught:
        _graph(peer).send(GraphRequest("put_slice", "PUT", url), TOKEN)
    assert TOKEN not in str(caught.value)
    assert url not in str(caught.value)


def test_a_password_in_netrc_does_not_replace_the_token(
    peer: Peer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    peer.talk = _answers(peer, OK)
    _graph(peer).send(_get(peer), TOKEN)
    assert f"Authorization: Bearer {TOKEN}".encode() in peer.received[0]


def _wait_for_hang_up(peer: Peer, connection: socket.socket) -> None:
    with suppress(OSError):
        connection.settimeout(30)
        while connection.recv(65536):
            pass
    peer.hung_up.set()


def _never_answers(peer: Peer, connection: socket.socket) -> None:
    peer.read_request(connection)
    _wait_for_hang_up(peer, connection)


def _never_reads(peer: Peer, connection: socket.socket) -> None:
    peer.gave_up.wait(timeout=30)  # the body is larger than every buffer between
    _wait_for_hang_up(peer, connection)


def _trickles(head: bytes) -> Callable[[Peer, socket.socket], None]:
    def talk(peer: Peer, connection: socket.socket) -> None:
        peer.read_request(connection)
        connection.sendall(head)
        with suppress(OSError):
            while not peer.gave_up.wait(timeout=0.05):
                connection.sendall(b"x")
            _wait_for_hang_up(peer, connection)
        peer.hung_up.set()

    return talk


SLOW = {
    "never answers": _never_answers,
    "never reads the body": _never_reads,
    "trickles its headers": _trickles(b"HTTP/1.1 200 OK\r\nX-Slow: "),
    "trickles its body": _trickles(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"),
    "trickles an endless body": _trickles(b"HTTP/1.1 200 OK\r\n\r\n"),
}


@pytest.mark.parametrize("talk", SLOW.values(), ids=SLOW.keys())
def test_a_slow_peer_is_hung_up_on_at_the_deadline(peer: Peer, talk: Callable[[Peer, socket.socket], None]) -> None:
    """Each byte of a trickle comes in time; only a bound on the whole exchange ends it."""
    peer.talk = lambda connection: talk(peer, connection)
    put = GraphRequest("put_slice", "PUT", f"{peer.root}/secret-session/content", {}, bytes(32 * 1024 * 1024))
    with pytest.raises(GraphNoReply) as caught:
        _graph(peer).send(put, TOKEN)
    peer.gave_up.set()
    assert caught.value.sent
    assert caught.value.detail == "no reply to put_slice: the deadline was over"
    assert peer.hung_up.wait(timeout=30)


def test_a_connection_that_breaks_before_the_reply_may_have_been_applied(peer: Peer) -> None:
    def talk(connection: socket.socket) -> None:
        peer.read_request(connection)

    peer.talk = talk
    with pytest.raises(GraphNoReply) as caught:
        _graph(peer).send(_get(peer), TOKEN)
    assert caught.value.sent


def test_a_reply_that_is_cut_off_is_no_reply(peer: Peer) -> None:
    def talk(connection: socket.socket) -> None:
        peer.read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")

    peer.talk = talk
    with pytest.raises(GraphNoReply) as caught:
        _graph(peer).send(_get(peer), TOKEN)
    assert caught.value.sent


def test_a_refused_connection_has_sent_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        root = f"http://127.0.0.1:{listener.getsockname()[1]}/v1.0"
    with pytest.raises(GraphNoReply) as caught:
        RequestsGraph(root, timedelta(seconds=5)).send(GraphRequest("get_session", "GET", f"{root}/x"), TOKEN)
    assert not caught.value.sent


def test_a_name_that_does_not_resolve_has_sent_nothing() -> None:
    root = "https://graph.invalid/v1.0"
    with pytest.raises(GraphNoReply) as caught:
        RequestsGraph(root, timedelta(seconds=5)).send(GraphRequest("get_session", "GET", f"{root}/x"), TOKEN)
    assert not caught.value.sent


def test_no_error_tells_the_url_or_the_token(peer: Peer) -> None:
    peer.talk = lambda connection: None
    with pytest.raises(GraphNoReply) as caught:
        _graph(peer).send(_get(peer), TOKEN)
    text = f"{caught.value!r} {caught.value.__cause__!r}"
    assert "secret-session" not in text
    assert TOKEN not in text


def test_the_connection_is_kept_for_the_next_request(peer: Peer) -> None:
    connections = 0

    def talk(connection: socket.socket) -> None:
        nonlocal connections
        connections += 1
        _answers(peer, OK)(connection)

    peer.talk = talk
    graph = _graph(peer)
    for _ in range(3):
        graph.send(_get(peer), TOKEN)
    assert (connections, len(peer.received)) == (1, 3)
