"""The worker: a child process in which `azure_functions_runtime` indexes and runs the app's functions.

Two processes, not one, because that is where the guarantees come from: a function that blocks its event loop cannot
starve the renewal of leases, a timeout kills the worker and not the host, and a killed worker leaves a host behind
that gives its messages back.

    frames    what the two processes say to each other
    protos    the message classes that the library expects to be given
    child     the worker's side: everything that touches the library
    process   the host's side: one worker, from start to death
    respawn   the host's side: always a worker
"""
