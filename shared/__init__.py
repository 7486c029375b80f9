"""todo-attach: a blob becomes an attachment of a Microsoft To Do task, once.

An invocation is: load the ledger entry, claim it, ask a pure function what to do, do exactly one outside thing,
record what was seen, schedule the next message; so that dying between any two of those costs time, never
correctness.

    pure         values in, values out: no I/O, no clock, no environment, no logging
      ranges         byte ranges: expected ranges, the next slice, Content-Range
      attachment     from a blob and its metadata to a request; the upload id
      ledger         the entry: everything known about one upload; claims
      delivery       which message may act
      observations   what can be seen of the outside world
      upload         decide what to do; absorb what was seen; the transition table
      graph_wire     Graph requests and replies, in prepare_/parse_ pairs
      matching       did it land? which listed attachment is ours
      names          lists and tasks by name
      outcome        what the person reads in the blob's tags
      messages       the range message
      entry_record   the entry as a flat record, and back
      admission      a blob, just seen, becomes a new entry
      exchange       one exchange with Graph in facts: ids, status, what it asked for
      records        what a step leaves for operators; the whole vocabulary of telemetry
      metrics        what records add up to
      backoff        delays, Retry-After
      errors         the exceptions, and what the queue does with each
    contracts
      ports          the outside world, as Protocols
    shell
      intake         a blob event becomes an entry
      effects        an action becomes one request, a reply becomes an observation
      runner         the cycle: the only place where effects are ordered
      sweep          what the timer does: start overdue uploads again
      reconcile      the container against the ledger, for blobs whose events never came
      settings       the only reader of the environment
      wiring         builds the adapters, once per process
      telemetry      records as lines of JSON
      sign_in/       a person connects their To Do, once, in a browser
      adapters/      one file per outside thing
"""
