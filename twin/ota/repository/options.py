"""How the repositories are set up: keys, thresholds and expiry of their roles."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from twin.options import Options
from twin.quantity import Seconds

DAY_S = 86_400.0


class RoleOptions(Options):
    """One role of one repository."""

    keys: Annotated[int, Field(ge=1, le=16)] = 1
    threshold: Annotated[int, Field(ge=1, le=16)] = 1
    """How many of its keys have to sign."""
    expires_s: Annotated[Seconds, Field(ge=60)] = DAY_S
    """After it was signed. It is signed anew, with the next version, at every half of this."""

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        if self.threshold > self.keys:
            raise ValueError(f"threshold {self.threshold} can never be met with {self.keys} keys")
        return self


class RolesOptions(Options):
    """The four roles of a repository."""

    root: RoleOptions = RoleOptions(keys=3, threshold=2, expires_s=365 * DAY_S)
    targets: RoleOptions = RoleOptions(keys=2, threshold=2, expires_s=90 * DAY_S)
    snapshot: RoleOptions = RoleOptions(expires_s=7 * DAY_S)
    timestamp: RoleOptions = RoleOptions()


class RepositoryOptions(Options):
    """The two repositories of the Uptane standard.

    Root keys, and those of the Image repository's targets, are people's and lie offline, so several have to sign. The
    Director signs on demand: its other keys are online (Uptane Deployment Best Practices 2.0.0, "Repositories").
    """

    director: RolesOptions = RolesOptions(targets=RoleOptions(expires_s=7 * DAY_S))
    image: RolesOptions = RolesOptions()
