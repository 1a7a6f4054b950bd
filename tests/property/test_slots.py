"""Slots as arrays and slots as bytes agree, wherever the power fails; and there is always something to boot."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.worlds.boot_flash import BOOT_ATTEMPTS, SIZE, BootFlash, Flags, image
from twin.ota.client.slots import Slots

IMAGE_BYTES = 64
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(1, 5), st.integers(0, IMAGE_BYTES)),
        st.tuples(st.just("switch"), st.just(0), st.integers(0, SIZE)),
        st.tuples(st.just("mark good"), st.just(0), st.integers(0, SIZE)),
        st.tuples(st.just("boot"), st.just(0), st.just(0)),
    ),
    max_size=30,
)


class Pair:
    """One ECU, as the clients keep it and as its flash has it."""

    def __init__(self) -> None:
        self.arrays, self.flash = Slots(1, 1, BOOT_ATTEMPTS), BootFlash()

    def write(self, version: int, torn_after: int) -> None:
        """Write into the spare slot, as clients do: only while what runs is no longer on trial."""
        running = int(self.arrays.booted[0, 0])
        if running != self.arrays.first[0, 0] or not self.arrays.good[0, 0, running]:
            return
        flags = self.flash.flags()
        spare = 1 - flags.first
        if flags.good[spare]:
            good = (flags.good[0] and spare != 0, flags.good[1] and spare != 1)
            self.flash.change(replace(flags, good=good))
        self.flash.write(spare, image(version, IMAGE_BYTES), torn_after)
        self.arrays.write(0, 0, version, torn_after, verified=torn_after == IMAGE_BYTES)

    def switch(self, torn_after: int) -> None:
        flags = self.flash.flags()
        slot = 1 - flags.first
        if self.flash.version(slot) < 0:
            return
        attempts = 0 if flags.good[slot] else BOOT_ATTEMPTS
        self.flash.change(replace(flags, first=slot, attempts=attempts), torn_after)
        if torn_after == SIZE:
            self.arrays.put_first(0, 0, slot)

    def mark_good(self, torn_after: int) -> None:
        flags, running = self.flash.flags(), int(self.arrays.booted[0, 0])
        if running != flags.first:
            return
        good = (flags.good[0] or running == 0, flags.good[1] or running == 1)
        self.flash.change(replace(flags, good=good, attempts=0), torn_after)
        if torn_after == SIZE:
            self.arrays.mark_good(0, 0, running)

    def boot(self) -> tuple[int, int]:
        """Return the versions that both start."""
        slot = self.flash.boot()
        return self.arrays.boot(0, 0), self.flash.version(slot) if slot >= 0 else -1


@given(STEPS)
@settings(max_examples=300, deadline=None)
def test_arrays_and_bytes_boot_the_same(steps: list[tuple[str, int, int]]) -> None:
    pair = Pair()
    for what, version, torn_after in steps:
        if what == "write":
            pair.write(version, torn_after)
        elif what == "switch":
            pair.switch(torn_after)
        elif what == "mark good":
            pair.mark_good(torn_after)
        if what == "boot" or torn_after not in (SIZE, IMAGE_BYTES):
            started, real = pair.boot()
            assert started == real
            assert real >= 0, "bricked"


@pytest.mark.parametrize("torn_after", range(SIZE + 1))
def test_boot_flags_are_written_as_a_whole_or_not_at_all(torn_after: int) -> None:
    flash = BootFlash()
    flash.change(Flags(first=1, attempts=3, good=(True, False)), torn_after)
    assert flash.flags().first == (torn_after == SIZE)
    flash.change(Flags(first=1, attempts=2, good=(True, False)))
    assert flash.flags().attempts == 2, "and the next write goes through"


@pytest.mark.parametrize("torn_after", range(IMAGE_BYTES + 1))
def test_an_image_that_is_torn_anywhere_does_not_verify(torn_after: int) -> None:
    flash = BootFlash()
    flash.write(1, image(1, IMAGE_BYTES), torn_after)
    assert (flash.version(1) == 1) == (torn_after == IMAGE_BYTES)


def test_a_trial_gets_its_attempts_and_no_more() -> None:
    slots = Slots(1, 1, boot_attempts=3)
    slots.write(0, 0, 1, 100, verified=True)
    slots.put_first(0, 0, 1)
    assert [slots.boot(0, 0) for _ in range(6)] == [1, 1, 1, 0, 0, 0]


def test_boot_flags_that_are_written_once_more_give_no_more_attempts() -> None:
    slots = Slots(1, 1, boot_attempts=2)
    slots.write(0, 0, 1, 100, verified=True)
    versions: list[int] = []
    for _ in range(3):
        if len(versions) < 2:
            slots.put_first(0, 0, 1)
        versions.append(slots.boot(0, 0))
    assert versions == [1, 1, 0]


def test_what_is_good_needs_no_attempts() -> None:
    slots = Slots(1, 1, boot_attempts=1)
    slots.write(0, 0, 1, 100, verified=True)
    slots.put_first(0, 0, 1)
    assert slots.boot(0, 0) == 1
    slots.mark_good(0, 0, 1)
    assert [slots.boot(0, 0) for _ in range(4)] == [1, 1, 1, 1]
    assert slots.holds(0, 0, 0), "the old version is there to go back to"


def test_a_slot_on_trial_is_started_beyond_its_attempts_rather_than_nothing() -> None:
    slots = Slots(1, 1, boot_attempts=1)
    slots.write(0, 0, 1, 100, verified=True)
    slots.put_first(0, 0, 1)
    slots.verified[0, 0, 0] = False
    assert [slots.boot(0, 0) for _ in range(3)] == [1, 1, 1]
    slots.verified[0, 0, 1] = False
    assert slots.boot(0, 0) == -1
    assert slots.booted[0, 0] == -1
