"""The app that the contract suite hosts: each message says what its function is to do."""

import json
import logging
import time
from pathlib import Path

import azure.functions as func
from azurefunctions.extensions.bindings import blob

_log = logging.getLogger("toy")
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


def _do(order: dict[str, str], dequeue_count: int | None) -> None:
    match order:
        case {"fail": reason}:
            raise RuntimeError(reason)
        case {"tell": "dequeue_count"}:
            _log.info("dequeue_count %s", dequeue_count)
        case {"wait_for": path}:
            while not Path(path).exists():
                time.sleep(0.01)
        case {"hang": "always"}:
            time.sleep(3600)
        case {"hang": "once"} if dequeue_count == 1:
            time.sleep(3600)


@app.queue_trigger(arg_name="message", queue_name="%TOY_QUEUE%", connection="ToyStorage")
def work(message: func.QueueMessage) -> None:
    order = json.loads(message.get_body())
    _log.info("work %s", order.get("number"))
    _do(order, message.dequeue_count)


@app.queue_trigger(arg_name="message", queue_name="%TOY_QUEUE%-poison", connection="ToyStorage")
def bury(message: func.QueueMessage) -> None:
    _log.info("bury %s", message.dequeue_count)
    raise RuntimeError("the grave is closed")


@app.blob_trigger(
    arg_name="file", path="%TOY_CONTAINER%/{name}", connection="ToyStorage", source=func.BlobSource.EVENT_GRID
)
def dropped(file: blob.BlobClient) -> None:
    content = file.download_blob().readall()
    _log.info("dropped %s: %s", file.blob_name, content.decode())
    if content == b"fail":
        raise RuntimeError("unreadable")


@app.timer_trigger(arg_name="timer", schedule="%TOY_SCHEDULE%")
async def tick(timer: func.TimerRequest) -> None:
    _log.info("tick past_due=%s", timer.past_due)


@app.route("orders/{number:int}/{part?}", trigger_arg_name="request", methods=["GET", "POST"])
def order(request: func.HttpRequest) -> func.HttpResponse:
    if request.params.get("fail"):
        raise RuntimeError("no such order")
    answer = {"route": dict(request.route_params), "query": dict(request.params), "body": request.get_body().decode()}
    usual = {"Set-Cookie": "seen=1; Path=/; Max-Age=600; Secure; SameSite=Lax; HttpOnly"}
    headers = json.loads(request.params.get("headers", "null")) or usual
    return func.HttpResponse(json.dumps(answer), status_code=201, headers=headers)
