"""Signed URLs, and the blobs that the app writes itself, on Azurite: what they can do, and nothing else."""

import base64
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from azure.storage.blob import BlobServiceClient, ContainerClient, UserDelegationKey

from shared.adapters.storage import clients as azure_clients
from shared.adapters.storage.page_blobs import ContainerWriter, SasSigner, origin_of
from shared.my_files.sending import PUT_HEADERS
from shared.settings import Connection

NAME, OTHER = f"from-page/{'a' * 32}", f"from-page/{'b' * 32}"


@dataclass
class Place:
    """A container of its own."""

    service: BlobServiceClient
    container: ContainerClient

    def signed(self, name: str = NAME, *, minutes: float = 15) -> str:
        until = datetime.now(UTC) + timedelta(minutes=minutes)
        return SasSigner(self.service, self.container.container_name).url(name, until=until)


@pytest.fixture
def place(storage: Connection) -> Iterator[Place]:
    with azure_clients.blob_service_client(storage) as service:
        container = service.create_container(f"c{uuid.uuid4().hex}")
        yield Place(service, container)


def put(url: str, content: bytes = b"hello") -> int:
    return requests.put(url, content, headers=PUT_HEADERS, timeout=20).status_code


def ask(method: str, url: str, more: str = "") -> int:
    return requests.request(method, f"{url}{more}", headers={"x-ms-version": "2023-11-03"}, timeout=20).status_code


@pytest.mark.azurite
def test_a_signed_url_creates_its_blob_once_and_writes_over_nothing(place: Place) -> None:
    url = place.signed()
    assert put(url, b"first") == 201
    assert put(url, b"second") in {403, 409}
    assert place.container.download_blob(NAME).readall() == b"first"


@pytest.mark.azurite
def test_a_signed_url_leads_to_no_other_blob(place: Place) -> None:
    url = place.signed()
    assert put(url.replace(NAME, OTHER)) == 403
    assert put(url.replace(NAME, "report.pdf")) == 403
    assert list(place.container.list_blob_names()) == []


@pytest.mark.azurite
def test_a_signed_url_reads_lists_and_deletes_nothing(place: Place) -> None:
    url = place.signed()
    assert put(url) == 201
    assert ask("GET", url) == 403
    assert ask("DELETE", url) == 403
    assert ask("PUT", url, "&comp=metadata") == 403
    assert ask("PUT", url, "&comp=tags") == 403
    root = url.replace(f"/{NAME}", "")
    assert ask("GET", root, "&restype=container&comp=list") == 403
    assert list(place.container.list_blob_names()) == [NAME]


@pytest.mark.azurite
def test_a_signed_url_ends(place: Place) -> None:
    assert put(place.signed(minutes=-1)) == 403


@pytest.mark.azurite
def test_a_changed_signature_is_worth_nothing(place: Place) -> None:
    url = place.signed()
    assert put(url.replace("sp=c", "sp=cw")) == 403
    assert put(url.replace("se=2", "se=3")) == 403


@pytest.mark.azurite
def test_a_signature_has_no_start_and_nothing_but_create(place: Place) -> None:
    """A browser that goes there at once would be early, by a clock that is behind."""
    given = parse_qs(urlsplit(place.signed()).query)
    assert given["sp"] == ["c"]
    assert given["sr"] == ["b"]
    assert "st" not in given
    assert place.signed().startswith(f"{origin_of(place.service)}/")


@pytest.mark.azurite
def test_what_the_app_writes_itself_is_there_and_a_repetition_of_it_is_no_failure(place: Place) -> None:
    writer = ContainerWriter(place.container)
    writer.create(NAME, b"hello")
    writer.create(NAME, b"hello")
    blob = place.container.download_blob(NAME)
    assert blob.readall() == b"hello"
    assert blob.properties.content_settings.content_type == "application/octet-stream"


# -- with the app's own identity: by documentation, and without Azure --


class Delegating(BlobServiceClient):
    """Gives out delegation keys, which Azurite does not without OAuth, and counts them."""

    def __init__(self) -> None:
        super().__init__("https://todoattach.blob.core.windows.net", credential=None)
        self.asked: list[tuple[datetime, datetime]] = []

    def get_user_delegation_key(
        self, key_start_time: datetime, key_expiry_time: datetime, **_: object
    ) -> UserDelegationKey:
        self.asked.append((key_start_time, key_expiry_time))
        key = UserDelegationKey()  # type: ignore[no-untyped-call]
        key.signed_oid = key.signed_tid = str(uuid.UUID(int=1))
        key.signed_start = f"{key_start_time:%Y-%m-%dT%H:%M:%SZ}"
        key.signed_expiry = f"{key_expiry_time:%Y-%m-%dT%H:%M:%SZ}"
        key.signed_service, key.signed_version = "b", "2023-11-03"
        key.value = base64.b64encode(bytes(32)).decode()
        return key


@dataclass
class Clock:
    now: datetime = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def test_a_delegation_key_is_kept_renewed_in_time_and_outlives_what_it_signs() -> None:
    service, clock = Delegating(), Clock()
    signer = SasSigner(service, "attachments", clock)
    for _ in range(24 * 60 // 5):
        given = parse_qs(urlsplit(signer.url(NAME, until=clock.now + timedelta(minutes=15))).query)
        assert datetime.fromisoformat(given["se"][0]) < datetime.fromisoformat(given["ske"][0])
        assert given["spr"] == ["https"]
        assert "st" not in given
        clock.now += timedelta(minutes=5)
    assert 1 < len(service.asked) < 10
    assert all(start < clock.now and ends - start < timedelta(days=7) for start, ends in service.asked)
