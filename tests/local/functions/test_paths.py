"""Blob paths and routes."""

import pytest

from local.stand_ins.functions.blob_path import BlobPath, blob_of_url
from local.stand_ins.functions.http_route import Route


@pytest.mark.parametrize(
    ("pattern", "blob", "captures"),
    [
        ("drop/{name}", "a.txt", {"name": "a.txt"}),
        ("drop/{name}", "deep/er/a.txt", {"name": "deep/er/a.txt"}),
        ("drop/{name}.{kind}", "a.b.txt", {"name": "a.b", "kind": "txt"}),
        ("drop/in/{name}.txt", "in/a.txt", {"name": "a"}),
        ("drop/in/{name}.txt", "out/a.txt", {}),
        ("drop/a+b", "a+b", {}),
        ("Drop/{name}", "line\nbreak", {"name": "line\nbreak"}),
    ],
)
def test_a_blobs_name_gives_the_captures(pattern: str, blob: str, captures: dict[str, str]) -> None:
    assert BlobPath.parse(pattern).captures("drop", blob) == captures


def test_another_container_gives_none() -> None:
    assert BlobPath.parse("drop/{name}").captures("other", "a") == {}


@pytest.mark.parametrize("pattern", ["", "drop", "drop/", "{container}/a", "drop/{name}-{name}"])
def test_what_is_no_blob_path_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="blob path"):
        BlobPath.parse(pattern)


@pytest.mark.parametrize(
    ("url", "blob"),
    [
        ("https://account.blob.core.windows.net/drop/a%20b/%C3%BC.txt", ("drop", "a b/ü.txt")),
        ("http://127.0.0.1:10000/devstoreaccount1/drop/a%252Fb", ("drop", "a%2Fb")),
        ("http://localhost:10000/devstoreaccount1/drop/dir//dbl", ("drop", "dir//dbl")),
    ],
)
def test_a_url_gives_container_and_blob(url: str, blob: tuple[str, str]) -> None:
    assert blob_of_url(url) == blob


@pytest.mark.parametrize("url", ["http://127.0.0.1/devstoreaccount1/drop", "https://a.blob.core.windows.net/drop/"])
def test_a_container_s_url_gives_no_blob(url: str) -> None:
    assert blob_of_url(url) == ("drop", "")


@pytest.mark.parametrize("url", ["http://127.0.0.1/devstoreaccount1", "https://a.blob.core.windows.net/", ""])
def test_a_url_of_no_blob_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="not the URL of a blob"):
        blob_of_url(url)


@pytest.mark.parametrize(
    ("template", "path", "parameters"),
    [
        ("orders", "/orders", {}),
        ("orders", "/Orders/", {}),
        ("orders/{id:int}", "/orders/-7", {"id": "-7"}),
        ("orders/{id:int}", "/orders/x", None),
        ("orders/{id}/{part?}", "/orders/7", {"id": "7"}),
        ("orders/{id}/{part?}", "/orders/a%2Fb/c", {"id": "a/b", "part": "c"}),
        ("orders/{id}", "/orders", None),
        ("files/{*rest}", "/files/a/b", {"rest": "a/b"}),
        ("files/{*rest}", "/files", {}),
        ("", "/", {}),
    ],
)
def test_a_route_takes_what_it_describes(template: str, path: str, parameters: dict[str, str] | None) -> None:
    assert Route.parse(template).parameters(path) == parameters


@pytest.mark.parametrize("template", ["orders/{id:regex}", "orders/n{id}"])
def test_a_route_that_is_not_understood_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match="route"):
        Route.parse(template)
