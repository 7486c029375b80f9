"""Connecting a person's To Do: a browser signs in once, and the app uploads for that person from then on.

    person      who signed in, by the claims of an id token; what is refused
    account     what is kept of a connected account, and what never is
    pending_sign_in  one sign-in under way: bound to the browser that began it, good once, for minutes
    problems    what can go wrong in front of a person
    pages       what the person sees
    resume      uploads that waited for the person go on
    endpoints   the three addresses: connect, connected, disconnect
    ports       the identity provider and the store, as Protocols

Pure but for `endpoints` and `resume`, which only go through ports.
"""
