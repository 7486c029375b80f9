"""A To Do service to run on a desk: Graph's lists, tasks, attachments and upload sessions, with faults on request.

`service` is the whole of it without sockets, clock or chance: simulations call it in process. `server` puts it on HTTP.
Reading order, from the bottom up; nothing imports upwards:

    wire            requests, responses and what else a client may live to see
    switches        records of switches, to and from JSON
    behaviour       how this server reads what the reference leaves open
    refusals        error answers and their bodies
    content_range   the grammar of one header
    ids             ids that look like Exchange's
    mailbox         mailboxes, lists, tasks, attachments
    sessions        one upload session and its bytes
    store           all of them together, and what keeps them
    routes          which operation a method and a path mean
    faults          rules that make a request go wrong
    throttle        the published limits, and promises to wait
    journal         what was asked, and what should not have been
    exchange        one request under way
    render          entities, dates, URLs in the shape that the behaviour asks for
    call            a request at its endpoint, and what its path names
    callers         who asks
    listings        endpoints that only read
    rules           what holds for every attachment
    uploads         endpoints of upload sessions
    small_files     endpoints of attachments without a session
    replies         from an answer to a response
    service         begin, complete, hang up
    state_directory what survives a kill
    control         the emulator's own endpoints
    server, cli     HTTP, and the command
"""
