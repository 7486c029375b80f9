"""Effects: an action becomes requests, and their replies become one observation.

`perform` chooses the effect. The effects are in `arriving`, `queueing`, `resolving` (with `name`), `opening`,
`sending`, `searching`, `reading_back` and `closing`. What they use is in `graph_calls` (Graph, as one account),
`source` (the blob, in the version that the entry is about), `held_claim` and `context` (all of these together).

At most one request of an effect changes anything at Graph; the others only read.

There is one way out of an effect: it returns an observation. A function that an effect calls returns either what was
asked for, or the observation that ends the effect, which the effect passes on:

    reply = context.graph.ask(request)
    if not isinstance(reply, GraphReply):
        return reply

So an exception of a port is caught where the port is called, and the return type of an effect lists all observations
that its action can lead to. Only one exception passes through: StorageUnavailable, where the ledger or the queue gave
no answer, so that nothing can be stored about what was sent. Then the queue delivers the message again.
"""
