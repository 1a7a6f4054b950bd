"""The codec where cantools has no say: values out of range, values that are missing, signals that are not given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from twin.errors import InputError
from twin.network.dbc.codec import MessageLayout, SignalLayout
from twin.network.dbc.database import Database

EXOTIC = Path(__file__).parents[1] / "contract/codec_exotic.dbc"


@pytest.fixture(scope="module")
def state() -> MessageLayout:
    return Database.load("home_battery")["Module01_State"]


@pytest.mark.parametrize(
    ("signal", "value", "decoded"),
    [
        ("Current", 4000.0, 3276.7),
        ("Current", -4000.0, -3276.8),
        ("Voltage", -1.0, 0.0),
        ("Voltage", np.inf, 655.35),
        ("SOC", 100.4, 100.0),
        ("Level", 9.0, 3.0),
        ("ContactorClosed", 2.0, 1.0),
    ],
)
def test_values_out_of_range_saturate(state: MessageLayout, signal: str, value: float, decoded: float) -> None:
    found = state.decode(state.encode({signal: np.array([value])}))
    assert found.pop(signal)[0] == pytest.approx(decoded)
    assert all(others[0] == 0.0 for others in found.values())


@pytest.mark.parametrize(("signal", "decoded"), [("SOC", 655.35), ("Current", 3276.7), ("Level", 3.0)])
def test_a_missing_value_goes_out_as_the_highest_raw_value(state: MessageLayout, signal: str, decoded: float) -> None:
    assert state.decode(state.encode({signal: np.array([np.nan])}))[signal][0] == pytest.approx(decoded)


@pytest.mark.parametrize(
    ("name", "value", "payload"),
    [
        ("WideSigned", 1e30, "00fcffffffffff7f"),  # the highest float64 below 2**63
        ("WideSigned", -1e30, "0000000000000080"),
        ("WideUnsigned", 1e30, "fffffffffffff800"),  # the highest float64 below 2**64
        ("WideUnsigned", -1.0, "0000000000000000"),
    ],
)
def test_the_widest_integers_saturate_too(name: str, value: float, payload: str) -> None:
    assert Database.load(EXOTIC)[name].encode({"Value": value}).tobytes().hex() == payload


def test_only_the_selected_page_of_a_multiplexed_message_is_sent() -> None:
    layout = Database.load(EXOTIC)["Multiplexed"]
    payload = layout.encode({"Page": np.arange(4), "Voltage": 0.258, "Temperature": 21.5, "Current": -0.2})
    assert [row.tobytes().hex() for row in payload[:, :4]] == ["00020100", "01030000", "0200fffe", "03000000"]
    found = layout.decode(payload)
    assert np.isnan(found["Voltage"]).tolist() == [False, True, True, True]
    assert found["Current"][2] == pytest.approx(-0.2)


def test_signals_that_are_not_given_have_their_initial_values() -> None:
    signals = (SignalLayout("A", 0, 8, initial=7.0), SignalLayout("B", 8, 8))
    layout = MessageLayout("M", 1, 2, signals=signals)
    assert layout.encode({"B": np.array([1.0, 2.0])}).tolist() == [[7, 1], [7, 2]]
    assert layout.encode({}, count=3).tolist() == [[7, 0]] * 3


def test_unknown_signals_are_refused(state: MessageLayout) -> None:
    with pytest.raises(
        InputError, match=r"Module01_State: the message has no signal Curent \(did you mean Current\?\)"
    ):
        state.encode({"Curent": np.zeros(2)})


def test_messages_without_signals() -> None:
    empty = MessageLayout("Empty", 1, 4)
    assert empty.encode({}, count=2).tolist() == [[0] * 4] * 2
    assert empty.decode(np.zeros((2, 4), np.uint8)) == {}


def test_bytes_beyond_the_message_are_ignored_as_in_a_mailbox(state: MessageLayout) -> None:
    odd = MessageLayout("Odd", 1, 2, signals=(SignalLayout("Value", 0, 16),))
    assert odd.decode(np.array([[1, 2, 3, 4, 5, 6, 7, 8]], np.uint8))["Value"].tolist() == [513.0]
