"""Lets uploads that wait for a person go on when the person signs in, instead of when a sweep next tries one."""

from shared.app.sign_in_line import SignInLine
from shared.sign_in.person import Person


def resume_uploads(line: SignInLine, person: Person) -> int:
    """Wake the first uploads that wait for *person*; each of them wakes more. Returns how many were woken here."""
    return sum(line.wake_first(name) for name in (person.object_id, person.name))
