import pytest

from shared.core.metadata_keys import ABOUT, KEYS, likely_key, slips


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("taks", "task"),
        ("tsak", "task"),
        ("tasks", "task"),
        ("tas", "task"),
        ("task_id", "taskid"),
        ("todo_task", "task"),
        ("tasktitle", "task"),
        ("list_id", "listid"),
        ("todo-list", "list"),
        ("lists", "list"),
        ("lsit", "list"),
        ("ListName", "list"),
        ("usr", "user"),
        ("users", "user"),
        ("file_name", "filename"),
    ],
)
def test_a_slip_of_the_pen_is_known_for_what_it_was_meant_to_be(key: str, meant: str) -> None:
    assert likely_key(key) == meant
    assert slips([key]) == {key: meant}


@pytest.mark.parametrize(
    ("key", "like"), [("used", "user"), ("last", "list"), ("tags", "task"), ("tadk", "task"), ("userid", "user")]
)
def test_what_may_be_a_word_of_its_own_is_like_a_key_and_no_slip(key: str, like: str) -> None:
    assert likely_key(key) == like
    assert slips([key]) == {}


@pytest.mark.parametrize(
    "key", ["colour", "author", "mtime", "mask", "desk", "hdi_isfolder", "lastmodified", "filesize", "", "todo"]
)
def test_what_is_like_none_of_our_keys_is_let_be(key: str) -> None:
    assert likely_key(key) == ""
    assert slips([key]) == {}


def test_every_key_is_about_something() -> None:
    assert set(ABOUT) == set(KEYS)
