"""Stands in for the Azure CLI on PATH, and for curl, azd and gh: records calls, and answers as a scenario says.

Each program on PATH is a few lines of shell. It hands its words to this process over a socket, prints what comes back,
and ends with the code that comes with it. A run of the tests starts some ten thousand of them: with a Python process
for each, that was most of the tests' time.
"""

import socketserver
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import override

type Answer = tuple[int, str, str]  # exit code, stdout, stderr

PROGRAMS = ("az", "curl", "azd", "gh")
# Words go as their number, then each with a NUL at its end; no word of a command line holds one. So does the answer.
_PROGRAM = """#!/bin/bash
exec 3<>"/dev/tcp/127.0.0.1/$FAKE_AZ_PORT" || exit 99
printf '%s\\0' "$#" "${0##*/}" "$@" >&3
IFS= read -r -d '' code <&3
IFS= read -r -d '' said <&3
IFS= read -r -d '' complained <&3
printf '%s' "$said"
printf '%s' "$complained" >&2
exit "$code"
"""
_INJECTED: Answer = (1, "", "ERROR: (Injected) something that waiting does not cure\n")


class FakeAz:
    """Answers for one run of a script. *home*: the script's scratch files are there.

    *answers*: what a call begins with (and, after a `*`, contains) to its answers, in turn; the last one goes on for
    ever. Later entries are asked first. Calls that nobody answers succeed silently. The call after *fails_at* others
    fails, whichever it is.
    """

    def __init__(self, home: Path, answers: Mapping[str, Sequence[Answer]], fails_at: int) -> None:
        self._home = home
        self._answers = [(_begins_and_contains(words), given) for words, given in reversed([*answers.items()])]
        self._fails_at = fails_at
        self._asked = Counter[int]()
        self._lock = threading.Lock()
        # Calls of the Azure CLI are recorded without its name; those of another program, with it.
        self.calls: list[list[str]] = []

    def answer(self, program: str, words: list[str]) -> Answer:
        with self._lock:
            call = words if program == "az" else [program, *words]
            self.calls.append(call)
            self._keep_given(words)
            if len(self.calls) - 1 == self._fails_at:
                return _INJECTED
            found = self._find(call)
            if found is None:
                return 0, "", ""
            code, said, complained = found
            if program == "curl" and "--write-out" not in words:
                Path(words[words.index("--output") + 1]).write_text(said, encoding="utf-8")
                said = ""
            return code, said, complained

    def _find(self, call: list[str]) -> Answer | None:
        for number, ((begins, contains), answers) in enumerate(self._answers):
            if call[: len(begins)] == begins and contains in " ".join(call):
                self._asked[number] += 1
                return answers[min(self._asked[number], len(answers)) - 1]
        return None

    def _keep_given(self, words: list[str]) -> None:
        """What a script hands over in a scratch file is gone afterwards: a copy is kept in given/."""
        for word in words:
            path = Path(word.removeprefix("@"))
            if str(path).startswith(f"{self._home}/tmp.") and path.is_file():
                (self._home / "given").mkdir(exist_ok=True)
                (self._home / "given" / path.name).write_bytes(path.read_bytes())


@contextmanager
def serving(fake: FakeAz, programs: Path) -> Iterator[Mapping[str, str]]:
    """Puts the programs into the folder *programs*; the environment that they need."""
    programs.mkdir(parents=True)
    for name in PROGRAMS:
        (programs / name).write_text(_PROGRAM, encoding="utf-8")
        (programs / name).chmod(0o755)

    class Call(socketserver.StreamRequestHandler):
        @override
        def handle(self) -> None:
            words = _words_from(self.rfile)
            answer = fake.answer(words[0], words[1:])
            self.wfile.write("".join(f"{each}\0" for each in answer).encode("utf-8", "surrogateescape"))

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Call) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield {"FAKE_AZ_PORT": str(server.server_address[1])}
        finally:
            server.shutdown()
            thread.join()


def _begins_and_contains(words: str) -> tuple[list[str], str]:
    begins, _, contains = words.partition(" *")
    return begins.split(), contains


def _words_from(stream: BufferedIOBase) -> list[str]:
    """The program's name, and the words that it was called with."""
    return [_word_from(stream) for _ in range(int(_word_from(stream)) + 1)]


def _word_from(stream: BufferedIOBase) -> str:
    word = bytearray()
    while (byte := stream.read(1)) not in {b"\0", b""}:
        word += byte
    return word.decode("utf-8", "surrogateescape")
