from typing import Any, final

import numpy as np
from numpy.typing import NDArray

@final
class Codec:
    def __init__(
        self,
        *,
        length: int,
        kinds: NDArray[np.int64],
        numbers: NDArray[np.float64],
        runs: NDArray[np.int64],
        selections: list[tuple[int, int, list[tuple[int, int]]]],
    ) -> None: ...
    def encode(self, physical: NDArray[np.float64], payload: NDArray[np.uint8]) -> None: ...
    def decode(self, payload: NDArray[np.uint8], physical: NDArray[np.float64]) -> None: ...
    def decode_mailboxes(
        self,
        payload: NDArray[np.uint8],
        received_ns: NDArray[np.int64],
        site: NDArray[np.int64],
        box: NDArray[np.int64],
        physical: NDArray[np.float64],
        time_ns: NDArray[np.int64],
    ) -> None: ...

@final
class Network:
    def __init__(
        self,
        *,
        segments: NDArray[np.float64],
        nodes: NDArray[np.int64],
        messages: NDArray[np.int64],
        order: list[int],
        boxes: NDArray[np.int64],
        routes: NDArray[np.int64],
        links: NDArray[np.int64],
        buffer_bytes: list[int],
        formats: NDArray[np.int64],
        format_of: NDArray[np.int64],
        headers: NDArray[np.int64],
        crc: NDArray[np.int64],
        stuffing: list[NDArray[np.uint8]],
        keys: NDArray[np.uint64],
        mailbox_time_ns: NDArray[np.int64],
        mailbox_payload: NDArray[np.uint8],
        counts: list[NDArray[np.int64]],
        latency_histogram: NDArray[np.uint32],
        busy_ns: NDArray[np.int64],
        counters: list[NDArray[np.int64]],
        state: NDArray[np.int8],
        logged: list[int],
        threads: int,
    ) -> None: ...
    def send(
        self,
        message: NDArray[np.int64],
        rows: NDArray[np.int64],
        time_ns: NDArray[np.int64],
        payload: NDArray[np.uint8],
        formats: NDArray[np.int64],
    ) -> None: ...
    def instruct(
        self,
        kind: int,
        target: int,
        rows: NDArray[np.int64],
        time_ns: NDArray[np.int64],
        values: NDArray[np.int64],
        payload: NDArray[np.uint8],
    ) -> None: ...
    def add_thresholds(self, thresholds: NDArray[np.uint64]) -> None: ...
    def transfer(self, link: int, rows: NDArray[np.int64], time_ns: NDArray[np.int64], data: list[bytes]) -> None: ...
    def advance(self, until_ns: NDArray[np.int64]) -> None: ...
    def take_log(self, site: int) -> bytes: ...
    def take_changes(self) -> list[tuple[int, int, int, int]]: ...
    def take_transfers(self) -> list[tuple[int, int, int, int, bytes]]: ...

@final
class Columns:
    def __init__(
        self, references: NDArray[np.uint32], positions: NDArray[np.int64], start: NDArray[np.float64], direct: bool
    ) -> None: ...

@final
class States: ...

@final
class Pool:
    def __init__(
        self,
        *,
        library: str,
        version: str,
        name: str,
        token: str,
        resource_uri: str,
        resource_path: str,
        log_categories: list[str],
        keeps_state: bool,
        serializes_state: bool,
        input_columns: Columns,
        output_columns: Columns,
        inputs: NDArray[np.float64],
        outputs: NDArray[np.float64],
        status: NDArray[np.int32],
        generation: NDArray[np.int32],
        threads: int,
    ) -> None: ...
    def start(
        self,
        rows: list[int],
        parameters: Columns,
        values: NDArray[np.float64],
        start_s: float,
        tolerance: float | None,
        stop_s: float | None,
    ) -> None: ...
    def step(
        self, time_s: NDArray[np.float64], step_s: NDArray[np.float64], mask: NDArray[np.bool_] | None
    ) -> None: ...
    def take(self) -> States: ...
    def put(self, states: States, mask: NDArray[np.bool_]) -> None: ...
    def release(self, states: States) -> None: ...
    def freeze(self, instance: int) -> bytes: ...
    def thaw(self, instance: int, state: bytes) -> None: ...
    def failure(self, instance: int) -> tuple[str | None, int, bytes]: ...
    def addresses(self) -> list[int]: ...
    def close(self) -> None: ...

@final
class Rows:
    def __init__(self, arrays: list[NDArray[Any]]) -> None: ...
    def take(self, rows: NDArray[np.int64], into: list[NDArray[Any]]) -> None: ...
    def put(self, rows: NDArray[np.int64], values: list[NDArray[Any]]) -> None: ...
