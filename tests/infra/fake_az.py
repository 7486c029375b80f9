"""Stands in for the Azure CLI on PATH: records what it is called with, and answers as a scenario says.

The scenario is a JSON list of [words that a call begins with, answers]; an answer is [exit code, stdout, stderr], the
last one goes on for ever. Later entries of the list are asked first. Calls that nobody answers succeed silently.
"""

import json
import os
import sys

argv = sys.argv[1:]
home = os.environ["FAKE_AZ_HOME"]
with open(f"{home}/calls.jsonl", "a", encoding="utf-8") as out:  # noqa: PTH123 - started a thousand times: no imports
    out.write(json.dumps(argv) + "\n")

with open(f"{home}/scenario.json", encoding="utf-8") as scenario:  # noqa: PTH123
    answered = reversed(json.load(scenario))

for words, answers in answered:
    begins = [word for word in words if not word.startswith("*")]
    contains = [word[1:] for word in words if word.startswith("*")]
    if argv[: len(begins)] == begins and all(each in " ".join(argv) for each in contains):
        marks = f"{home}/count-{'-'.join(words).replace('/', '_').replace('*', '_')}"
        with open(marks, "a+", encoding="utf-8") as counter:  # noqa: PTH123
            counter.seek(0)
            count = len(counter.read())
            counter.write("x")
        code, stdout, stderr = answers[min(count, len(answers) - 1)]
        sys.stdout.write(stdout)
        sys.stderr.write(stderr)
        sys.exit(code)
