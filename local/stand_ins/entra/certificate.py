"""A certificate for this machine, by an authority that only this stack trusts, and whose key is never stored."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

_GOOD_FOR = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files: the server's certificate, its key, and the certificate of the authority that clients must trust."""

    certificate: Path
    key: Path
    authority: Path


def make(directory: Path, host: str = "localhost") -> Certificate:
    """Make all three in *directory*, for a server with the name *host*."""
    files = Certificate(directory / "entra.pem", directory / "entra.key", directory / "entra-ca.pem")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(files.authority)
    issued = authority.issue_cert(host, "127.0.0.1", not_after=datetime.now(UTC) + _GOOD_FOR)
    issued.cert_chain_pems[0].write_to_path(files.certificate)
    files.key.touch(0o600)
    issued.private_key_pem.write_to_path(files.key)
    return files
