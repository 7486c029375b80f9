import pytest

from shared import errors
from shared.errors import AttachError, GraphNoReply, SettingsError, SignInNeeded

EVERY = [value for value in vars(errors).values() if isinstance(value, type) and value.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)
def test_every_exception_has_the_one_root(kind: type) -> None:
    assert issubclass(kind, AttachError)


@pytest.mark.parametrize("sent", [False, True])
def test_a_missing_reply_says_whether_anything_was_sent(sent: bool) -> None:
    error = GraphNoReply("no reply to put_slice: ReadTimeout", sent=sent)
    assert (str(error), error.detail, error.sent) == ("no reply to put_slice: ReadTimeout",) * 2 + (sent,)


def test_a_missing_token_says_whose() -> None:
    error = SignInNeeded("sam@example.com", "nobody is signed in")
    assert (error.account, error.detail, str(error)) == (
        "sam@example.com",
        "nobody is signed in",
        "nobody is signed in",
    )


def test_every_mistake_in_the_settings_has_a_line() -> None:
    error = SettingsError(["A is not set: set it", 'B is "x": use y'])
    assert str(error).splitlines()[1:] == ["  - A is not set: set it", '  - B is "x": use y']
    assert error.mistakes == ("A is not set: set it", 'B is "x": use y')
