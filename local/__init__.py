"""The embedded stack: the whole pipeline on one machine, for trying and for tests. Never deployed.

The commands, each a module of its own; `python -m local --help` lists them:

    up, attach, demo, status, retry, withdraw, reconcile, lists, show

The stack:

    stack                   all pieces: started, kept running, ended in order
    state_dir, known_ports  what a stack remembers, and how commands find the one that runs
    app_settings            the application's settings on this machine
    provision               container, queues and table, as the infrastructure makes them in the cloud
    child, supervised, tether  a child process; one that is started again; a leash for programs that have none
    azurite                 Microsoft's storage emulator
    event_grid              stands in for Event Grid: sees a blob written, calls the webhook
    functions/              stands in for the Functions host, around Microsoft's worker library
    todo/                   stands in for Microsoft To Do
    insights/               stands in for Application Insights: keeps what is sent, shows each upload as a tree
    entra/, sign_in         stands in for Entra; or a person signs in at the real one, with a code

What the commands share:

    target, running         the stack that runs, or one of the command's own
    sending                 sends some files: `put` puts them into the container, `follow` watches their entries
    uploads, by_name        what the ledger has, and what is done to the files that are named
    todo_lists              lists and tasks, by Graph's protocol
    progress, wording, log_lines    what a person sees
    options, exit_codes, interruptible  the command line, its statuses, and Ctrl-C

Everything listens on 127.0.0.1 only. docs/local-stack.md says who else can get in there.
"""
