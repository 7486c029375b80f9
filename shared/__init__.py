"""todo-attach: a blob becomes an attachment of a Microsoft To Do task, once.

Each folder is a layer, and `tests/test_layers.py` says which layer may import which:

    core/       decides. Values in, values out: no I/O, no clock, no environment, no logging
    graph/      what Microsoft Graph's requests and replies look like. As pure as core
    ports.py    what the outside world must do for the application, as Protocols
    errors.py   the exceptions that adapters raise
    app/        orders the effects, through the ports
    sign_in/    a person connects their To Do, once, in a browser
    my_files/   the page on which a person finds and sends their own files
    adapters/   implement the ports, each for one outside thing, with its SDK
    telemetry/  records of what happened, and where they go
    settings.py the environment that wiring.py hands over, as checked values
    wiring.py   builds the adapters, once per process; sign_in_wiring.py builds those of sign-in, where it is set
"""
