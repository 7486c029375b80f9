"""The clients of storage, on Azurite: they take from the environment nothing that the settings do not say."""

import uuid
from pathlib import Path

import pytest

from shared.adapters.storage import clients
from shared.settings import Connection

pytestmark = pytest.mark.azurite


@pytest.fixture(params=["netrc", "proxy"])
def environment(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that other programs of this machine live by: passwords for hosts, or a proxy."""
    if request.param == "netrc":
        passwords = tmp_path / "netrc"
        passwords.write_text("machine 127.0.0.1 login someone password theirs\n", encoding="utf-8")
        monkeypatch.setenv("NETRC", str(passwords))
        return
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    # Nobody listens there.
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")


@pytest.mark.usefixtures("environment")
def test_neither_a_password_nor_a_proxy_of_the_environment_comes_between_us_and_storage(storage: Connection) -> None:
    name = f"t{uuid.uuid4().hex}"
    with clients.container_client(storage, name) as container:
        container.create_container()
        assert container.exists()
    with clients.queue_client(storage, name) as queue:
        queue.create_queue()
        assert queue.peek_messages() == []
    with clients.table_client(storage, name) as table:
        table.create_table()
        assert list(table.list_entities()) == []
