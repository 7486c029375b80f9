"""todo-attach: a blob becomes an attachment of a Microsoft To Do task, once.

Each folder is a layer, and `tests/test_layers.py` says which layer may import which:

    core/       decides. Values in, values out: no I/O, no clock, no environment, no logging
    graph/      what Microsoft Graph's requests and replies look like. As pure as core
    ports.py    what the outside world must do for the application, as Protocols
    errors.py   the exceptions that adapters raise
    app/        orders the effects, through the ports
    sign_in/    a person connects their To Do, once, in a browser
    adapters/   do what the ports ask, one outside thing each, with its SDK
    telemetry/  records of what happened, and where they go
    settings.py the only reader of the environment
    wiring.py   builds the adapters, once per process; those of sign-in in sign_in_wiring.py, where it is set
"""
