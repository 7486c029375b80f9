"""A stand-in for Key Vault's keys, for the real client: its REST API over TLS, under a vault's real host name.

The answers are those of Microsoft's reference ("Key Vault REST API", 7.6), not recorded ones. Requests reach it by a
transport that leads the vault's host name to loopback; certificate, host name and challenge are checked as ever.
"""

import base64
import json
import ssl
import threading
import uuid
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import requests
from azure.core.credentials import AccessToken
from azure.core.pipeline.transport import RequestsTransport
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from requests.adapters import HTTPAdapter

from local.stand_ins.entra import certificate
from shared.adapters.key_vault import VaultRing

TOKEN = "the-identity's-token-for-the-vault"
_OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)


@cache
def _key(number: int) -> rsa.RSAPrivateKey:
    """Made once in a test run: the versions of all vaults are the same few keys."""
    del number
    return rsa.generate_private_key(65537, 2048)


class Identity:
    """In place of the managed identity."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        self.asked += scopes
        return AccessToken(TOKEN, 2**33)


@dataclass
class Trouble:
    """An answer in place of the right one. *to*: the operations (get, wrapkey, unwrapkey) that get it."""

    status: int
    code: str
    to: tuple[str, ...] = ("get", "wrapkey", "unwrapkey")
    headers: dict[str, str] = field(default_factory=dict)


class KeyVault:
    """A vault with one key, while this is entered."""

    def __init__(self, directory: Path) -> None:
        # The client keeps challenges by host name, for the whole process: each vault has a name of its own.
        host = f"v{uuid.uuid4().hex[:12]}.vault.azure.net"
        self.name = f"https://{host}/keys/accounts"
        self._certificate = certificate.make(directory, host)
        self.versions: dict[str, rsa.RSAPrivateKey] = {}
        self.disabled: set[str] = set()
        self.trouble: Trouble | None = None
        self.resource = "https://vault.azure.net"
        # Operations that came with the identity's token, in order.
        self.done: list[str] = []
        self.identity = Identity()
        self.rotate()

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"vault": self}))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificate.certificate, self._certificate.key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        self.port = self._server.server_port
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def newest(self) -> str:
        return list(self.versions)[-1]

    def rotate(self) -> None:
        """A new version, as `az keyvault key rotate` makes one."""
        self.versions[uuid.uuid4().hex] = _key(len(self.versions))

    def ring(self, kid: str = "", *, port: int | None = None) -> VaultRing:
        """What the app has of it. *kid*: the setting; *port*: where the vault's host name leads to instead of here."""
        session = requests.Session()
        session.trust_env = False
        session.mount("https://", _ToLoopback(port or self.port))
        verify = str(self._certificate.authority)
        transport = RequestsTransport(session=session, session_owner=False, connection_verify=verify)
        return VaultRing(kid or self.name, self.identity, transport)


class _ToLoopback(HTTPAdapter):
    """Every host name leads to one port of this machine; the certificate must still be that of the name."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: bool | str, cert: Any = None
    ) -> Any:
        host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        name = {"assert_hostname": host["host"], "server_hostname": host["host"]}
        return {**host, "host": "127.0.0.1", "port": self._port}, {**pool, **name}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    vault: KeyVault

    def do_GET(self) -> None:
        self._operate({})

    def do_POST(self) -> None:
        self._operate(json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "{}"))

    def _operate(self, body: dict[str, str]) -> None:
        vault = self.vault
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            challenge = f'Bearer authorization="https://login.microsoftonline.com/tenant", resource="{vault.resource}"'
            self._refuse(401, "Unauthorized", {"WWW-Authenticate": challenge})
            return
        _, _, name, version, operation, *_ = [*urlsplit(self.path).path.split("/"), "", ""]
        operation, version = operation or "get", version or vault.newest
        vault.done.append(operation)
        if vault.trouble is not None and operation in vault.trouble.to:
            self._refuse(vault.trouble.status, vault.trouble.code, vault.trouble.headers)
        elif name != "accounts" or version not in vault.versions:
            self._refuse(404, "KeyNotFound", {})
        elif operation != "get" and version in vault.disabled:
            self._refuse(403, "Forbidden", {})
        else:
            self._reply(200, self._result(operation, version, body), {})

    def _result(self, operation: str, version: str, body: dict[str, str]) -> dict[str, Any]:
        key, kid = self.vault.versions[version], f"{self.vault.name}/{version}"
        if operation == "get":
            numbers = key.public_key().public_numbers()
            public = {
                "kid": kid,
                "kty": "RSA",
                "key_ops": ["wrapKey", "unwrapKey"],
                "n": _base64(numbers.n.to_bytes(256)),
                "e": _base64(numbers.e.to_bytes(3)),
            }
            return {"key": public, "attributes": {"enabled": version not in self.vault.disabled}}
        assert body["alg"] == "RSA-OAEP-256"
        value = base64.urlsafe_b64decode(body["value"] + "==")
        result = key.decrypt(value, _OAEP) if operation == "unwrapkey" else key.public_key().encrypt(value, _OAEP)
        return {"kid": kid, "value": _base64(result)}

    def _refuse(self, status: int, code: str, headers: dict[str, str]) -> None:
        self._reply(status, {"error": {"code": code, "message": f"Caller: oid=1234; {code}"}}, headers)

    def _reply(self, status: int, body: dict[str, Any], headers: dict[str, str]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json", "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Says nothing."""


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
