"""A person's own page: what became of their files, and a way to send one without any right to the storage account.

    shown         an upload as its person sees it
    pages         what the person sees, and the script
    fields        what a browser sent, read with suspicion
    refusals      why a request comes to nothing, and what to do
    page_session  the cookie of a signed-in browser, and the key of its session
    ports         page sessions, signatures, and the blobs that the app writes itself, as Protocols
    signed_in     sessions are opened, found and ended
    task_choice   the lists and tasks to choose from, within the mailbox's budget
    own_uploads   the person's uploads, page by page; withdrawing one, and trying one again
    sending       a file is signed for, looked for, or written by the app
    endpoints     what each address responds

The first six are pure. The last five order effects, through the ports. Imported only where sign-in is set.
"""
