"""A stand-in for Application Insights: it takes what Azure Monitor's own exporter posts, and shows and keeps it.

    rows        an envelope of the exporter becomes a row, as a Log Analytics workspace has it
    workspace   the rows of a stack: one file of JSON lines per table
    trace       the spans of one upload, as a tree for a terminal and as OTLP JSON for any viewer
    endpoint    the addresses that a connection string names, on loopback

What it is not: the service. It neither samples nor drops, answers every request at once, and knows no query. Its
mapping of envelopes to columns was written from the exporter's source and Microsoft's table reference, and has not been
compared with a real workspace.
"""
