"""Replies of the identity provider are bounded: in length, in time, and in what they unpack to."""

import gzip
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from local.stand_ins.entra import certificate
from shared.adapters import one_host
from shared.adapters.entra import Entra, Registration
from shared.adapters.one_host import BadReply, OneHostClient, Throttled
from shared.errors import TokenUnavailable
from shared.sign_in.pending_sign_in import Purpose


class Handler(BaseHTTPRequestHandler):
    """Each path is a way to reply."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        reply: Callable[[], None] = getattr(
            self, f"reply_{self.path.rpartition('/')[2].replace('-', '_')}", self.reply_long
        )
        try:
            reply()
        except OSError:
            self.close_connection = True  # the client has hung up

    def reply_well(self) -> None:
        self._send(b'{"a": 1}')

    def reply_long(self) -> None:
        self._send(bytes(2 * 1024 * 1024))

    def reply_endless(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while True:
            self.wfile.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")

    def reply_trickling(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        while True:
            self.wfile.write(b"x")
            self.server.closing.wait(0.05)  # type: ignore[attr-defined]

    def reply_packed(self) -> None:
        self._send(gzip.compress(bytes(50 * 1024 * 1024)), {"Content-Encoding": "gzip"})

    def reply_cut_off(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.wfile.write(b"{")
        self.close_connection = True

    def reply_throttled(self) -> None:
        self._send(b"{}", {"Retry-After": "17"}, 429)

    def reply_throttled_oddly(self) -> None:
        self._send(b"{}", {"Retry-After": "9" * 400}, 429)

    def reply_elsewhere(self) -> None:
        self._send(b"", {"Location": "https://evil.example/"}, 302)

    def _send(self, body: bytes, headers: dict[str, str] | None = None, status: int = 200) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Says nothing."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Says nothing: clients are meant to hang up."""


@contextmanager
def serving(directory: Path) -> Iterator[tuple[str, str]]:
    files = certificate.make(directory)
    server = _Server(("127.0.0.1", 0), Handler)
    server.closing = threading.Event()  # type: ignore[attr-defined]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"https://localhost:{server.server_port}", str(files.authority)
    finally:
        server.closing.set()  # type: ignore[attr-defined]
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    with serving(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def client(server: tuple[str, str]) -> Iterator[OneHostClient]:
    client = OneHostClient(*server)
    yield client
    client.close()


def test_a_reply_of_usual_length_is_read(server: tuple[str, str], client: OneHostClient) -> None:
    reply = client.get(f"{server[0]}/well")
    assert (reply.status_code, reply.text) == (200, '{"a": 1}')


@pytest.mark.parametrize("how", ["long", "endless", "packed"])
def test_a_reply_that_is_too_long_is_given_up(server: tuple[str, str], client: OneHostClient, how: str) -> None:
    with pytest.raises(BadReply):
        client.get(f"{server[0]}/{how}")


def test_a_reply_that_trickles_is_given_up(
    server: tuple[str, str], client: OneHostClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte comes in time; a read timeout alone would wait for ever."""
    monkeypatch.setattr(one_host, "_REPLY_SECONDS", 0.5)
    with pytest.raises(BadReply):
        client.get(f"{server[0]}/trickling")


def test_a_reply_that_breaks_off_is_none(server: tuple[str, str], client: OneHostClient) -> None:
    with pytest.raises(requests.RequestException):
        client.get(f"{server[0]}/cut-off")


@pytest.mark.parametrize(("how", "seconds"), [("throttled", 17.0), ("throttled-oddly", None)])
def test_throttling_says_for_how_long(
    server: tuple[str, str], client: OneHostClient, how: str, seconds: float | None
) -> None:
    with pytest.raises(Throttled) as throttled:
        client.get(f"{server[0]}/{how}")
    assert throttled.value.seconds == seconds


def test_a_redirect_is_not_followed(server: tuple[str, str], client: OneHostClient) -> None:
    assert client.get(f"{server[0]}/elsewhere").status_code == 302


def test_through_msal_such_a_reply_is_a_delay(server: tuple[str, str]) -> None:
    origin, ca_file = server
    app = Entra(Registration("client", origin, "tenant", "scope", "https://app.example/connected", "x", ca_file))
    with pytest.raises(TokenUnavailable, match="too long, too slow or compressed"):
        app.begin(Purpose.CONNECT)
