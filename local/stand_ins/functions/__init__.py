"""An embedded Azure Functions host: real triggers, Microsoft's own worker library, no Core Tools. Never deployed.

Reading order:

    function, bindings          what a function is, read from what the worker reports
    worker/                     the child process in which Microsoft's library runs the functions
    invocation                  one call of one function
    polling, trigger_queue, queue_listener, queue_trigger     a queue, its leases, its failures
    blob_path, blob_bridge      an Event Grid event, the queue behind it, the function
    schedule, timer_status, timer_listener                    timers
    http_route, web             routes, the webhook, the admin pages
    host_json, app_settings, host_id, timespan, refusal       the configuration, and what is refused in it
    storage, event_stream       the storage clients, and the events on standard output
    host, cli                   puts all of it together, starts and drains it

README.md beside this file says what it reproduces, and what it does not.
"""
