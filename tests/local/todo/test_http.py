"""The HTTP shell: what the service says is what happens on the socket."""

import hashlib
import http.client
import json
import random
import socket

import pytest

from shared.core.ranges import MAX_SLICE_BYTES
from tests.local.todo.running import Server, range_headers, running

SIZE = 100


def received(server: Server) -> int:
    [session] = server.control("GET", "sessions")
    return int(session["received"])


def test_a_clean_upload_of_25_mib_over_one_connection() -> None:
    content = random.Random(3).randbytes(26_214_400)
    with running() as server:
        session = server.open(len(content))
        connection = server.connect()
        for start in range(0, len(content), MAX_SLICE_BYTES):
            chunk = content[start : start + MAX_SLICE_BYTES]
            headers = range_headers(start, chunk, len(content)) | {"Authorization": f"Bearer {server.token}"}
            connection.request("PUT", f"{session}/content", chunk, headers)
            response = connection.getresponse()
            response.read()
        connection.close()
        assert (response.status, response.headers["Content-Length"]) == (201, "0")
        assert response.headers["Location"].startswith(f"http://127.0.0.1:{server.port}/v1.0/users/")
        [attachment] = server.control("GET", "attachments")
        assert attachment["sha256"] == hashlib.sha256(content).hexdigest()
        assert server.control("GET", "requests") == {"create_session": 1, "put_slice": 7}
        assert server.control("GET", "offences")["counts"] == {}


def test_a_landed_file_reads_back() -> None:
    with running() as server:
        _, headers, _ = server.put(server.open(SIZE), 0, b"x" * SIZE, SIZE)
        path = headers["Location"].removeprefix(f"http://127.0.0.1:{server.port}")
        assert server.exchange("GET", f"{path}/$value")[2] == b"x" * SIZE


def test_an_error_has_the_services_own_body() -> None:
    with running() as server:
        status, headers, body = server.exchange("GET", "/v1.0/me/todo/lists", headers={"Authorization": "Bearer no"})
        assert (status, json.loads(body)["error"]["code"]) == (401, "InvalidAuthenticationToken")
        assert headers["WWW-Authenticate"].startswith("Bearer ")


def test_a_chunked_range_is_refused_and_a_chunked_post_is_read() -> None:
    with running() as server:
        session = server.open(SIZE)
        headers = {"Authorization": f"Bearer {server.token}", **range_headers(0, bytes(SIZE), SIZE)}
        del headers["Content-Length"]
        connection = server.connect()
        connection.request("PUT", f"{session}/content", iter([bytes(60), bytes(40)]), headers, encode_chunked=True)
        assert connection.getresponse().status == 411
        connection.close()
        body = json.dumps({"name": "a", "contentBytes": "aGk="}).encode()
        connection = server.connect()
        headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/json"}
        connection.request("POST", server.attachments_path, iter([body[:9], body[9:]]), headers, encode_chunked=True)
        assert connection.getresponse().status == 201
        connection.close()


def test_a_client_that_waits_for_100_continue_is_told_to_go_on() -> None:
    with running() as server:
        head = "".join(f"{k}: {v}\r\n" for k, v in range_headers(0, bytes(SIZE), SIZE).items())
        head = f"Host: 127.0.0.1\r\nAuthorization: Bearer {server.token}\r\n{head}"
        request = f"PUT {server.open(SIZE)}/content HTTP/1.1\r\n{head}"
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
            connection.sendall(f"{request}Expect: 100-continue\r\n\r\n".encode())
            assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.sendall(bytes(SIZE))
            assert connection.recv(1000).startswith(b"HTTP/1.1 201 ")


# --- connections that break ---


@pytest.mark.parametrize(
    ("at", "stands"), [("before_body", 0), ("in_body", 0), ("after_body", 0), ("after_applying", 4_000_000)]
)
def test_a_connection_is_reset(at: str, stands: int) -> None:
    with running(faults=[{"operation": "put_slice", "effect": {"kind": "reset", "at": at}}]) as server:
        session = server.open(5_000_000)
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            server.put(session, 0, bytes(4_000_000), 5_000_000)
        assert received(server) == stands
        assert server.last_entry()["ending"] == "reset"


def test_a_connection_reset_in_the_body_can_leave_the_half_that_was_read() -> None:
    faults = [{"operation": "put_slice", "effect": {"kind": "reset", "at": "in_body"}}]
    with running(behaviour={"torn_range": "kept"}, faults=faults) as server:
        session = server.open(5_000_000)
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            server.put(session, 0, bytes(4_000_000), 5_000_000)
        assert received(server) == 2_000_000


def test_a_reply_is_cut_off_in_its_middle() -> None:
    with running(faults=[{"operation": "get_value", "effect": {"kind": "cut_off"}}]) as server:
        _, headers, _ = server.put(server.open(50_000), 0, bytes(50_000), 50_000)
        path = headers["Location"].removeprefix(f"http://127.0.0.1:{server.port}")
        with pytest.raises(http.client.IncompleteRead):
            server.exchange("GET", f"{path}/$value")
        assert len(server.exchange("GET", f"{path}/$value")[2]) == 50_000


def test_a_reply_without_a_body_is_cut_off_in_its_head() -> None:
    with running(faults=[{"operation": "put_slice", "effect": {"kind": "cut_off"}}]) as server:
        session = server.open(SIZE)
        with server.start_put(session, bytes(SIZE), SIZE) as connection:
            reply = b"".join(iter(lambda: connection.recv(65_536), b""))
        assert reply.startswith(b"HTTP/1.1 201 ")
        assert b"\r\n\r\n" not in reply
        assert len(server.control("GET", "attachments")) == 1


def test_a_trickled_reply_comes_in_many_pieces_and_is_whole() -> None:
    with running(faults=[{"operation": "list_attachments", "effect": {"kind": "trickle", "seconds": 0.2}}]) as server:
        status, _, body = server.exchange("GET", server.attachments_path)
        assert (status, json.loads(body)["value"]) == (200, [])
        assert server.last_entry()["ending"] == "trickled"


def test_a_client_that_leaves_a_trickled_reply_is_seen_to_go() -> None:
    with running(faults=[{"operation": "put_slice", "effect": {"kind": "trickle", "seconds": 600}}]) as server:
        connection = server.start_put(server.open(SIZE), bytes(SIZE), SIZE)
        assert connection.recv(1)
        connection.close()
        entry = server.wait_for_entry(operation="put_slice", ending="hung_up")
        assert (entry["status"], entry["zombie"]) == (201, False)


def test_a_late_reply_comes_whole() -> None:
    effect = {"kind": "delay", "seconds": 0.05, "applied": True}
    with running(faults=[{"operation": "put_slice", "effect": effect}]) as server:
        assert server.put(server.open(SIZE), 0, bytes(SIZE), SIZE)[0] == 201
        assert server.last_entry()["ending"] == "late"


def test_an_answer_never_comes_and_the_client_gives_up() -> None:
    with running(faults=[{"operation": "put_slice", "effect": {"kind": "silence", "applied": True}}]) as server:
        session = server.open(2 * SIZE)
        connection = server.start_put(session, bytes(SIZE), 2 * SIZE)
        server.wait_for_entry(operation="put_slice", ending="never")
        connection.close()
        server.wait_for_entry(operation="put_slice", ending="hung_up")
        assert received(server) == SIZE


# --- clients that go away ---


@pytest.mark.parametrize(("kept", "stands"), [("dropped", 0), ("kept", 30)])
def test_a_client_that_goes_in_the_middle_of_its_body(kept: str, stands: int) -> None:
    with running(behaviour={"torn_range": kept}) as server:
        session = server.open(SIZE)
        server.start_put(session, bytes(50), SIZE, sent=30).close()
        server.wait_for_entry(operation="put_slice", ending="hung_up")
        assert received(server) == stands


def test_a_request_goes_on_without_its_client_and_lands_later() -> None:
    with running(faults=[{"operation": "put_slice", "effect": {"kind": "delay", "seconds": 0.3}}]) as server:
        server.start_put(server.open(SIZE), bytes(SIZE), SIZE).close()
        entry = server.wait_for_entry(operation="put_slice", ending="hung_up", status=201)
        assert entry["zombie"] is True
        assert len(server.control("GET", "attachments")) == 1


def test_a_request_can_be_dropped_with_its_client() -> None:
    faults = [{"operation": "put_slice", "effect": {"kind": "delay", "seconds": 600}}]
    with running(behaviour={"abandoned_request": "dropped"}, faults=faults) as server:
        server.start_put(server.open(SIZE), bytes(SIZE), SIZE).close()
        server.wait_for_entry(operation="put_slice", ending="hung_up")
        assert server.service is not None
        assert server.service.in_flight() == []
        assert received(server) == 0


def test_two_puts_at_once_are_counted_and_one_that_hung_up_is_not() -> None:
    faults = [{"operation": "put_slice", "count": None, "effect": {"kind": "silence"}}]
    with running(faults=faults) as server:
        session = server.open(SIZE)
        gone = server.start_put(session, bytes(50), SIZE)
        server.wait_for_entry(operation="put_slice", ending="never")
        gone.close()
        server.wait_for_entry(operation="put_slice", ending="hung_up")
        with server.start_put(session, bytes(50), SIZE):
            server.wait_for_entry(sequence=3, ending="never")
            assert server.control("GET", "offences")["counts"] == {}
            with server.start_put(session, bytes(50), SIZE):
                server.wait_for_entry(sequence=4, ending="never")
                assert server.control("GET", "offences")["counts"] == {"concurrent_puts": 1}
