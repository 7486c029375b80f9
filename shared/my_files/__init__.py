"""The page of a person's own files: what became of them, and a way to send one without a right to the storage account.

    shown         an upload as its person sees it
    pages         the HTML of the page, and its script
    fields        checks what a browser sent
    refusals      why a request is refused, and what the person can do
    page_session  the cookie of a signed-in browser, and the key of its session
    ports         page sessions, signatures, and the blobs that the app writes itself, as Protocols
    signed_in     opens, finds and ends page sessions
    task_choice   the lists and tasks to choose from, within the mailbox's budget
    own_uploads   the person's uploads, page by page; withdraws one, or tries one again
    sending       signs for a file, looks whether it has come, or writes it
    endpoints     the response at each address

The first six are pure. The last five order effects, through the ports. The package is imported only where sign-in is
set.
"""
