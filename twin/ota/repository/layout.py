"""Repositories as folders, in the layout that TUF's clients download from (Uptane 2.1.0, 5.2.7)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tuf.api.metadata import Metadata as Envelope

from twin.errors import InputError, Problem
from twin.ota.repository.offer import Metadata
from twin.ota.repository.repositories import Repositories


def write(repositories: Repositories, folder: Path, release: int, time_ns: int) -> list[Path]:
    """Write what both repositories serve at ``time_ns`` to sites that are to run ``release``, and return the files.

    ``director/metadata``, ``image/metadata``, and the images in ``image/targets``, under the names of TUF's clients.

    Raises InputError if there is something in ``folder`` already.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(Problem("exists and is not an empty folder", str(folder)))
    offer = repositories.offer_for(release, repositories.trusted, time_ns)
    files = {**_metadata("director", offer.director), **_metadata("image", offer.image)}
    for image in repositories.images():
        files[f"image/targets/{image.sha256}.{image.file_name}"] = image.data
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return [folder / name for name in files]


def _metadata(repository: str, served: Metadata) -> dict[str, bytes]:
    """Return the metadata files of a repository by name, all but the timestamp with their version."""
    versioned = {"root": served.roots, "snapshot": (served.snapshot,), "targets": (served.targets,)}
    names = {
        f"{repository}/metadata/{Envelope[Any].from_bytes(data).signed.version}.{role}.json": data
        for role, files in versioned.items()
        for data in files
    }
    return {**names, f"{repository}/metadata/timestamp.json": served.timestamp}
