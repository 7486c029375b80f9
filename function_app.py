"""Triggers and bindings, nothing else. What they call is in `shared`.

The functions' names are part of the deployment: the Event Grid subscription names `open_upload`, and the host drops
an event for a function that does not exist, without a word in the log.
"""

import azure.functions as func

# Importing this module is also what lets the worker bind SDK types such as BlobClient.
from azurefunctions.extensions.bindings import blob

from shared.settings import CONNECTION
from shared.wiring import application

app = func.FunctionApp()


@app.function_name("open_upload")
@app.blob_trigger(
    arg_name="client",
    path="%TODO_ATTACH_CONTAINER%/{name}",
    connection=CONNECTION,
    source=func.BlobSource.EVENT_GRID,
)
def open_upload(client: blob.BlobClient, context: func.Context) -> None:
    """A blob was written. It is bound as a client: an InputStream would pull the whole file through the host."""
    application().open_upload(client.blob_name, context)


@app.function_name("send_range")
@app.queue_trigger(arg_name="message", queue_name="%TODO_ATTACH_QUEUE%", connection=CONNECTION)
def send_range(message: func.QueueMessage, context: func.Context) -> None:
    """One step of one upload: at most one slice."""
    application().send_range(message, context)


@app.function_name("park_range")
@app.queue_trigger(arg_name="message", queue_name="%TODO_ATTACH_QUEUE%-poison", connection=CONNECTION)
def park_range(message: func.QueueMessage, context: func.Context) -> None:
    """A range message was delivered too often: its upload waits until the sweep announces it again."""
    application().park_range(message, context)


@app.function_name("reopen_upload")
@app.queue_trigger(arg_name="message", queue_name="webjobs-blobtrigger-poison", connection=CONNECTION)
def reopen_upload(message: func.QueueMessage, context: func.Context) -> None:
    """A blob event failed too often, for example while storage was away: it is tried again until it succeeds.

    The queue is the host's, and has no poison queue: a message that fails here comes back after its lease, for ever.
    """
    application().reopen_upload(message, context)


@app.function_name("sweep")
@app.timer_trigger(arg_name="timer", schedule="%TODO_ATTACH_SWEEP_SCHEDULE%")
def sweep(timer: func.TimerRequest, context: func.Context) -> None:  # noqa: ARG001 - the binding passes it
    """Announces the uploads again that no message names any more, and clears away what sign-in and the page left."""
    application().sweep(context)


@app.function_name("catch_up")
@app.timer_trigger(arg_name="timer", schedule="%TODO_ATTACH_CATCH_UP_SCHEDULE%")
def catch_up(timer: func.TimerRequest, context: func.Context) -> None:  # noqa: ARG001 - the binding passes it
    """Finds files whose event was given up or never raised, and files whose metadata was corrected since."""
    application().catch_up(context)


@app.function_name("connect")
@app.route("connect", methods=["GET"], trigger_arg_name="request", auth_level=func.AuthLevel.ANONYMOUS)
def connect(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """A person wants to connect their To Do: sends the browser to the identity provider."""
    return application().respond("connect", request, context)


@app.function_name("connected")
@app.route("connected", methods=["GET"], trigger_arg_name="request", auth_level=func.AuthLevel.ANONYMOUS)
def connected(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """The identity provider sends the browser back here after a sign-in, whatever the sign-in was for."""
    return application().respond("connected", request, context)


@app.function_name("disconnect")
@app.route("disconnect", methods=["GET", "POST"], trigger_arg_name="request", auth_level=func.AuthLevel.ANONYMOUS)
def disconnect(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Shows the form that disconnects an account; when it is sent, the person has to sign in once more."""
    return application().respond("disconnect", request, context)


@app.function_name("files")
@app.route("files", methods=["GET"], trigger_arg_name="request", auth_level=func.AuthLevel.ANONYMOUS)
def files(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """The page of a person's own files."""
    return application().respond("files", request, context)


@app.function_name("files_action")
@app.route("files/{action}", methods=["GET", "POST"], trigger_arg_name="request", auth_level=func.AuthLevel.ANONYMOUS)
def files_action(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """The requests and forms of that page."""
    return application().respond("files", request, context)
