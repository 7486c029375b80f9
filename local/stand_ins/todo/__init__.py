"""An emulator of Microsoft To Do: Graph's lists, tasks, attachments and upload sessions, with faults on request.

`service` is all of it without sockets, clock or chance: simulations call it in process. `server` serves it over HTTP.
Reading order, from the bottom up; no module imports one below it in this list:

    wire            requests, responses, and the ways in which a connection fails
    switches        records of switches, to and from JSON
    behaviour       a switch for each thing that Graph's reference leaves open
    refusals        error answers and their bodies
    content_range   the grammar of one header
    ids             ids that look like Exchange's
    mailbox         mailboxes, lists, tasks, attachments
    sessions        one upload session and its bytes
    store           all of them together, and the interface of what stores them beyond the process
    routes          which operation a method and a path mean
    faults          rules that make a request fail
    throttle        the published limits, and the waits that a Retry-After asked for
    journal         all requests, and those that a correct client would not send
    exchange        one request under way
    render          entities, dates and URLs in the form that the behaviour asks for
    call            a request at its endpoint, and what its path names
    callers         authentication: whose mailbox a request means
    listings        endpoints that only read
    rules           what holds for every attachment
    uploads         endpoints of upload sessions
    small_files     endpoints of attachments without a session
    replies         makes a response of an answer
    service         begin, complete, hang up
    state_directory stores everything so that it survives a kill
    control         the emulator's own endpoints
    server, cli     HTTP, and the command
"""
