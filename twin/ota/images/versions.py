"""The images of the roles' ECUs by version: 0 is the factory's, 1 the release's, then whatever attackers bring."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twin.errors import InputError
from twin.ota.images.image import Image
from twin.ota.images.release import Release

Added = Callable[[str, bytes], None]
"""Told of a role and an image that is no release's, before any ECU can run it."""


class Versions:
    """What is in the images that ECUs get; a release without an image for a role has the factory's.

    Two images with the same payload are one version: one that was issued again under a higher counter, say.
    """

    def __init__(self, releases: Sequence[Release], added: Added) -> None:
        self._added = added
        factory = releases[0].images
        self._images = {role: [one.images.get(role, own).data for one in releases] for role, own in factory.items()}
        self._contents = {role: [_content(image) for image in images] for role, images in self._images.items()}

    def number(self, role: str, image: bytes) -> int:
        """Return the version that an image is: a new one where its payload has not been seen before."""
        content = _content(image)
        if content not in self._contents[role]:
            self._added(role, image)
            self._contents[role].append(content)
            self._images[role].append(image)
        return self._contents[role].index(content)

    def image(self, role: str, version: int) -> bytes:
        """Return the bytes that go over the bus."""
        return self._images[role][version]


def _content(image: bytes) -> bytes:
    """Return an image's payload; all of it where it is none that could be started."""
    try:
        return Image.parse(image).payload
    except InputError:
        return image
