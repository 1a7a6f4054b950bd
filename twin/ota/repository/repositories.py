"""The Director and the Image repository as functions of simulated time: nothing is kept but what can be made again.

Roles sign anew at every half of their expiry. What a site gets follows from the release that its campaign wants of it,
what it trusts already, and the time; so every process has the same bytes without being told.

Campaigns may go back to what sites ran before. As release counters must not fall, images are then issued again under a
higher one: the Director's ``directive`` number d, which only grows, stands for release ``(d - 1) % len(releases)``,
from the second round on as reissued. The Image repository lists all of them from the publication on: the way back is
prepared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from itertools import pairwise
from types import MappingProxyType

from tuf.api.metadata import Metadata as Envelope
from tuf.api.metadata import TargetFile, Targets

from twin.errors import InputError, Problem
from twin.ota.images.image import Image
from twin.ota.images.release import PATH, Release
from twin.ota.repository import signing
from twin.ota.repository.keys import REPOSITORIES, KeyRing, RepositoryName, RoleName
from twin.ota.repository.offer import Metadata, Offer
from twin.ota.repository.options import RepositoryOptions
from twin.ota.repository.signing import Signing
from twin.ota.verification.verdict import Files, Trusted

DIRECTIVE = "directive"
"""The Director's own field in its targets metadata."""


class Repositories:
    """What both repositories serve; ``releases[0]`` is what ECUs leave the factory with.

    ``start`` is the instant at which simulated time is 0, ``publish_ns`` when the Image repository gets what is not of
    the factory.
    """

    def __init__(
        self,
        releases: Sequence[Release],
        options: RepositoryOptions,
        seed: int,
        start: datetime,
        publish_ns: int = 0,
    ) -> None:
        """Make the keys.

        Raises InputError if a release counter falls from one release to the next: ECUs would refuse it.
        """
        problems = [problem for older, newer in pairwise(releases) for problem in _falling(older, newer)]
        if problems:
            raise InputError(problems)
        self.releases = tuple(releases)
        self.keys = KeyRing.drawn(options, seed)
        self.start = start.astimezone(UTC).replace(microsecond=0)
        self.seed = seed
        self._publish_ns = publish_ns
        self._offers: dict[tuple[int, Metadata, Metadata], Offer] = {}
        self._latest: dict[tuple[int, Trusted], tuple[int, int, Offer]] = {}
        self._served = lru_cache(maxsize=None)(self._made)

    @cached_property
    def trusted(self) -> Trusted:
        """What ECUs are provisioned with in the factory: all metadata as they were at the start (Uptane 5.4.1)."""
        director, image = (_files(self.metadata(name, 1, -1)) for name in REPOSITORIES)
        counters = {role: one.manifest.release_counter for role, one in self.releases[0].images.items()}
        return Trusted(director, image, tuple(sorted(counters.items())))

    def directive(self, release: int, trusted: Trusted) -> int:
        """Return the Director's next number for a release, of a site that trusts so much already."""
        last = _directive_of(trusted.director.targets)
        return last + (release - (last - 1)) % len(self.releases)

    def release_of(self, trusted: Trusted) -> int:
        """Return the release that a site was last directed to."""
        return (_directive_of(trusted.director.targets) - 1) % len(self.releases)

    def images_of(self, trusted: Trusted) -> Mapping[str, bytes]:
        """Return the images that a site was last directed to install, by role."""
        return {role: one.data for role, one in self.directed(_directive_of(trusted.director.targets)).images.items()}

    def directed(self, directive: int) -> Release:
        """Return what a directive asks for; going back concerns the roles that other releases had changed."""
        release = self.releases[(directive - 1) % len(self.releases)]
        if directive <= len(self.releases):
            return release
        changed = {role for other in self.releases[1:] for role in other.images}
        return self._reissued[self.releases.index(release)].of_roles(changed)

    @cached_property
    def _reissued(self) -> tuple[Release, ...]:
        counter = max(release.release_counter for release in self.releases) + 1
        return tuple(release.reissued(counter) for release in self.releases)

    def offer_for(self, release: int, trusted: Trusted, time_ns: int) -> Offer:
        """Return what a site gets that is to run ``release``: the same object for the same content."""
        begin_ns, end_ns, latest = self._latest.get((release, trusted), (0, 0, None))
        if latest is None or not begin_ns <= time_ns < end_ns:
            latest = self._offer(self.directive(release, trusted), release, time_ns)
            self._latest[release, trusted] = (*self._unchanged_ns(time_ns), latest)
        return latest

    def _offer(self, directive: int, release: int, time_ns: int) -> Offer:
        director, image = (self.metadata(name, directive, time_ns) for name in REPOSITORIES)
        key = (directive, director, image)
        if key not in self._offers:
            images = {role: one.data for role, one in self.directed(directive).images.items()}
            self._offers[key] = Offer(release, director, image, MappingProxyType(images))
        return self._offers[key]

    def _unchanged_ns(self, time_ns: int) -> tuple[int, int]:
        """Return from when and until when repositories serve what they serve at ``time_ns``."""
        periods_ns = {self._refresh_ns(repository, role) for repository in REPOSITORIES for role in _ORDER}
        begins_ns = [time_ns // period_ns * period_ns for period_ns in periods_ns]
        ends_ns = [begin_ns + period_ns for begin_ns, period_ns in zip(begins_ns, periods_ns, strict=True)]
        (begins_ns if self._publish_ns <= time_ns else ends_ns).append(self._publish_ns)
        return max(begins_ns), min(ends_ns)

    def metadata(self, repository: RepositoryName, directive: int, time_ns: int) -> Metadata:
        """Return the files of a repository; of the Image repository they do not depend on the directive."""
        stage = directive if repository == "director" else 1 + (time_ns >= self._publish_ns)
        epochs = tuple(max(0, time_ns) // self._refresh_ns(repository, role) for role in _ORDER)
        return self._served(repository, stage, epochs)

    def images(self) -> Iterator[Image]:
        """Yield every image that the Image repository holds once all is published."""
        for release in (*self.releases, *self._reissued):
            yield from release.images.values()

    def _made(self, repository: RepositoryName, stage: int, epochs: tuple[int, ...]) -> Metadata:
        """Return the files of one stage of a repository, each role signed for the so-manieth time."""
        at = dict(zip(_ORDER, self._signings(repository, stage, epochs), strict=True))
        signers = {role: self.keys.signers(repository, role) for role in _ORDER}
        root_signings = (self._signing(repository, "root", 1 + epoch, epoch) for epoch in range(epochs[0] + 1))
        roots = tuple(signing.root(one, repository, self.keys) for one in root_signings)
        about = {DIRECTIVE: stage} if repository == "director" else {}
        targets = signing.targets(at["targets"], self._targets(repository, stage), signers["targets"], about)
        snapshot = signing.snapshot(at["snapshot"], at["targets"], targets, signers["snapshot"])
        timestamp = signing.timestamp(at["timestamp"], at["snapshot"], snapshot, signers["timestamp"])
        return Metadata(roots, timestamp, snapshot, targets)

    def _signings(self, repository: RepositoryName, stage: int, epochs: tuple[int, ...]) -> Iterator[Signing]:
        """Yield the signing of each role; its version grows with whatever it lists."""
        root, targets, snapshot, timestamp = epochs
        versions = (1 + root, stage + targets, stage + targets + snapshot, stage + targets + snapshot + timestamp)
        for role, version, epoch in zip(_ORDER, versions, epochs, strict=True):
            yield self._signing(repository, role, version, epoch)

    def _signing(self, repository: RepositoryName, role: RoleName, version: int, epoch: int) -> Signing:
        lasts_ns = 2 * self._refresh_ns(repository, role)
        return Signing(version, signing.instant(self.start, epoch * lasts_ns // 2 + lasts_ns))

    def _refresh_ns(self, repository: RepositoryName, role: RoleName) -> int:
        return round(self.keys.role(repository, role).expires_s * 5e8)

    def _targets(self, repository: RepositoryName, stage: int) -> Mapping[str, TargetFile]:
        """Return what a repository lists: the Director what one site is to install, the other all that there is."""
        if repository == "director":
            images = self.directed(stage).images
            return {image.file_name: signing.target_of(image, role) for role, image in images.items()}
        every = self.images() if stage > 1 else iter(self.releases[0].images.values())
        return {image.file_name: signing.target_of(image) for image in every}


_ORDER: tuple[RoleName, ...] = ("root", "targets", "snapshot", "timestamp")
"""Each role behind what it lists."""


def _files(served: Metadata) -> Files:
    return Files(served.roots[-1], served.timestamp, served.snapshot, served.targets)


@lru_cache(maxsize=4096)
def _directive_of(targets: bytes) -> int:
    """Return the number of the directive in the Director's targets metadata; 1 where there is none."""
    content = Envelope[Targets].from_bytes(targets).signed
    found = content.unrecognized_fields.get(DIRECTIVE, 1)
    return found if isinstance(found, int) else 1


def _falling(older: Release, newer: Release) -> Iterator[Problem]:
    """Yield the roles whose release counter falls."""
    for role in sorted(older.images.keys() & newer.images.keys()):
        last, following = (one.images[role].manifest.release_counter for one in (older, newer))
        if following < last:
            text = f"release counter {following} is below {last} of what is running; every ECU would refuse it"
            yield Problem(text, path=f"{PATH}.{role}")
