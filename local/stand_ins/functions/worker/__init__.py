"""The worker: a child process in which `azure_functions_runtime` indexes and runs the app's functions.

There are two processes and not one, for three reasons: a function that blocks its event loop cannot hold up the renewal
of leases, a time-out kills the worker and not the host, and when a worker is killed, the host gives its messages back.

    frames    the messages between the two processes
    protos    the message classes that the library expects to be given
    child     the worker's side: everything that uses the library
    process   the host's side: one worker, from start to death
    respawn   the host's side: starts a new worker when one dies
"""
