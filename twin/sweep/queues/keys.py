"""Keys by which the workers and the process of one sweep know each other; nobody else on the network may join."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from distributed.security import Security


@contextmanager
def keys(folder: Path) -> Iterator[Security]:
    """Make a new key and certificate, in files in ``folder`` that only their owner may read, and remove it at the end.

    Workers find them there, so it must be a folder that they see. What a killed sweep left in it is replaced.
    """
    from distributed.security import Security

    made = Security.temporary()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    try:
        certificate = _written(folder / "certificate.pem", str(made.tls_ca_file))
        key = _written(folder / "key.pem", str(made.tls_worker_key))
        yield Security(
            require_encryption=True,
            tls_ca_file=certificate,
            tls_client_cert=certificate,
            tls_client_key=key,
            tls_scheduler_cert=certificate,
            tls_scheduler_key=key,
            tls_worker_cert=certificate,
            tls_worker_key=key,
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _written(path: Path, text: str) -> str:
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(text, encoding="ascii")
    return str(path)
