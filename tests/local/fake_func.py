"""A stand-in for the program of Azure Functions Core Tools: their command line, and the stand-in for the host behind.

It asserts what real Core Tools need: a project in the directory where they are started, a language, a port. It takes
settings as they do: from local.settings.json where the environment has none of that name. Started by path, as `func`.
"""

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def main(arguments: list[str]) -> int:
    project = Path.cwd()
    if arguments[:2] != ["start", "--port"] or len(arguments) != 3:
        print(f"func: an action that the fake does not know: {arguments}")
        return 1
    missing = [name for name in ("host.json", "function_app.py") if not (project / name).exists()]
    if missing:
        print(f"Unable to find project root. Expecting to find one of {missing} in project root.")
        return 1
    settings = json.loads((project / "local.settings.json").read_text())["Values"]
    variables = {**settings, **os.environ}
    if variables.get("FUNCTIONS_WORKER_RUNTIME") != "python":
        print("Can't determine project language from files.")
        return 1
    command = [sys.executable, "-m", "local.stand_ins.functions", "--app", str(project), "--port", arguments[2]]
    with subprocess.Popen(
        [*command, "--keyless"], cwd=REPOSITORY, env=variables, stdout=subprocess.PIPE, text=True
    ) as host:
        signal.signal(signal.SIGTERM, lambda *_: host.terminate())
        assert host.stdout is not None
        for line in host.stdout:
            tell(json.loads(line))
        return host.wait()


def tell(event: dict[str, object]) -> None:
    """As a person reads it on a terminal."""
    if event.get("ready"):
        print("\nFunctions:\n\n        open_upload: blobTrigger\n\nFor detailed output, run func with --verbose flag.")
    if event.get("event") == "log":
        print(f"[{datetime.now(UTC).isoformat(timespec='milliseconds')[:-6]}Z] {event['message']}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
