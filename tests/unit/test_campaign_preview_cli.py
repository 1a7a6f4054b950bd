"""``twin ota preview`` and ``twin check`` tell what a scenario's campaign will do, and what is wrong with it."""

from __future__ import annotations

from tests.worlds.command import twin

RELEASE = "release: {pack_controller: firmware/good/pack_controller_2_4_0.py}"


def _ota(campaign: str) -> str:
    return f"--set=ota={{{RELEASE}, campaign: {campaign}}}"


def test_a_scenario_is_previewed() -> None:
    policy = "{policy: {kind: hawkbit, number_of_groups: 3}}"
    done = twin("ota", "preview", "scenarios/home_fleet.yaml", _ota(policy), "--update-s", "600", "--sites")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:4]] == [["group-1", "33"], ["group-2", "34"], ["group-3", "33"]]
    assert "600 s once its window is open" in done.stdout
    assert lines[-1].startswith("group-3: 67 68 69")


def test_a_scenario_without_a_rollout_is_refused() -> None:
    done = twin("ota", "preview", "scenarios/home_fleet.yaml")
    assert done.returncode == 2
    assert "there is no rollout in it" in done.stderr


def test_all_mistakes_of_a_campaign_are_found_as_the_scenario_is_read() -> None:
    done = twin("check", "scenarios/home_fleet.yaml", _ota("{sites: [1, 1000], policy: {kind: hawkbit}}"))
    assert done.returncode == 2
    assert "ota.campaign.sites: there is no site 1000" in done.stderr
    assert "ota.campaign.policy.number_of_groups: expected either" in done.stderr
