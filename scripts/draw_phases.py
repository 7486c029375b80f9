#!/usr/bin/env python
"""Draws the phases of an upload, as Mermaid and Markdown, from the code that decides about them.

    .venv/bin/python scripts/draw_phases.py            print the picture
    .venv/bin/python scripts/draw_phases.py --write    put it into docs/ARCHITECTURE.md, between the two markers

The moves come from three places: `transitions.TRANSITIONS` (after an observation), `entry.claimed` (with a claim), and
`decide.decide` (at a bound). This script calls them: no move is listed here a second time.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from shared.core.actions import End
from shared.core.attachment import BlobVersion, Reference
from shared.core.decide import decide
from shared.core.entry import Entry, LandedAs, Phase, Report, Session, SignInWait, claimed
from shared.core.limits import Limits
from shared.core.observations import Admitted
from shared.core.transitions import TRANSITIONS

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "ARCHITECTURE.md"
BEGIN = "<!-- phases: begin, made by scripts/draw_phases.py -->"
END = "<!-- phases: end -->"

TAKEN_OVER, AWAKE, BOUND = "taken over", "tried again", "a bound"

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_LIMITS = Limits(
    slice_bytes=1,
    max_file_bytes=1,
    deadline=timedelta(seconds=1),
    claim=timedelta(seconds=2),
    empty_file_wait=timedelta(),
    append_quiet=timedelta(),
    replace_within=timedelta(),
    missing_patience=timedelta(),
    max_age=timedelta(hours=1),
    sign_in_wait=timedelta(days=1),
    queue_wait=timedelta(days=1),
)

# From, what happened, to.
Move = tuple[Phase, str, Phase]


def draw() -> str:
    """The picture, and the table of everything that it leaves out."""
    moves = list(dict.fromkeys([*_observed(), *_claimed(), *_bounded()]))
    return "\n".join(["```mermaid", *_diagram(moves), "```", "", *_table(moves)])


def insert(document: str, drawn: str) -> str:
    """*document* with *drawn* between the markers. Raises ValueError where it does not have them."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the document lacks the lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{drawn}\n\n{END}{after}"


def _observed() -> Iterator[Move]:
    for phase, actions in TRANSITIONS.items():
        for seen in actions.values():
            for kind, targets in seen.items():
                yield from ((phase, kind.__name__, target) for target in sorted(targets))


def _claimed() -> Iterator[Move]:
    """The moves that `entry.claimed` makes: of each kind of entry that a dead worker left behind, or that waits."""
    for phase in _live():
        for entry in _kinds(phase):
            after = claimed(entry, owner="w", until=_NOW, now=_NOW, taken_over=True)
            if after.phase is not phase:
                yield phase, TAKEN_OVER, after.phase
    for resume in _live():
        if any(Phase.WAITING in targets for seen in TRANSITIONS[resume].values() for targets in seen.values()):
            waiting = replace(
                _entry(Phase.WAITING), sign_in_wait=SignInWait(resume, _NOW), report=Report(Phase.WAITING)
            )
            yield Phase.WAITING, AWAKE, claimed(waiting, owner="w", until=_NOW, now=_NOW, taken_over=False).phase


def _bounded() -> Iterator[Move]:
    for phase in [*_live(), Phase.WAITING]:
        for entry in _kinds(phase):
            end = decide(entry, now=_NOW + 2 * _LIMITS.max_age, limits=_LIMITS)
            if isinstance(end, End):
                yield phase, BOUND, end.phase
    # "Created" without an id: `landed` is only ever set together with this phase.
    landed = replace(_entry(Phase.CONFIRMING), landed=LandedAs.UNNAMED)
    end = decide(landed, now=_NOW + 2 * _LIMITS.max_age, limits=_LIMITS)
    if isinstance(end, End):
        yield Phase.CONFIRMING, BOUND, end.phase


def _kinds(phase: Phase) -> Iterator[Entry]:
    """Entries in the phase, of each kind that matters.

    That is: with and without bytes, before and after the first request that may attach, read back with other bytes.
    """
    for size in (1, 0):
        for opened in (None, _NOW):
            yield replace(_entry(phase), size=size, first_opened_at=opened)
    if phase is Phase.VERIFYING:
        yield replace(_entry(phase), garbled_id="A")


def _entry(phase: Phase) -> Entry:
    return Entry(
        upload_id="",
        blob=BlobVersion("", "", "", ""),
        size=1,
        account="",
        wanted_list=Reference(),
        wanted_task=Reference(),
        attachment_name="",
        created_at=_NOW,
        phase=phase,
        session=Session("") if phase in {Phase.SENDING, Phase.LOCATING} else None,
    )


def _live() -> list[Phase]:
    return [phase for phase in Phase if not phase.is_terminal and phase is not Phase.WAITING]


def _diagram(moves: list[Move]) -> Iterator[str]:
    drawn = [*_live(), Phase.ATTACHED]
    yield "stateDiagram-v2"
    yield f"    [*] --> {Phase.QUEUED}"
    yield f"    [*] --> {Phase.ARRIVING}"
    for source in drawn:
        for target in drawn:
            if source is not target and (labels := _labels(moves, source, target)):
                yield f"    {source} --> {target}: {', '.join(labels)}"
    yield f"    {Phase.ATTACHED} --> [*]"


def _table(moves: list[Move]) -> Iterator[str]:
    drawn = [*_live(), Phase.ATTACHED]
    asides = [phase for phase in Phase if phase not in drawn]
    yield "| while | stays at | " + " | ".join(f"goes to `{phase}` at" for phase in asides) + " |"
    yield "|---" * (len(asides) + 2) + "|"
    for source in [*_live(), Phase.WAITING]:
        cells = [", ".join(_labels(moves, source, target)) for target in (source, *asides)]
        if source is Phase.WAITING:
            cells[1 + asides.index(Phase.WAITING)] = ""
        yield f"| `{source}` | " + " | ".join(cells) + " |"
    awake = next(target for start, label, target in moves if (start, label) == (Phase.WAITING, AWAKE))
    returns = [f"`{target}`" for start, label, target in moves if (start, label) == (awake, Admitted.__name__)]
    yield ""
    back = ", ".join(returns)
    yield f"`{Phase.WAITING}` goes to `{awake}` when it is {AWAKE}, and from there to where it came from: {back}."


def _labels(moves: list[Move], source: Phase, target: Phase) -> list[str]:
    return [label for start, label, stop in moves if (start, stop) == (source, target)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put the picture into docs/ARCHITECTURE.md")
    if parser.parse_args().write:
        DOCUMENT.write_text(insert(DOCUMENT.read_text(encoding="utf-8"), draw()), encoding="utf-8")
    else:
        print(draw())


if __name__ == "__main__":
    main()
