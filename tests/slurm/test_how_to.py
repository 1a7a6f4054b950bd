"""The how-to for clusters, executed as a user would."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.test_code_blocks import ON_A_CLUSTER, run_blocks


@pytest.mark.usefixtures("lab", "short_jobs")
@pytest.mark.parametrize("page", ON_A_CLUSTER, ids=lambda page: page.name)
def test_blocks_run(page: Path, tmp_path: Path) -> None:
    run_blocks(page, tmp_path)
