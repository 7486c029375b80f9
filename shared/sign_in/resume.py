"""Uploads that waited for a person to sign in go on at once, instead of at their next try (within ten minutes)."""

from shared.app.sign_in_line import SignInLine
from shared.sign_in.person import Person


def resume_uploads(line: SignInLine, person: Person) -> int:
    """Let the first uploads of *person* that wait go on, and those the others; how many first ones there were."""
    return sum(line.wake_first(name) for name in (person.object_id, person.name))
