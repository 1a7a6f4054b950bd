"""Runs whose buses are in trouble, cut into segments or spoken on by a trace, from the command line to the log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import twin as library
from tests.worlds.command import twin
from twin.cli.execute import execute
from twin.errors import InputError
from twin.scenario import load

TROUBLES = """\
name: Troubles
seed: 1
start: 2026-06-21T12:00:00+08:00
duration_s: 100
fleet: {sites: 6, modules: 2, spread: {soc: 0.4, temperature_start_K: 28 degC}}
load: {kind: bdew, annual_kWh: 4000}
pv: {kind: clear_sky, peak_W: 6 kW}
record: {frames: true}
faults:
  - {kind: broken_wire, site: 0, node: Module01, start_s: 30, duration_s: 40}
  - {kind: babbling_node, site: 1, node: Module02, start_s: 30, duration_s: 30}
  - {kind: wrong_frames, site: 2, node: Pack1, start_s: 30, frames: 32}
  - {kind: bit_errors, site: 3, start_s: 30, duration_s: 60, rate: 0.003}
  - {kind: broken_wire, site: 4, node: Inverter, start_s: 30}
"""


def run(folder: Path, text: str, *overrides: str, shards: int = 1) -> Path:
    """Run a scenario and return its folder."""
    name = "-".join(["run", *(override.split("=")[-1] for override in overrides)])
    (folder / "scenario.yaml").write_text(text)
    execute(load(folder / "scenario.yaml", overrides), folder / name, quiet=True, shards=shards)
    return folder / name


def group(run: Path, name: str) -> Any:
    return library.open_run(run).children[name].to_dataset(inherit=False)


def logged(run: Path, signal: str, site: int = 0) -> Any:
    return library.open_run(run).to_dataset()[signal].sel(site=site).values


def events(run: Path) -> pd.DataFrame:
    return group(run, "events").to_dataframe().sort_values("time_ns", kind="stable")


def told(found: pd.DataFrame, site: int, code: str) -> list[float]:
    """Return when something was told of a site, in seconds."""
    return (found[(found["site_id"] == site) & (found["code"] == code)]["time_ns"] * 1e-9).tolist()


@pytest.fixture(scope="module")
def troubles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("troubles"), TROUBLES)


@pytest.mark.parametrize(
    ("override", "shards"), [("bus.engine=simpy", 2), ("bus.threads=3", 1)], ids=["simpy", "threads"]
)
def test_whatever_computes_the_buses_the_log_is_the_same(
    override: str, shards: int, troubles: Path, tmp_path: Path
) -> None:
    other = run(tmp_path, TROUBLES, override, shards=shards)
    for node in ("", "events", "frames", "bus", "bus_nodes"):
        trees = (library.open_run(one) for one in (troubles, other))
        left, right = ((tree.children[node] if node else tree).to_dataset(inherit=False) for tree in trees)
        assert set(left) == set(right)
        for name in left:
            np.testing.assert_array_equal(left[name].values, right[name].values, f"{node}/{name}")


def test_a_module_without_a_wire_is_missed_and_comes_back(troubles: Path) -> None:
    found = events(troubles)
    silent = found[(found["site_id"] == 0) & (found["code"] == "module_silent")]
    gone_s, back_s = (silent["time_ns"] * 1e-9).tolist()
    assert 33.0 < gone_s < 35.0, "three and a half periods of 1 s"
    assert 70.0 < back_s < 72.0
    assert 30.0 < told(found, 0, "error_passive")[0] < 31.1, "at its first frame that nobody acknowledges"
    power_W = logged(troubles, "power_W", 0)
    assert power_W[50] < -3000, "one module of two goes on charging"


def test_a_babbling_node_leaves_no_room_for_others(troubles: Path) -> None:
    load = logged(troubles, "bus_load", 1)
    assert (load[31:59] > 0.999).all()
    assert (load[62:] < 0.01).all()
    bus = group(troubles, "bus")
    frames = bus["frames"].sel(site=1).to_series().set_axis(bus["message"].values)
    assert frames["Babble_Module02_0"] > 100_000
    assert bus["overwritten"].sel(site=1).sum() > 30_000
    assert len(told(events(troubles), 1, "module_silent")) == 4, "two modules unheard, and heard again"


def test_thirty_two_wrong_frames_send_a_controller_bus_off(troubles: Path) -> None:
    found = events(troubles)
    passive_s, off_s, active_s = (told(found, 2, code)[0] for code in ("error_passive", "bus_off", "error_active"))
    assert passive_s < off_s < active_s
    assert active_s - off_s == pytest.approx(0.1 + 128 * 11 / 500_000, abs=2e-6)
    frames = group(troubles, "frames").to_dataframe()
    mine = frames[(frames["site_id"] == 2)].groupby(level="frame").first()
    wrong = mine[mine["error_bit"] >= 0]
    assert len(wrong) == 32
    assert (wrong["error_bit"] == 20).all()
    assert (wrong["flags"] & 16 > 0).all()


def test_noise_costs_frames_again_but_loses_none_while_nodes_take_part(troubles: Path) -> None:
    bus, nodes = group(troubles, "bus"), group(troubles, "bus_nodes")
    assert bus["errors"].sel(site=3).sum() > 100
    calm = bus["errors"].drop_sel(site=[2, 3])
    assert (calm == 0).all(), "no other site has an error that counts as an attempt on the wire"
    sent = bus["frames"].sel(site=3).sum() + bus["dropped"].sel(site=3).sum() + bus["overwritten"].sel(site=3).sum()
    assert abs(int(sent) - int(bus["frames"].sel(site=5).sum())) <= 24, "but for what waits at the end"
    assert nodes["bus_offs"].sel(site=2).values.tolist() == [1, 0, 0, 0]


def test_after_a_disturbance_the_bus_is_as_noisy_as_it_was(tmp_path: Path) -> None:
    text = ONE_HOME.replace("duration_s: 100", "duration_s: 30") + "bus: {bit_error_rate: 0.001}\n"
    text += "faults: [{kind: bit_errors, site: 0, start_s: 10, duration_s: 10, rate: 0.004}]\n"
    frames = group(run(tmp_path, text), "frames")
    wrong_ns = frames["start_ns"].values[frames["error_bit"].values >= 0]
    before, during, after = np.histogram(wrong_ns, np.arange(4) * 10_000_000_000)[0]
    assert during > 2 * before
    assert before / 2 < after < 2 * before


@pytest.mark.parametrize("first", [0, 1], ids=["in order", "the later one stated first"])
def test_a_fault_may_begin_when_one_like_it_ends(first: int, tmp_path: Path) -> None:
    babbles = [f"{{kind: babbling_node, site: 0, node: Module02, start_s: {at}, duration_s: 5}}" for at in (5, 10)]
    breaks = [f"{{kind: broken_wire, site: 0, node: Inverter, start_s: {at}, duration_s: 5}}" for at in (15, 20)]
    faults = ", ".join(pair[place] for pair in (babbles, breaks) for place in (first, 1 - first))
    text = ONE_HOME.replace("duration_s: 100", "duration_s: 30") + f"faults: [{faults}]\n"
    frames = group(run(tmp_path, text), "frames")
    second = frames["start_ns"].values // 1_000_000_000
    assert set(second[frames["identifier"].values == 0]) >= set(range(5, 15))
    assert not set(second[frames["identifier"].values == 0x305]) & set(range(16, 25))


def test_an_inverter_off_the_bus_stops(troubles: Path) -> None:
    power_W = logged(troubles, "power_W", 4)
    assert power_W[25] < -3000
    assert (power_W[45:] == 0).all()


def test_an_untroubled_site_is_as_without_troubles(troubles: Path, tmp_path: Path) -> None:
    calm = run(tmp_path, TROUBLES.split("faults:")[0])
    for name in ("power_W", "current_A", "bus_load"):
        values = [logged(one, name, 5) for one in (troubles, calm)]
        np.testing.assert_array_equal(values[0], values[1], name)


ONE_HOME = TROUBLES.split("faults:")[0].replace("sites: 6", "sites: 1")


def test_the_inverter_on_a_segment_of_its_own(tmp_path: Path) -> None:
    segments = "segments: [{name: inverter, nodes: [Inverter], gateway: Pack1, bitrate_bit_s: 250 kbit/s}]"
    whole, apart = run(tmp_path, ONE_HOME), run(tmp_path, ONE_HOME + f"bus: {{{segments}}}\n", "name=apart")
    frames = group(apart, "frames")
    on = {int(segment): set(frames["identifier"].values[frames["segment"].values == segment]) for segment in (0, 1)}
    assert on[1] == {0x305, 0x351, 0x355, 0x356, 0x359, 0x35C, 0x35E}
    assert not on[0] & on[1]
    power_W = [logged(one, "power_W")[60:] for one in (whole, apart)]
    np.testing.assert_allclose(power_W[1], power_W[0], rtol=1e-3)


def test_a_recorded_trace_speaks_for_a_node(tmp_path: Path) -> None:
    """The inverter's heartbeats come from a trace of another run, and the simulated inverter is not heard."""
    recorded = run(tmp_path, ONE_HOME)
    done = twin("trace", recorded, "--site", "0", "-o", tmp_path / "home.asc", "--quiet")
    assert done.returncode == 0, done.stderr
    text = ONE_HOME + f"bus: {{replay: [{{file: {tmp_path}/home.asc, node: Inverter, start_s: 10}}]}}\n"
    replayed = run(tmp_path, text, "name=replayed")
    first, second = (group(one, "frames") for one in (recorded, replayed))
    beats = [one["payload"].values[one["identifier"].values == 0x305] for one in (first, second)]
    assert 80 < len(beats[1]) < len(beats[0])
    np.testing.assert_array_equal(beats[1], beats[0][: len(beats[1])])
    instants_ns = second["release_ns"].values[second["identifier"].values == 0x305]
    assert instants_ns.min() >= 10_000_000_000
    (told_of,) = events(replayed).query("code == 'replay'")["message"]
    kept, late = len(beats[0]), len(beats[0]) - len(beats[1])
    rest = len(first["identifier"]) - kept
    assert told_of == (
        f"Inverter sends frames of home.asc: {kept}, after the end of the run: {late}; "
        f"left out, other nodes' messages, copies on other channels or error frames: {rest}"
    )
    assert twin("rerun", replayed, "--site", "0", "-o", tmp_path / "again", "--quiet").returncode == 0
    again = group(tmp_path / "again", "frames")
    np.testing.assert_array_equal(again["start_ns"].values, second["start_ns"].values)


MISFITS = {
    "short": (
        "305#0102",
        "Inverter",
        "expected Inverter_Heartbeat as in the database, a classic data frame of 8 bytes",
    ),
    "remote": ("305#R8", "Inverter", "expected Inverter_Heartbeat as in the database, a classic data frame of 8 bytes"),
    "FD": ("305##10102030405060708", "Inverter", "expected Inverter_Heartbeat as in the database, a classic data"),
    "of another ECU": (
        "305#0102030405060708",
        "Pack1",
        "other.log: found frames of Inverter; expected some of Pack1\n",
    ),
    "of nobody": ("7A0#00", "Pack1", "other.log: found frames of no message of the database; expected some of Pack1"),
    "of a misspelt ECU": (
        "305#0102030405060708",
        "Invertor",
        "other.log: found frames of Inverter; expected some of Invertor (did you mean Inverter?)",
    ),
}


@pytest.mark.parametrize(("frame", "node", "says"), MISFITS.values(), ids=MISFITS)
def test_a_trace_that_does_not_fit_the_database_is_refused(frame: str, node: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "other.log").write_text(f"(0.000000) can0 {frame}\n")
    text = ONE_HOME + f"bus: {{replay: [{{file: {tmp_path}/other.log, node: {node}}}]}}\n"
    (tmp_path / "other.yaml").write_text(text)
    with pytest.raises(InputError) as refusal:
        execute(load(tmp_path / "other.yaml"), tmp_path / "other", quiet=True)
    told = f"{refusal.value}\n"
    assert "other.log: found " in told
    assert says in told
    assert not (tmp_path / "other").exists()


def test_a_trace_of_a_foreign_device_adds_its_frames(tmp_path: Path) -> None:
    (tmp_path / "foreign.log").write_text(
        "(0.000000) can0 7A0#0102\n(0.500000) can0 18FF1234#00112233445566\n(1.000000) can0 7A0#\n"
    )
    text = ONE_HOME + f"bus: {{replay: [{{file: {tmp_path}/foreign.log, node: Charger, start_s: 20}}]}}\n"
    folder = run(tmp_path, text)
    (told_of,) = events(folder).query("code == 'replay'").itertuples()
    assert (told_of.time_ns, told_of.site_id, told_of.source) == (0, 0, "scenario")
    assert told_of.message == "Charger sends frames of foreign.log: 3"
    frames = group(folder, "frames").to_dataframe().groupby(level="frame").first()
    foreign = frames[frames["identifier"].isin([0x7A0, 0x18FF1234])]
    assert foreign["release_ns"].tolist() == [20_000_000_000, 20_500_000_000, 21_000_000_000]
    assert foreign["length"].tolist() == [2, 7, 0]
    assert foreign["flags"].tolist() == [0, 1, 0]


def test_overload_is_said_before_the_run_and_counted_in_it(tmp_path: Path) -> None:
    text = ONE_HOME.replace("modules: 2", "modules: 16") + "bus: {bitrate_bit_s: 10 kbit/s}\n"
    (tmp_path / "slow.yaml").write_text(text)
    done = twin("run", tmp_path / "slow.yaml", "-o", tmp_path / "slow")
    assert done.returncode == 0
    assert "overloaded" in done.stderr
    assert "can starve" in done.stderr
    bus = group(tmp_path / "slow", "bus")
    assert bus["overwritten"].sum() > 0
    assert bus["dropped"].sum() == 0
    queued = group(run(tmp_path, text, "bus.queue=fifo"), "bus")
    assert queued["overwritten"].sum() == 0
    assert queued["misses"].sum() > 0
    assert queued["dropped"].sum() > 0, "a module sends 7 frames a second and has room for 32"
    assert "can starve" in twin("check", tmp_path / "slow.yaml").stdout


TWO_PACKS = ONE_HOME.replace("modules: 2", "packs: 2, modules: 2").replace("duration_s: 100", "duration_s: 20")
BEHIND = """segments: [
  {name: first, nodes: [Module01, Module02], gateway: Pack1},
  {name: second, nodes: [Module03, Module04], gateway: Pack2}]"""


def by_segment(found: Path, column: str, message: str) -> dict[str, int]:
    """Return what a run counted of a message on each of its segments."""
    bus = group(found, "bus")
    mine = bus["message"].values == message
    return dict(zip(bus["segment"].values[mine], bus[column].values[0, mine].tolist(), strict=True))


@pytest.fixture(scope="module")
def behind_gateways(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of two packs, each the gateway to its modules' bus; two commands of the first one are destroyed."""
    faults = "faults: [{kind: wrong_frames, site: 0, message: Pack1_Command, start_s: 5, frames: 2}]\n"
    return run(tmp_path_factory.mktemp("behind"), TWO_PACKS + f"bus: {{{BEHIND}}}\n{faults}")


def test_wrong_frames_of_a_message_are_wrong_on_every_bus_on_which_its_sender_sends_it(behind_gateways: Path) -> None:
    assert by_segment(behind_gateways, "errors", "Pack1_Command") == {"can": 2, "first": 2, "second": 0}


@pytest.mark.parametrize("segment", [[], ["--segment", "0"]], ids=["all channels", "one channel"])
def test_a_replayed_gateway_speaks_on_all_its_buses(behind_gateways: Path, segment: list[str], tmp_path: Path) -> None:
    trace = tmp_path / "home.asc"
    done = twin("trace", behind_gateways, "--site", "0", "-o", trace, "--quiet", *segment)
    assert done.returncode == 0, done.stderr
    text = TWO_PACKS + f"bus: {{{BEHIND}, replay: [{{file: {trace}, node: Pack1}}]}}\n"
    frames = by_segment(behind_gateways, "frames", "Pack1_Command")
    assert frames["can"] == frames["first"] == frames["second"] > 15
    assert by_segment(run(tmp_path, text), "frames", "Pack1_Command") == frames
