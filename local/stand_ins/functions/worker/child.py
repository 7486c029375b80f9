"""The worker process: the only file that uses `azure_functions_runtime`, in the version that it was written for.

The library's contract (its caller gives it the message classes) is exported but not documented, so the version is
checked before anything else. Reference: the library's caller, proxy_worker/dispatcher.py in
azure-functions-python-worker.

A thread of its own reads from the host. A function may block the event loop for any time; the thread still notices the
end of the host, and ends this process and whatever the app started in it.
"""

import asyncio
import json
import logging
import os
import signal
import socket
import sys
import threading
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import azure_functions_runtime as runtime
from azure_functions_runtime.version import VERSION

from local.stand_ins.functions.worker.frames import (
    LENGTH_BYTES,
    Datum,
    Finished,
    FromHost,
    FromWorker,
    Indexed,
    Invoke,
    Logged,
    Ready,
    Refused,
    length_of,
    pack,
    unpack,
)
from local.stand_ins.functions.worker.protos import (
    ModelBindingData,
    ParameterBinding,
    RpcHttp,
    StatusResult,
    TypedData,
    protos,
)

RUNTIME_VERSION = "1.3.0"


def main(descriptor: int, app_directory: str) -> None:
    # A process that the app starts must not hold the socket open: by its end the host notices that the worker died.
    os.set_inheritable(descriptor, False)
    worker = _Worker(_Channel(socket.socket(fileno=descriptor)))
    # After the host was killed, the socket is closed: there is nothing left to do, and nothing reads what is written.
    with suppress(BrokenPipeError, ConnectionResetError):
        asyncio.run(worker.serve(app_directory))
    runtime.stop_threadpool_executor()
    logging.shutdown()


class _Channel:
    """The worker's end of the socketpair."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._sending = threading.Lock()

    def send(self, frame: FromWorker) -> None:
        data = pack(frame)
        with self._sending:
            self._connection.sendall(data)

    def receive(self) -> FromHost:
        frame: FromHost = unpack(self._exactly(length_of(self._exactly(LENGTH_BYTES))))
        return frame

    def _exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            if not (part := self._connection.recv(size - len(data))):
                raise EOFError
            data += part
        return bytes(data)


class _Worker:
    def __init__(self, channel: _Channel) -> None:
        self._channel = channel
        self._function_of: dict[str, str] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()

    async def serve(self, app_directory: str) -> None:
        """Load the app, then run what the host asks for until it says stop."""
        if VERSION != RUNTIME_VERSION:
            self._channel.send(
                Refused(f"azure-functions-runtime is {VERSION}; this host drives exactly {RUNTIME_VERSION}")
            )
            return
        self._relay_logs()
        runtime.start_threadpool_executor()
        sys.path.append(app_directory)
        answer = await _index(app_directory)
        self._channel.send(answer)
        if isinstance(answer, Refused):
            return
        reader = threading.Thread(target=self._read, args=[asyncio.get_running_loop()], name="from host", daemon=True)
        reader.start()
        await self._stopping.wait()

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        while True:
            try:
                frame = self._channel.receive()
            except (EOFError, OSError):
                # The host has ended. This process leads its process group, so all that the app started ends too.
                os.killpg(os.getpgrp(), signal.SIGKILL)
                return
            if isinstance(frame, Invoke):
                loop.call_soon_threadsafe(self._start, frame)
            else:
                loop.call_soon_threadsafe(self._stopping.set)

    def _start(self, call: Invoke) -> None:
        task = asyncio.get_running_loop().create_task(self._run(call))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _run(self, call: Invoke) -> None:
        self._function_of[call.invocation_id] = call.function
        # The library sets this for synchronous functions only.
        runtime.invocation_id_cv.set(call.invocation_id)
        try:
            finished = await _invoke(call)
        finally:
            del self._function_of[call.invocation_id]
        self._channel.send(finished)

    def _relay_logs(self) -> None:
        root = logging.getLogger()
        root.setLevel(logging.DEBUG if os.environ.get("PYTHON_ENABLE_DEBUG_LOGGING") == "1" else logging.INFO)
        root.addHandler(_Relay(self._channel, self._function_of))
        # In Azure the library's own progress goes to the platform's log, not to the app's.
        logging.getLogger("azure.functions").setLevel(logging.WARNING)


class _Relay(logging.Handler):
    """Sends log records to the host, with the function that they belong to."""

    def __init__(self, channel: _Channel, function_of: dict[str, str]) -> None:
        super().__init__()
        self._channel = channel
        self._function_of = function_of

    def emit(self, record: logging.LogRecord) -> None:
        invocation_id = runtime.invocation_id_cv.get()
        function = self._function_of.get(invocation_id) if invocation_id else None
        # Without a host nothing reads this, and the worker is about to end.
        with suppress(OSError):
            self._channel.send(Logged(record.levelname, record.name, self.format(record), function, invocation_id))


async def _index(app_directory: str) -> Ready | Refused:
    request = SimpleNamespace(capabilities={}, function_app_directory=app_directory)
    answer = await runtime.worker_init_request(
        SimpleNamespace(
            request=SimpleNamespace(worker_init_request=request),
            properties={"host": "127.0.0.1", "protos": protos},
        )
    )
    if answer.result.status != StatusResult.Success:
        return Refused(answer.result.exception.message)
    found = (await runtime.functions_metadata_request(None)).function_metadata_results
    if found is None:
        return Refused(f"no function_app.py in {app_directory}")
    return Ready(
        tuple(Indexed(f.name, f.function_id, tuple(f.raw_bindings), f.retry_options is not None) for f in found)
    )


async def _invoke(call: Invoke) -> Finished:
    try:
        request = SimpleNamespace(
            invocation_id=call.invocation_id,
            function_id=call.function_id,
            input_data=[ParameterBinding(name=call.argument, data=_typed(call.data))],
            trigger_metadata={name: _typed(value) for name, value in call.metadata.items()},
            trace_context=SimpleNamespace(trace_parent=call.trace_parent, trace_state="", attributes={}),
            retry_context=SimpleNamespace(retry_count=0, max_retry_count=0, exception=None),
        )
        response = await runtime.invocation_request(
            SimpleNamespace(properties=None, request=SimpleNamespace(invocation_request=request))
        )
        if response.result.status == StatusResult.Success:
            return Finished(call.invocation_id, return_value=_untyped(response.return_value))
        exception = response.result.exception
        return Finished(call.invocation_id, error=exception.message, stack_trace=exception.stack_trace)
    except (TypeError, ValueError) as error:
        # The strict message classes refused a value: in the cloud the call fails in the same way.
        return Finished(call.invocation_id, error=f"{type(error).__name__}: {error}")


def _typed(datum: Datum) -> TypedData:
    kind, value = datum
    if kind == "http":
        return TypedData(http=RpcHttp(**{**value, "body": TypedData(bytes=value["body"])}))
    if kind == "model_binding_data":
        return TypedData(model_binding_data=ModelBindingData(**value))
    return TypedData(**{kind: value})


def _untyped(data: TypedData | None) -> Datum | None:
    kind = data.WhichOneof("data") if data is not None else None
    if data is None or kind is None:
        return None
    if kind != "http":
        return kind, getattr(data, kind)
    response: RpcHttp = data.http
    body = _untyped(response.body)
    return kind, {
        "status_code": response.status_code,
        "headers": dict(response.headers),
        "cookies": [_cookie(cookie) for cookie in response.cookies],
        "body": b"" if body is None else _as_bytes(body),
    }


def _as_bytes(datum: Datum) -> bytes:
    kind, value = datum
    if kind == "bytes":
        content: bytes = value
        return content
    return (value if isinstance(value, str) else json.dumps(value)).encode()


def _cookie(cookie: Any) -> dict[str, Any]:
    def value_of(nullable: Any) -> Any:
        return None if nullable is None else nullable.value

    expires = value_of(cookie.expires)
    return {
        "name": cookie.name,
        "value": cookie.value,
        "domain": value_of(cookie.domain),
        "path": value_of(cookie.path),
        "expires": None if expires is None else expires.seconds,
        "secure": value_of(cookie.secure),
        "http_only": value_of(cookie.http_only),
        "same_site": cookie.same_site,
        "max_age": value_of(cookie.max_age),
    }
