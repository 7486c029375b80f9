"""A person connects in a real browser, uploads, loses the sign-in, waits, signs in again, and disconnects.

All of it with real processes: Azurite, the Functions host, the To Do emulator, an OpenID provider over TLS, Chromium.
"""

import http.client
import shlex
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from local.stack.sign_in import ACCOUNTS_CONTAINER
from local.stand_ins.entra.people import ALEX, KIM, SAM
from shared.core.outcome import REASON
from tests.local.processes import wait_until
from tests.sign_in.town import Town, a_town, answer, complaints, connect
from tests.support.browser.webdriver import Browser, browser

pytestmark = [pytest.mark.stack, pytest.mark.browser]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with a_town(tmp_path_factory.mktemp("town")) as town:
        yield town


@pytest.fixture(scope="module")
def window(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    profile = tmp_path_factory.mktemp("browser") / "profile"
    with browser(profile, trusted_key=town.public_key()) as window:
        yield window


def test_a_person_connects_uploads_loses_the_sign_in_and_goes_on_after_signing_in_again(
    town: Town, window: Browser
) -> None:
    first = town.drop("before.bin")
    waiting = town.wait_for(first, "waiting")
    assert waiting[REASON].startswith("needs-sign-in")
    assert town.connect in waiting[REASON], "the tag says where to sign in"

    connect(window, town, SAM)
    assert window.heading() == "Your To Do is connected"
    window.keep_screenshot("connected")
    assert "The files that waited for you go on now" in window.text("main")
    assert f"user={SAM.name}" in window.text("main")
    town.wait_for(first, "attached")
    assert first.sha256 in town.attached()

    town.revoke(SAM)
    second = town.drop("after.bin")
    assert "invalid_grant" in town.wait_for(second, "waiting")[REASON]
    assert second.sha256 not in town.attached()
    connect(window, town, SAM)
    town.wait_for(second, "attached")
    assert second.sha256 in town.attached()


def test_nobody_can_be_named_who_has_not_connected_and_files_go_to_whom_they_name(town: Town, window: Browser) -> None:
    file = town.drop("for-kim.bin", user=KIM.name)
    assert "not connected" in town.wait_for(file, "waiting")[REASON]
    assert file.sha256 not in town.attached()
    connect(window, town, KIM)
    town.wait_for(file, "attached")
    assert file.sha256 in town.attached()


def test_disconnecting_takes_a_sign_in_of_its_own_and_then_files_wait(town: Town, window: Browser) -> None:
    connect(window, town, KIM)
    window.press("Disconnect")
    # Browsers hold a form's redirect against form-action as well: the policy lets this one through.
    wait_until(lambda: window.address.startswith(town.entra), "the sign-in")
    answer(window, town, KIM.name)
    assert window.heading() == "Your To Do is disconnected"
    window.keep_screenshot("disconnected")
    assert not complaints(window, town)


def test_disconnecting_can_be_done_later_at_an_address_of_its_own(town: Town, window: Browser) -> None:
    window.go_to(f"{town.connect.removesuffix('/connect')}/disconnect")
    assert window.heading() == "Disconnect your To Do"
    window.keep_screenshot("to-disconnect")
    assert window.focused_by_tab() == ["Disconnect"]
    assert not complaints(window, town)


@pytest.mark.parametrize(
    ("press", "heading"),
    [
        ("Decline", "You declined"),
        ("Needs an administrator", "Your organisation must agree first"),
        (ALEX.name, "This account is not accepted here"),
    ],
)
def test_what_goes_wrong_has_a_page_from_which_one_can_start_again(
    town: Town, window: Browser, press: str, heading: str
) -> None:
    window.go_to(town.connect)
    answer(window, town, press)
    assert window.heading() == heading
    window.keep_screenshot(heading.lower().replace(" ", "-"))
    assert not complaints(window, town)
    window.press("Start again")
    wait_until(lambda: window.address.startswith(town.entra), "the sign-in")


def test_the_address_loaded_again_is_worth_nothing_and_says_what_happened(town: Town, window: Browser) -> None:
    connect(window, town, SAM)
    window.go_to(window.address)
    assert window.heading() == "There is no sign-in to finish in this browser"
    assert "If you saw that your To Do is connected, it is." in window.text("main")
    window.keep_screenshot("used-link")


def test_the_page_is_readable_and_operable_by_anybody(town: Town, window: Browser) -> None:
    connect(window, town, SAM)
    assert window.title.startswith("Your To Do is connected")
    assert window.computed("main")[0] == "main"
    assert window.computed("button") == ("button", "Disconnect")
    assert window.focused_by_tab() == ["Your files", "Disconnect", f"{town.connect.removesuffix('connect')}disconnect"]
    assert window.run("return document.documentElement.lang") == "en"
    assert window.run("return getComputedStyle(document.body).maxWidth") != "none", "its own style is let through"
    window.run("document.body.style.fontSize = '200%'")
    window.run("document.querySelector('strong').textContent = 'a.long.name@'.repeat(20)")
    assert window.run("return document.documentElement.scrollWidth <= window.innerWidth"), "nothing runs off the side"
    assert not complaints(window, town)


def our_cookies(window: Browser) -> list[dict[str, Any]]:
    return [each for each in window.cookies() if each["name"] == "todo-attach"]


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites_and_goes_when_it_is_used(
    town: Town, window: Browser
) -> None:
    window.go_to(town.connect)
    window.go_to(f"{town.connect.removesuffix('connect')}disconnect")
    (cookie,) = our_cookies(window)
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"
    assert window.run("return document.cookie") == ""
    connect(window, town, SAM)
    assert our_cookies(window) == []
    assert window.run("return document.referrer") == ""


def test_the_command_on_the_page_attaches_a_file(town: Town, window: Browser) -> None:
    """Copied as a person would: its container and metadata are those of a file that arrives."""
    connect(window, town, SAM)
    words = shlex.split(window.text("pre"))
    assert words[words.index("--container-name") + 1] == town.up.ready()["container"]
    metadata = dict(each.split("=", 1) for each in words[words.index("--metadata") + 1 :])
    file = town.drop("as-the-page-says.bin", user=metadata["user"])
    town.wait_for(file, "attached")
    assert file.sha256 in town.attached()


def test_a_page_of_another_site_begins_no_sign_in(town: Town, window: Browser) -> None:
    """By an image, a script or a frame: the browser says so, and the app refuses."""
    window.go_to(town.connect)
    before = our_cookies(window)
    window.run(
        f"""
        for (const kind of ['img', 'iframe']) {{
          document.body.append(Object.assign(document.createElement(kind), {{ src: '{town.connect}' }}));
        }}
        fetch('{town.connect}', {{ mode: 'no-cors', credentials: 'include' }});
        """
    )
    wait_until(lambda: "".join(town.up.lines).count("cross-site") >= 3, "three refusals")
    window.complaints()  # of what was refused, before others look at them
    window.go_to(f"{town.connect.removesuffix('connect')}disconnect")
    assert len(our_cookies(window)) == 1
    assert our_cookies(window)[0]["value"] not in {each["value"] for each in before}


def test_the_container_of_accounts_holds_ciphertext_and_an_index_of_object_ids(town: Town, window: Browser) -> None:
    connect(window, town, SAM)
    with BlobServiceClient.from_connection_string(town.storage) as blobs:
        container = blobs.get_container_client(ACCOUNTS_CONTAINER)
        kept = {blob.name: blob.metadata or {} for blob in container.list_blobs(include=["metadata"])}
        contents = {name: container.download_blob(name).readall() for name in kept}
    accounts = {name for name in kept if name.startswith("account/")}
    assert accounts
    assert kept.keys() - accounts == {name for name in kept if name.startswith(("name/", "sign-in/"))}
    for name in accounts:
        assert '"EncryptionAlgorithm": "AES_GCM_256"' in kept[name]["encryptiondata"]
    index = [content.decode() for name, content in contents.items() if name.startswith("name/")]
    assert SAM.oid in index
    assert all(len(each) == len(SAM.oid) for each in index)
    for name, content in contents.items():
        # What is encrypted has no byte that is likelier than others; a JSON text has few beyond 127. A sign-in that was
        # used is a hash of 32 bytes.
        is_used = name.startswith("sign-in/") and len(content) == 32
        assert name.startswith("name/") or is_used or sum(byte > 127 for byte in content) > len(content) / 4
        for words in (SAM.name, SAM.tid, "RefreshToken", "secret", "verifier"):
            assert words.encode() not in content, name


HOSTILE: list[tuple[str, str, dict[str, str]]] = [
    ("GET", "/connect", {"Host": "evil.example"}),
    (
        "GET",
        "/connect",
        {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "Forwarded": "host=evil.example"},
    ),
    ("GET", "/connect", {"X-Original-URL": "https://evil.example/", "X-Rewrite-URL": "/evil.example"}),
    ("GET", "/connect?redirect_uri=https://evil.example/&prompt=none&login_hint=x&client_id=evil", {}),
    ("POST", "/disconnect?post_logout_redirect_uri=https://evil.example/", {"Origin": "https://evil.example"}),
    ("POST", "/connect", {}),
    ("PUT", "/disconnect", {}),
    ("POST", "/connected?code=x&state=y", {}),
    ("GET", "/connected", {}),
    ("GET", "/connected?code=<script>alert(1)</script>&state=%3Cscript%3E", {"Cookie": "todo-attach=<script>"}),
    ("GET", "/connected?state=%00%0d%0aSet-Cookie:%20a=b&code=%ff%fe", {"Cookie": f"todo-attach={'A' * 43}"}),
    ("GET", "/connected?state=%ED%A0%80&code=x", {"Cookie": f"todo-attach={'A' * 43}"}),
    ("GET", "/connected?" + "&".join(f"state={each}" for each in range(300)), {}),
    ("GET", f"/connected?code={'x' * 7000}&state=y", {"Cookie": f"todo-attach={'A' * 43}"}),
    ("GET", "/connected?code=x&state=y", {"Cookie": f"todo-attach={'A' * 7000}"}),
    ("GET", "/connected?code=x&state=y", {"Cookie": "; ".join(f'todo-attach="{each}' for each in range(300))}),
    ("GET", "/connected?error=evil.example&error_description=AADSTS65004%20evil.example", {}),
    ("GET", "/connected/../connect", {}),
    ("GET", "//evil.example/connect", {}),
    ("GET", "/connect/evil.example", {}),
]


def test_hostile_requests_to_the_running_app_come_to_nothing(town: Town) -> None:
    """By the whole way through host and worker: no answer is an error of the server's, none leads elsewhere."""
    app, begun = urlsplit(town.connect), 0
    for method, path, headers in HOSTILE:
        connection = http.client.HTTPConnection(app.netloc, timeout=30)
        connection.putrequest(method, f"{app.path.removesuffix('/connect')}{path}", skip_host="Host" in headers)
        for name, value in ({"Content-Length": "0"} | headers).items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        told = f"{answer.headers}{answer.read().decode('utf-8', 'replace')}"
        connection.close()
        asked = f"{method} {path[:60]} {str(headers)[:60]}"
        assert answer.status < 500, asked
        assert "evil.example" not in told, asked
        assert "<script" not in told, asked
        if answer.status == 303:
            begun += 1
            location = urlsplit(answer.headers["Location"])
            assert f"{location.scheme}://{location.netloc}" == town.entra, asked
            assert parse_qs(location.query)["redirect_uri"] == [f"{town.connect}ed"], asked
    assert begun >= 4, "those with nothing but a strange host or parameter are let in"


def test_no_token_is_found_anywhere(town: Town, window: Browser) -> None:
    """Last of this file: after all that happened above, and what is only in memory cannot be looked at from here."""
    connect(window, town, SAM)
    canaries = {each for each in town.ask_entra("issued") if len(each) >= 16}
    assert len(canaries) > 10
    places = {
        "standard error": town.up.stderr(),
        "events and logs": "".join(town.up.lines),
        "storage": everything_stored(town.storage),
        "the page": window.run("return document.documentElement.outerHTML"),
    }
    assert SAM.name in places["the page"]
    assert "todo_attach" in places["events and logs"]
    for place, text in places.items():
        found = [each[:6] for each in canaries if each in text]
        assert not found, place


def everything_stored(storage: str) -> str:
    """Blobs, their names, metadata and tags, messages, and rows."""
    told: list[str] = []
    with BlobServiceClient.from_connection_string(storage) as blobs:
        for container in blobs.list_containers():
            with blobs.get_container_client(container.name) as client:
                for blob in client.list_blobs(include=["metadata", "tags"]):
                    told += [blob.name, str(blob.metadata), str(blob.tags)]
                    told.append(client.download_blob(blob.name).readall().decode("latin-1"))
    with QueueServiceClient.from_connection_string(storage) as queues:
        for queue in queues.list_queues():
            with queues.get_queue_client(queue.name) as client:
                told += [str(message.content) for message in client.peek_messages(max_messages=32)]
    with TableServiceClient.from_connection_string(storage) as tables:
        for table in tables.list_tables():
            with tables.get_table_client(table.name) as client:
                told += [str(dict(row)) for row in client.list_entities()]
    return "\n".join(told)
