"""What a scenario says of its updates: the release, where it comes from, how it reaches ECUs, and the campaign."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from twin.options import Options
from twin.ota.campaign.options import CampaignOptions
from twin.ota.client.options import ClientOptions, Wan
from twin.ota.distribution.options import FlashOptions
from twin.ota.repository.options import RepositoryOptions


class Ota(Options):
    """A rollout: every site of the campaign gets the release, from a repository, over its WAN and its buses."""

    release: Annotated[dict[str, str], Field(min_length=1)]
    """By role what its ECUs are to run: a firmware source (a Python file or an FMU) or an image file."""
    repository: RepositoryOptions = RepositoryOptions()
    wan: Wan = Wan()
    client: ClientOptions = ClientOptions()
    flash: FlashOptions = FlashOptions()
    campaign: CampaignOptions = CampaignOptions.model_validate({})
