"""The embedded stack: the whole pipeline on one machine, for trying and for tests. Never deployed.

The commands, each a module of its own; `python -m local --help` lists them:

    up, attach, demo, status, retry, withdraw, reconcile, lists, show

The stack:

    stack                   starts all pieces, keeps them running, ends them in order
    state_dir, known_ports  what a stack stores for its next start, and how commands find the one that runs
    app_settings            the application's settings on this machine
    provision               makes container, queues and table, as the infrastructure does in the cloud
    child, supervised, tether  a child process; one that is started again; a program that ends with its parent
    azurite                 Microsoft's storage emulator
    event_grid              stands in for Event Grid: sees a blob written, calls the webhook
    functions/              stands in for the Functions host, around Microsoft's worker library
    todo/                   the To Do emulator
    insights/               stands in for Application Insights: keeps what is sent, shows each upload as a tree
    entra/, sign_in         stands in for Entra; or a person signs in at the real one, with a code

What the commands share:

    target, running         the stack that runs, or one of the command's own
    sending                 sends some files: `put` puts them into the container, `follow` watches their entries
    uploads, by_name        the uploads in the ledger; a command that acts on the files it is given by name
    todo_lists              lists and tasks, by Graph's protocol
    progress, report, wording, log_lines    what a person sees
    options, exit_codes, interruptible  the command line, its exit statuses, and Ctrl-C

Everything listens on 127.0.0.1 only. docs/local-stack.md says who else on this machine can reach it.
"""
