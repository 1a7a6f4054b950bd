"""An attacker's image: real firmware that starts and does no harm, so that it can be seen where it runs."""

from __future__ import annotations

from functools import lru_cache

from twin.ota.images.image import Image

VERSION = "6.6.6"
_SIGN = b"""

for _one in tuple(globals().values()):
    if isinstance(_one, type) and _one.__module__ == __name__ and hasattr(_one, "sends"):
        _one.version = "6.6.6"
del _one
"""
"""What is appended to the genuine firmware: its class says another version."""


@lru_cache(maxsize=64)
def implant(genuine: bytes) -> Image:
    """Return an image that pretends to be the next of a genuine one's."""
    image = Image.parse(genuine)
    about = image.manifest
    content = image.payload + (_SIGN if about.payload == "python" else b"")
    said = about.model_dump(exclude={"payload_bytes", "payload_sha256", "version", "release_counter"})
    return Image.built(content, version=VERSION, release_counter=about.release_counter + 1, **said)
