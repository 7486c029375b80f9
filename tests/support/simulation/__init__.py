"""A deterministic simulation: the whole application, many workers at once, every fault, one seed.

Each invocation is a greenlet that stops at every call of a port, before it is applied and after. A seeded scheduler
chooses which worker goes on, how much time passes, what is delivered (again), which worker dies and what fails.
Requests to Graph stay in flight while other workers run, so zombies and two PUTs at once can happen if the code is
wrong. The invariants are checked after each step, and the promise at the end of each schedule.

    python -m tests.support.simulation --seed 17             one schedule, printed step by step
    python -m tests.support.simulation --schedules 100000    as many as that, until the first failure
"""
