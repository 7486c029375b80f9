"""The record of a stack that runs, for tests that start none."""

import os

from local.stack.state_dir import RunningRecord


def a_record(storage: str = "") -> RunningRecord:
    """Of this very process, without an emulator."""
    return RunningRecord(
        pid=os.getpid(),
        storage=storage,
        container="attachments",
        queue="upload-ranges",
        table="uploads",
        graph="http://127.0.0.1:1/v1.0",
        functions="http://127.0.0.1:2",
        account="sam@example.com",
        accounts=("sam@example.com",),
        tokens={},
        connect_url="",
        durable=True,
        emulator=None,
    )
