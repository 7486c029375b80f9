"""An app with every mistake that a start-up can find."""

import azure.functions as func

app = func.FunctionApp()


@app.queue_trigger(arg_name="message", queue_name="%NOWHERE%", connection="AzureWebJobsStorage")
def unresolved(message: func.QueueMessage) -> None: ...


@app.queue_trigger(arg_name="message", queue_name="work", connection="Identity")
def identity(message: func.QueueMessage) -> None: ...


@app.queue_trigger(arg_name="message", queue_name="work", connection="Absent")
def unconnected(message: func.QueueMessage) -> None: ...


@app.retry(strategy="fixed_delay", max_retry_count="2", delay_interval="00:00:01")
@app.queue_trigger(arg_name="message", queue_name="work", connection="AzureWebJobsStorage")
def retried(message: func.QueueMessage) -> None: ...


@app.blob_trigger(arg_name="file", path="drop/{name}", connection="AzureWebJobsStorage")
def polled(file: func.InputStream) -> None: ...


@app.timer_trigger(arg_name="timer", schedule="whenever")
def untimed(timer: func.TimerRequest) -> None: ...


@app.queue_output(arg_name="out", queue_name="next", connection="AzureWebJobsStorage")
@app.queue_trigger(arg_name="message", queue_name="work", connection="AzureWebJobsStorage")
def outgoing(message: func.QueueMessage, out: func.Out[str]) -> None: ...


@app.service_bus_queue_trigger(arg_name="message", queue_name="bus", connection="AzureWebJobsStorage")
def foreign(message: func.ServiceBusMessage) -> None: ...


@app.route("admin/orders", trigger_arg_name="request")
def administrative(request: func.HttpRequest) -> str:
    return str(request.url)
