"""Stands in for the Azure CLI on PATH: records what it is called with, and answers as a scenario says.

Under another name (curl, azd, gh) it stands in for that program. What curl is told to write to a file goes there,
except for what --write-out asks for.

The scenario is a list of [words that a call begins with, answers]; an answer is [exit code, stdout, stderr], the last
one goes on for ever. Later entries of the list are asked first. Calls that nobody answers succeed silently. With
FAKE_AZ_FAILS_AT=N the call after N others fails, whichever it is.

A run of the tests starts it some ten thousand times. So it imports what the interpreter has in itself: `json` alone
would double its cost.
"""

import marshal
import os
import sys

program = os.path.basename(sys.argv[0])  # noqa: PTH119
# Calls of the Azure CLI are recorded without its name; those of another program, with it.
argv = sys.argv[1:] if program == "az" else [program, *sys.argv[1:]]
home = os.environ["FAKE_AZ_HOME"]
with open(f"{home}/calls", "a+", encoding="utf-8") as log:  # noqa: PTH123
    log.seek(0)
    before = len(log.readlines())
    log.write(f"{argv!r}\n")
for word in argv:
    # What a script hands over in a scratch file is gone afterwards: a copy is kept in given/.
    path = word.removeprefix("@")
    if path.startswith(f"{home}/tmp.") and os.path.isfile(path):  # noqa: PTH113
        os.makedirs(f"{home}/given", exist_ok=True)  # noqa: PTH103
        with open(path, "rb") as given, open(f"{home}/given/{os.path.basename(path)}", "wb") as copy:  # noqa: PTH119, PTH123
            copy.write(given.read())
if before == int(os.environ.get("FAKE_AZ_FAILS_AT", "-1")):
    sys.exit("ERROR: (Injected) something that waiting does not cure")

with open(f"{home}/scenario", "rb") as scenario:  # noqa: PTH123
    answered = reversed(marshal.load(scenario))

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
        if program == "curl" and "--write-out" not in argv:
            with open(argv[argv.index("--output") + 1], "w", encoding="utf-8") as body:  # noqa: PTH123
                body.write(stdout)
        else:
            sys.stdout.write(stdout)
        sys.stderr.write(stderr)
        sys.exit(code)
