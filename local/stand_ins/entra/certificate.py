"""A certificate for this machine, by an authority that only this stack trusts: its key is not even kept."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

_GOOD_FOR = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files: what the server shows, its key, and the authority that clients are to trust."""

    certificate: Path
    key: Path
    authority: Path


def make(directory: Path, host: str = "localhost") -> Certificate:
    """Make all three in *directory*, for a server that is called *host*."""
    files = Certificate(directory / "entra.pem", directory / "entra.key", directory / "entra-ca.pem")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(files.authority)
    issued = authority.issue_cert(host, "127.0.0.1", not_after=datetime.now(UTC) + _GOOD_FOR)
    issued.cert_chain_pems[0].write_to_path(files.certificate)
    files.key.touch(0o600)
    issued.private_key_pem.write_to_path(files.key)
    return files
