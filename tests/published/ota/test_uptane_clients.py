"""python-tuf's own client is the judge of what is served: it downloads from our folders, and refuses what it should."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tuf.api import exceptions
from tuf.ngclient import Updater, UpdaterConfig
from tuf.ngclient.fetcher import FetcherInterface

from tests.worlds.signed_site import DAY, MONITOR, START, release, repositories
from twin.ota.repository.keys import REPOSITORIES, RepositoryName
from twin.ota.repository.layout import write

IMAGE = release().images[MONITOR]


class FolderFetcher(FetcherInterface):
    """Downloads from a folder."""

    def _fetch(self, url: str) -> Iterator[bytes]:
        path = Path(url)
        if not path.is_file():
            raise exceptions.DownloadHTTPError(f"no {path}", 404)
        yield path.read_bytes()


def client(served: Path, own: Path, repository: RepositoryName, time_ns: int = 0) -> Updater:
    """Return a client of a folder that trusts its first root, at a time of the simulation."""
    folder = served / repository
    updater = Updater(
        str(own),
        f"{folder}/metadata/",
        str(own),
        f"{folder}/targets/",
        FolderFetcher(),
        UpdaterConfig(),
        bootstrap=(folder / "metadata" / "1.root.json").read_bytes(),
    )
    updater._trusted_set.reference_time = START + timedelta(microseconds=time_ns // 1000)
    return updater


@pytest.fixture
def served(tmp_path: Path) -> Path:
    write(repositories(), tmp_path / "served", 1, 0)
    return tmp_path / "served"


def test_the_image_repository_hands_out_an_image(served: Path, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    updater = client(served, tmp_path / "own", "image")
    found = updater.get_targetinfo(IMAGE.file_name)
    assert found is not None
    assert found.custom["shall_match"] == {"hardware_id": "module-monitor-r1", "release_counter": 20400}
    assert Path(updater.download_target(found)).read_bytes() == IMAGE.data


def test_the_director_tells_ecus_what_to_install(served: Path, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    found = client(served, tmp_path / "own", "director").get_targetinfo(IMAGE.file_name)
    assert found is not None
    assert found.custom["ecu_identifier"] == MONITOR
    assert found.hashes == {"sha256": IMAGE.sha256}


@pytest.mark.parametrize("repository", REPOSITORIES)
def test_the_client_finds_the_same_expiry(repository: RepositoryName, served: Path, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    client(served, tmp_path / "own", repository, DAY - 1_000_000).refresh()
    with pytest.raises(exceptions.ExpiredMetadataError, match="timestamp"):
        client(served, tmp_path / "own", repository, DAY).refresh()


def test_the_client_refuses_a_changed_image(served: Path, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    path = served / "image" / "targets" / f"{IMAGE.sha256}.{IMAGE.file_name}"
    path.write_bytes(IMAGE.data[:-1] + b"\0")
    updater = client(served, tmp_path / "own", "image")
    found = updater.get_targetinfo(IMAGE.file_name)
    assert found is not None
    with pytest.raises(exceptions.RepositoryError):
        updater.download_target(found)


def test_the_client_follows_the_roots(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    write(repositories(), tmp_path / "served", 1, 400 * DAY)
    updater = client(tmp_path / "served", tmp_path / "own", "director", 400 * DAY)
    updater.refresh()
    assert updater._trusted_set.root.version == 3
