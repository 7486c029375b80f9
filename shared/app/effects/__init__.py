"""An action becomes requests, and their replies become one observation.

`perform` chooses the effect; the effects are in `resolving`, `opening`, `sending`, `searching` and `closing`. What
they use is in `graph_calls` (Graph, as one account), `source` (the pinned blob) and `context` (both, and the claim).

At most one request of an effect changes anything outside; the others only read.

There is one way out of an effect: it returns what was seen. What an effect calls returns either what was asked for,
or the observation that ends the effect, and the effect passes that on:

    reply = context.graph.ask(request)
    if not isinstance(reply, GraphReply):
        return reply

So exceptions of the outside world end where the port is called, and the return type of an effect is the list of all
observations that its action can lead to. Only one thing is raised through all of this: StorageUnavailable, where
storage did not answer after something was sent, so that nothing can be stored about it. Then the queue delivers again.
"""
