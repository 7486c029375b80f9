"""A stand-in for Application Insights: it accepts what Azure Monitor's own exporter posts, stores it and shows it.

    rows        makes a row, as a Log Analytics workspace has it, of an envelope of the exporter
    workspace   the rows of a stack: one file of JSON lines for each table
    trace       the spans of one upload, as a tree for a terminal and as OTLP JSON for any viewer
    endpoint    the addresses that a connection string names, on loopback

Unlike the service it never samples or drops anything, answers every request at once, and has no queries. Its mapping of
envelopes to columns was written from the exporter's source and Microsoft's table reference, and has not been compared
with a real workspace.
"""
