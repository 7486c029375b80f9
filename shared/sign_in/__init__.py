"""A person connects their To Do: a browser signs in once, and the app uploads for that person from then on.

    person           who signed in
    id_token         checks the claims of an ID token
    account          a connected account, and the bytes that it is stored as
    pending_sign_in  a sign-in that is under way: bound to the browser that began it, valid once and for minutes
    browser          what a browser sends and gets, and its cookie
    problems         what can go wrong in front of a person
    look             how all pages look, and the headers that protect them
    pages            what the person sees
    ports            the identity provider and the stores, as Protocols
    connecting       what is written when an account is connected or disconnected
    endpoints        the three endpoints: connect, connected, disconnect
    account_tokens   access tokens of connected accounts, for uploads
    resume           lets uploads go on that waited for the person

The first eight are pure. The others order effects, through the ports.
"""
