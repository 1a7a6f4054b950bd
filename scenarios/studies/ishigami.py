"""The Ishigami function: the smallest study, whose Sobol indices are known in closed form.

Source: T. Ishigami and T. Homma, Proc. ISUMA 1990, 398-403, doi:10.1109/ISUMA.1990.151285.
"""

from __future__ import annotations

import math


def respond(seed: int, x1: float, x2: float, x3: float) -> dict[str, float]:
    """Return the function's value with a = 7 and b = 0.1; nothing in it is random."""
    del seed
    return {"y": math.sin(x1) + 7.0 * math.sin(x2) ** 2 + 0.1 * x3**4 * math.sin(x1)}
