"""The embedded stack: the whole pipeline on one machine, for trying and for tests. Never deployed.

    up, attach, demo, status   the commands; `python -m local --help`
    stack                      starts everything, in order, and ends it in order
    state_dir                  what a stack remembers, and how others find it
    app_settings               the application's settings for this stack
    azurite, tether            Microsoft's storage emulator, and the leash for programs that know none
    child, kept                one child process; one that is started again when it dies
    event_grid                 stands in for Event Grid: sees a blob written, calls the webhook
    functions/                 stands in for the Functions host, around Microsoft's worker library
    todo/                      stands in for Microsoft To Do
    drop, watch, outcomes      put files into the container, follow them in the ledger, tell how it ended
    emulator                   what the To Do emulator says about itself

Everything listens on 127.0.0.1 only.
"""
