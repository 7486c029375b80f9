"""An embedded Azure Functions host: real triggers, Microsoft's own worker library, no Core Tools. Never deployed.

Reading order, from the one message that matters outwards:

    function, bindings          what a function is, read from what the worker says
    worker/                     the child process in which Microsoft's library runs the functions
    invocation                  one call of one function
    polling, trigger_queue, queue_listener, queue_trigger     a queue, its leases, its failures
    blob_path, blob_bridge      an Event Grid event, the queue behind it, the function
    schedule, timer_status, timer_listener                    the clock
    http_route, web             routes, the webhook, the admin pages
    host_json, app_settings, host_id, timespan, refusal       what the operator may say, and what is refused
    storage, event_stream       what several of them speak through
    host, cli                   all of it put together, started and drained

README.md beside this file says what it reproduces, and what it does not.
"""
