"""One instance's state as bytes: a line of JSON, outputs and parameters as little-endian doubles, the FMU's own bytes.

The FMU's bytes are from ``SerializeFMUstate`` and mean something to the same FMU only.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from twin.plant.pool import FloatArray, Status


@dataclass(frozen=True)
class Frozen:
    """What a pool knows of one instance; ``outputs`` and ``parameters`` are numbers by scalar name."""

    fmu: str
    status: Status
    message: str
    outputs: dict[str, float]
    parameters: dict[str, float]
    own: bytes

    def to_bytes(self) -> bytes:
        """Return the bytes that ``from_bytes`` reads."""
        header = {
            "fmu": self.fmu,
            "status": int(self.status),
            "message": self.message,
            "outputs": list(self.outputs),
            "parameters": list(self.parameters),
        }
        numbers = np.array([*self.outputs.values(), *self.parameters.values()], dtype="<f8")
        return json.dumps(header).encode() + b"\n" + numbers.tobytes() + self.own


def from_bytes(state: bytes) -> Frozen:
    """Return the state that the bytes hold; raise ValueError if they hold none."""
    line, _, body = state.partition(b"\n")
    try:
        header = json.loads(line)
        outputs, parameters = list(header["outputs"]), list(header["parameters"])
        end = 8 * (len(outputs) + len(parameters))
        numbers: FloatArray = np.frombuffer(body[:end], dtype="<f8").astype(np.float64)
        return Frozen(
            fmu=str(header["fmu"]),
            status=Status(header["status"]),
            message=str(header["message"]),
            outputs=dict(zip(outputs, numbers[: len(outputs)].tolist(), strict=True)),
            parameters=dict(zip(parameters, numbers[len(outputs) :].tolist(), strict=True)),
            own=body[end:],
        )
    except (KeyError, TypeError, ValueError):
        raise ValueError("no serialised state of an FMU instance") from None
