import pytest

from shared.core.blob_path import DEFAULT_PATTERNS, PathPattern, PathTarget, parse_patterns, target_of

KIM = "00000000-0000-0000-0000-00000000000a"


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("Work/Plan/report.pdf", PathTarget("Work", "Plan", "")),
        ("kim@example.com/Work/Plan/report.pdf", PathTarget("Work", "Plan", "kim@example.com")),
        (f"{KIM}/Work/Plan/report.pdf", PathTarget("Work", "Plan", KIM)),
        ("Work/kim@example.com/report.pdf", PathTarget("Work", "kim@example.com", "")),
        ("Work / Plan /report.pdf", PathTarget("Work", "Plan", "")),
        ("Work/100%25 sure/report.pdf", PathTarget("Work", "100%25 sure", "")),
    ],
    ids=["list and task", "user by name", "user by object id", "an @ in the task", "outer spaces", "nothing decoded"],
)
def test_a_path_says_whose_list_and_task_it_is_for(name: str, target: PathTarget) -> None:
    assert target_of(name, DEFAULT_PATTERNS) == target


@pytest.mark.parametrize(
    "name",
    [
        "report.pdf",
        "Plan/report.pdf",
        "Scans/Work/Plan/report.pdf",
        "Work//report.pdf",
        "/Plan/report.pdf",
        "a/ /b",
        "",
        "a@b/c/d/e/f",
        "Work/Plan/",
    ],
    ids=repr,
)
def test_a_path_that_fits_no_pattern_says_nothing(name: str) -> None:
    assert target_of(name, DEFAULT_PATTERNS) is None


def test_a_pattern_may_have_folders_of_its_own_and_the_first_one_that_fits_counts() -> None:
    patterns = parse_patterns("todo/LIST/TASK/FILE, USER/todo/TASK/FILE ,TASK/FILE")
    assert not isinstance(patterns, str)
    assert target_of("todo/Work/Plan/a.pdf", patterns) == PathTarget("Work", "Plan", "")
    assert target_of("kim@example.com/todo/Plan/a.pdf", patterns) == PathTarget("", "Plan", "kim@example.com")
    assert target_of("Plan/a.pdf", patterns) == PathTarget("", "Plan", "")
    assert target_of("Todo/Work/Plan/a.pdf", patterns) is None


def test_a_pattern_is_written_as_it_is_read() -> None:
    assert parse_patterns(", ".join(map(str, DEFAULT_PATTERNS))) == DEFAULT_PATTERNS
    assert str(PathPattern(("LIST", "TASK", "FILE"))) == "LIST/TASK/FILE"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("LIST/FILE", "needs TASK"),
        ("TASK/FILE/LIST", "FILE at its end"),
        ("TASK", "FILE at its end"),
        ("TASK/TASK/FILE", "a word twice"),
        ("/TASK/FILE", "an empty part"),
        ("from-page/TASK/FILE", "which is for what the page sends"),
        ("LIST/TASK/FILE,from-page/LIST/TASK/FILE", "begins with from-page/"),
        ("TASK/FILE,", "an empty part"),
        ("", "an empty part"),
    ],
    ids=repr,
)
def test_what_is_no_pattern_is_said(text: str, reason: str) -> None:
    told = parse_patterns(text)
    assert isinstance(told, str)
    assert reason in told


def test_a_folder_whose_name_only_begins_as_the_page_s_may_be_named() -> None:
    assert parse_patterns("from-pages/TASK/FILE") == (PathPattern(("from-pages", "TASK", "FILE")),)
