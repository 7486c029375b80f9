from collections.abc import Mapping
from datetime import timedelta

import pytest

from shared.core.blob_path import DEFAULT_PATTERNS, PathPattern
from shared.core.ranges import MAX_SLICE_BYTES
from shared.errors import SettingsError
from shared.settings import MAX_FILE_BYTES, Connection, Settings

SECRET = "canary-secret"
LEAST = {
    "AttachmentStorage": f"AccountName=a;AccountKey={SECRET}",
    "TODO_ATTACH_CONTAINER": "attachments",
    "TODO_ATTACH_QUEUE": "ranges",
    "TODO_ATTACH_TABLE": "Uploads",
    "TODO_ATTACH_DEFAULT_ACCOUNT": "sam@example.com",
    "TODO_ATTACH_TOKENS": f'{{"sam@example.com": "{SECRET}"}}',
}
BY_IDENTITY = {
    "AttachmentStorage": "",
    "AttachmentStorage__blobServiceUri": "https://a.blob.example.net",
    "AttachmentStorage__queueServiceUri": "https://a.queue.example.net",
    "AttachmentStorage__tableServiceUri": "https://a.table.example.net",
}


def settings(**changes: str) -> Settings:
    return Settings.from_environ(LEAST | changes)


def mistakes(environ: Mapping[str, str]) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as refusal:
        Settings.from_environ(environ)
    return refusal.value.mistakes


def test_the_least_that_must_be_set_gives_the_documented_defaults() -> None:
    found = settings()
    assert (found.container, found.queue, found.table) == ("attachments", "ranges", "Uploads")
    assert (found.graph_root, found.mailbox_by_id) == ("https://graph.microsoft.com/v1.0", False)
    assert (found.delete_attached, found.delete_sent, found.names_others, found.read_back) == (False, True, True, False)
    assert found.stalled_after == timedelta(minutes=15)
    assert (found.limits.slice_bytes, found.limits.max_file_bytes) == (MAX_SLICE_BYTES, MAX_FILE_BYTES)
    assert (found.limits.deadline, found.limits.claim) == (timedelta(seconds=90), timedelta(seconds=120))
    assert (found.limits.empty_file_wait, found.limits.max_age) == (timedelta(minutes=10), timedelta(hours=24))
    assert found.limits.sign_in_wait == timedelta(days=14)


def test_paths_are_read_by_default_in_patterns_of_one_s_own_or_not_at_all() -> None:
    assert settings().paths == DEFAULT_PATTERNS
    assert settings(TODO_ATTACH_PATHS="todo/TASK/FILE").paths == (PathPattern(("todo", "TASK", "FILE")),)
    assert settings(TODO_ATTACH_PATHS="OFF").paths == ()


def test_what_is_replaced_is_a_minute_old_at_most_or_as_the_setting_says() -> None:
    name = "TODO_ATTACH_REPLACE_WITHIN_SECONDS"
    assert settings().limits.replace_within == timedelta(minutes=1)
    assert settings(**{name: "0"}).limits.replace_within == timedelta()
    assert settings(**{name: "86400"}).limits.replace_within == timedelta(days=1)
    assert settings(**{name: "Always"}).limits.replace_within == timedelta.max


@pytest.mark.parametrize("value", ["-1", "86401", "never", "1.5", "1e3", "99999999"])
def test_a_time_of_replacing_that_is_none_is_said_with_the_remedy(value: str) -> None:
    (mistake,) = mistakes(LEAST | {"TODO_ATTACH_REPLACE_WITHIN_SECONDS": value})
    assert mistake == (
        f'TODO_ATTACH_REPLACE_WITHIN_SECONDS is "{value}": use whole seconds from 0 (never) to 86400, or always'
    )


def test_a_path_pattern_that_names_no_task_is_said_with_the_remedy() -> None:
    (mistake,) = mistakes(LEAST | {"TODO_ATTACH_PATHS": "LIST/FILE"})
    assert mistake == (
        'TODO_ATTACH_PATHS is "LIST/FILE": "LIST/FILE" needs TASK, and FILE at its end; '
        "use paths such as LIST/TASK/FILE with commas between, or off"
    )


def test_whose_the_prefixes_are_is_nobody_s_by_default_and_a_mistake_is_said_with_the_remedy() -> None:
    assert settings().path_accounts == {}
    named = settings(TODO_ATTACH_PATH_ACCOUNTS='{"alice/": "alice@example.com"}')
    assert named.path_accounts == {"alice/": "alice@example.com"}
    (mistake,) = mistakes(LEAST | {"TODO_ATTACH_PATH_ACCOUNTS": '{"alice": "a"}'})
    assert '"alice" is no prefix' in mistake
    assert mistake.endswith('; use a JSON object such as {"alice/": "alice@example.com"}')


def test_a_connection_is_a_string_or_services_with_an_identity() -> None:
    assert settings().storage == Connection(connection_string=LEAST["AttachmentStorage"])
    assert settings(**BY_IDENTITY, AttachmentStorage__clientId="id").storage == Connection(
        blob_uri="https://a.blob.example.net",
        queue_uri="https://a.queue.example.net",
        table_uri="https://a.table.example.net",
        client_id="id",
    )


def test_every_mistake_is_found_at_once() -> None:
    assert [mistake.split(" ")[0] for mistake in mistakes({})] == [
        "AttachmentStorage",
        "TODO_ATTACH_CONTAINER",
        "TODO_ATTACH_QUEUE",
        "TODO_ATTACH_TABLE",
        "TODO_ATTACH_DEFAULT_ACCOUNT",
        "TODO_ATTACH_TOKENS",
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TODO_ATTACH_CONTAINER", "Attachments"),
        ("TODO_ATTACH_CONTAINER", "ab"),
        ("TODO_ATTACH_CONTAINER", "a--b"),
        ("TODO_ATTACH_CONTAINER", "-ab"),
        ("TODO_ATTACH_CONTAINER", "a" * 64),
        ("TODO_ATTACH_QUEUE", "a" * 57),
        ("TODO_ATTACH_QUEUE", "my_queue"),
        ("TODO_ATTACH_TABLE", "1table"),
        ("TODO_ATTACH_TABLE", "my-table"),
        ("TODO_ATTACH_DEFAULT_ACCOUNT", "  "),
        ("TODO_ATTACH_MAILBOX_PATH", "everybody"),
        ("TODO_ATTACH_DELETE_ATTACHED", "yes"),
        ("TODO_ATTACH_DELETE_SENT", "no"),
        ("TODO_ATTACH_PATHS", "from-page/TASK/FILE"),
        ("TODO_ATTACH_REJECTIONS_NAME_OTHERS", "no"),
        ("TODO_ATTACH_READ_BACK", "true"),
        ("TODO_ATTACH_SLICE_BYTES", str(MAX_SLICE_BYTES + 1)),
        ("TODO_ATTACH_SLICE_BYTES", "327679"),
        ("TODO_ATTACH_SLICE_BYTES", "4MB"),
        ("TODO_ATTACH_SLICE_BYTES", "500000.5"),
        ("TODO_ATTACH_MAX_FILE_BYTES", str(MAX_FILE_BYTES + 1)),
        ("TODO_ATTACH_MAX_FILE_BYTES", "0"),
        ("TODO_ATTACH_REQUEST_DEADLINE_SECONDS", "0"),
        ("TODO_ATTACH_REQUEST_DEADLINE_SECONDS", "nan"),
        ("TODO_ATTACH_CLAIM_MARGIN_SECONDS", "inf"),
        ("TODO_ATTACH_EMPTY_FILE_WAIT_SECONDS", "-1"),
        ("TODO_ATTACH_MAX_AGE_HOURS", "0"),
        ("TODO_ATTACH_SIGN_IN_WAIT_DAYS", "91"),
        ("TODO_ATTACH_STALLED_AFTER_SECONDS", "0"),
        ("TODO_ATTACH_KEEP_FINISHED_DAYS", "7"),
        ("TODO_ATTACH_KEEP_FINISHED_DAYS", "-1"),
        ("TODO_ATTACH_KEEP_FINISHED_DAYS", "3651"),
        ("TODO_ATTACH_CATCH_UP_SECONDS", "0.5"),
        ("TODO_ATTACH_CATCH_UP_SECONDS", "121"),
        ("TODO_ATTACH_DEAD_LETTERS", "Dead_Letters"),
        ("TODO_ATTACH_DEAD_LETTERS", LEAST["TODO_ATTACH_CONTAINER"]),
        ("TODO_ATTACH_GRAPH_ROOT", "http://graph.microsoft.com/v1.0"),
        ("TODO_ATTACH_GRAPH_ROOT", "https://graph.example.com/v1.0"),
        ("TODO_ATTACH_GRAPH_ROOT", "https://graph.microsoft.com.evil.example/v1.0"),
        ("TODO_ATTACH_GRAPH_ROOT", "https://graph.microsoft.com:x/v1.0"),
        ("TODO_ATTACH_GRAPH_ROOT", "https://[::1/v1.0"),
        ("TODO_ATTACH_GRAPH_ROOT", "ftp://graph.microsoft.com/v1.0"),
        ("TODO_ATTACH_GRAPH_ROOT", "graph.microsoft.com"),
        ("TODO_ATTACH_GRAPH_ROOT", "https://gräph.microsoft.com/v1.0"),
        ("TODO_ATTACH_GRAPH_ROOT", "https://graph.microsoft.com"),
        ("TODO_ATTACH_GRAPH_ROOT", "https://graph.microsoft.com/v1.0/me"),
        ("TODO_ATTACH_GRAPH_ROOT", "http://127.0.0.1:8080"),
    ],
    ids=lambda text: text[:48],
)
def test_a_mistake_is_said_by_name_value_and_remedy(name: str, value: str) -> None:
    (mistake,) = mistakes(LEAST | {name: value})
    assert mistake.startswith(f'{name} is "{value.strip()[:60]}": ' if value.strip() else f"{name} is not set: ")
    assert "use " in mistake or "set it" in mistake


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TODO_ATTACH_GRAPH_ROOT", "https://sam:password@graph.microsoft.com/v1.0"),
        ("AttachmentStorage__blobServiceUri", "http://account.blob.core.windows.net/?sig=password"),
    ],
)
def test_a_value_that_may_hold_a_secret_is_not_repeated(name: str, value: str) -> None:
    told = "\n".join(mistakes({**LEAST, "AttachmentStorage": "", name: value}))
    assert f'{name} is "(hidden)": use ' in told
    assert "password" not in told


def test_a_number_s_bounds_are_told_in_full() -> None:
    (mistake,) = mistakes(LEAST | {"TODO_ATTACH_SLICE_BYTES": "4194304"})
    assert mistake == 'TODO_ATTACH_SLICE_BYTES is "4194304": use a number from 327680 to 3932160'


@pytest.mark.parametrize(
    "url",
    [
        "https://graph.micro\nsoft.com/v1.0",
        "https://graph.microsoft.com\t/v1.0",
        "https://graph.microsoft.com\\@evil.example/v1.0",
        "https://graph.microsoft.com%2f@evil.example/v1.0",
        "https://graph.microsoft.com/%76%31.0",
        "https://graph.microsoft.com//v1.0",
        "https://graph.microsoft.com/../v1.0",
        "https://graph.microsoft.com/v1.0;x",
        "https://graph.microsoft.com/v1.0#/v1.0",
        'https://graph.microsoft.com/"><script>/v1.0',
        "https://gr\u0430ph.microsoft.com/v1.0",
    ],
    ids=ascii,
)
def test_a_url_that_two_parsers_might_read_differently_is_none(url: str) -> None:
    (mistake,) = mistakes(LEAST | {"TODO_ATTACH_GRAPH_ROOT": url})
    assert mistake.endswith("use a Graph root such as https://graph.microsoft.com/v1.0")
    found = mistakes(LEAST | BY_IDENTITY | {"AttachmentStorage__tableServiceUri": url})
    assert [each.split(" ")[0] for each in found] == ["AttachmentStorage__tableServiceUri"]


def test_the_cloud_without_to_do_is_refused_by_name() -> None:
    (mistake,) = mistakes(LEAST | {"TODO_ATTACH_GRAPH_ROOT": "https://microsoftgraph.chinacloudapi.cn/v1.0"})
    assert "21Vianet" in mistake


@pytest.mark.parametrize(
    "root",
    [
        "https://graph.microsoft.us/v1.0",
        "https://dod-graph.microsoft.us/v1.0",
        "http://127.0.0.1:7071/v1.0",
        "http://localhost:7071/v1.0",
        "http://[::1]:7071/v1.0",
    ],
)
def test_the_clouds_that_have_to_do_and_this_machine_are_graph_roots(root: str) -> None:
    assert settings(TODO_ATTACH_GRAPH_ROOT=root + "/").graph_root == root


def test_a_deadline_and_its_margin_stay_within_half_of_the_queue_s_lease() -> None:
    (mistake,) = mistakes(
        LEAST | {"TODO_ATTACH_REQUEST_DEADLINE_SECONDS": "240", "TODO_ATTACH_CLAIM_MARGIN_SECONDS": "61"}
    )
    assert "TODO_ATTACH_CLAIM_MARGIN_SECONDS" in mistake
    within = settings(TODO_ATTACH_REQUEST_DEADLINE_SECONDS="240", TODO_ATTACH_CLAIM_MARGIN_SECONDS="60")
    assert within.limits.claim == timedelta(seconds=300)


@pytest.mark.parametrize(
    ("services", "named"),
    [
        ({}, ["AttachmentStorage"]),
        (
            {"AttachmentStorage__blobServiceUri": "https://a.blob.example.net"},
            ["AttachmentStorage__queueServiceUri", "AttachmentStorage__tableServiceUri"],
        ),
        (BY_IDENTITY | {"AttachmentStorage__tableServiceUri": "http://t"}, ["AttachmentStorage__tableServiceUri"]),
        (
            {f"AttachmentStorage__{name}ServiceUri": "http://x" for name in ("blob", "queue", "table")},
            [f"AttachmentStorage__{name}ServiceUri" for name in ("blob", "queue", "table")],
        ),
    ],
    ids=["nothing", "half", "not https", "none of them https"],
)
def test_a_connection_that_cannot_be_used_names_what_is_wrong(services: dict[str, str], named: list[str]) -> None:
    found = mistakes(LEAST | {"AttachmentStorage": ""} | services)
    assert [mistake.split(" ")[0] for mistake in found] == named


@pytest.mark.parametrize(
    "changes",
    [
        {"AttachmentStorage": SECRET},
        {"TODO_ATTACH_TOKENS": SECRET},
        {"TODO_ATTACH_TOKENS": f'["{SECRET}"]'},
        {"TODO_ATTACH_TOKENS": f'{{"sam": ["{SECRET}"]}}'},
        {"TODO_ATTACH_TOKENS": f'{{"sam": "", "kim": "{SECRET}"}}'},
    ],
    ids=["connection string", "not JSON", "not an object", "not a token", "empty token"],
)
def test_a_mistake_in_a_secret_never_repeats_it(changes: dict[str, str]) -> None:
    (mistake,) = mistakes(LEAST | changes)
    assert SECRET not in mistake
    assert "(hidden)" in mistake


def test_no_secret_stands_in_the_settings_text() -> None:
    assert SECRET not in repr(settings())


def test_choices_and_numbers_are_read() -> None:
    found = settings(
        TODO_ATTACH_MAILBOX_PATH="Users",
        TODO_ATTACH_DELETE_ATTACHED="TRUE",
        TODO_ATTACH_DELETE_SENT="FALSE",
        TODO_ATTACH_REJECTIONS_NAME_OTHERS="False",
        TODO_ATTACH_READ_BACK="On",
        TODO_ATTACH_SLICE_BYTES=" 327680 ",
        TODO_ATTACH_MAX_AGE_HOURS="0.5",
    )
    assert (found.mailbox_by_id, found.delete_attached, found.delete_sent) == (True, True, False)
    assert not found.names_others
    assert found.read_back
    assert (found.limits.slice_bytes, found.limits.max_age) == (327_680, timedelta(minutes=30))


@pytest.mark.parametrize(("days", "keep"), [("", None), ("0", None), ("8", 8), ("3650", 3_650)])
def test_finished_entries_are_kept_for_ever_or_for_more_than_a_week(days: str, keep: int | None) -> None:
    found = settings(TODO_ATTACH_KEEP_FINISHED_DAYS=days).keep_finished
    assert found == (timedelta(days=keep) if keep is not None else None)


WATCHED = {
    "PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY": "True",
    "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "azure_sdk, flask,requests,urllib3",
}


def test_telemetry_is_on_where_the_worker_library_takes_it_to_be_on() -> None:
    assert settings(**WATCHED).telemetry
    assert not settings(PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY="on").telemetry
    assert not settings().telemetry


def test_telemetry_is_refused_while_a_library_would_put_upload_urls_into_spans() -> None:
    (mistake,) = mistakes(LEAST | WATCHED | {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "requests,flask"})
    assert mistake.startswith(
        'OTEL_PYTHON_DISABLED_INSTRUMENTATIONS is "requests,flask": name azure_sdk, urllib3 in it'
    )
