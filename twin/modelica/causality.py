"""Which equation determines which unknown, and in what order: a perfect matching, then its strongly connected parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Block:
    """Equations that must be solved together, and the unknowns that they determine."""

    rows: tuple[int, ...]
    unknowns: tuple[int, ...]


class SingularError(Exception):
    """Some equations have too few unknowns among them; ``rows`` names one that is left without."""

    def __init__(self, row: int) -> None:
        super().__init__(row)
        self.row = row


def blocks(incidence: Sequence[Sequence[int]], unknowns: int) -> list[Block]:
    """Return the blocks of a square system in the order in which they can be solved.

    ``incidence[row]`` lists the unknowns in that equation. Raises SingularError if no unknown is left for an equation.
    Method: augmenting paths, then Tarjan's algorithm (Cellier & Kofman, Continuous System Simulation, 2006, ch. 7).
    """
    row_of = _matching(incidence, unknowns)
    unknown_of = {row: unknown for unknown, row in enumerate(row_of)}
    needs = [[row_of[u] for u in row if row_of[u] != number] for number, row in enumerate(incidence)]
    parts = _strongly_connected(needs)
    return [Block(tuple(sorted(part)), tuple(unknown_of[row] for row in sorted(part))) for part in parts]


def _matching(incidence: Sequence[Sequence[int]], unknowns: int) -> list[int]:
    row_of = [-1] * unknowns
    for start in range(len(incidence)):
        via: dict[int, int] = {}  # unknown -> the row from which it was reached
        pending, free = [start], -1
        while pending and free < 0:
            row = pending.pop(0)
            for unknown in incidence[row]:
                if unknown in via:
                    continue
                via[unknown] = row
                if row_of[unknown] < 0:
                    free = unknown
                    break
                pending.append(row_of[unknown])
        if free < 0:
            raise SingularError(start)
        _augment(row_of, via, start, free)
    return row_of


def _augment(row_of: list[int], via: dict[int, int], start: int, free: int) -> None:
    unknown = free
    while True:
        row = via[unknown]
        previous = next((u for u, r in enumerate(row_of) if r == row), -1)
        row_of[unknown] = row
        if row == start:
            return
        unknown = previous


def _strongly_connected(needs: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return the strongly connected parts of a graph, each after all that it needs."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    parts: list[list[int]] = []
    for root in range(len(needs)):
        work = [(root, 0)] if root not in index else []
        while work:
            node, edge = work.pop()
            if edge == 0:
                index[node] = low[node] = len(index)
                stack.append(node)
                on_stack.add(node)
            if edge > 0:
                low[node] = min(low[node], low[needs[node][edge - 1]])
            for number in range(edge, len(needs[node])):
                other = needs[node][number]
                if other not in index:
                    work += [(node, number + 1), (other, 0)]
                    break
                if other in on_stack:
                    low[node] = min(low[node], index[other])
            else:
                if low[node] == index[node]:
                    parts.append(_pop_part(stack, on_stack, node))
    return parts


def _pop_part(stack: list[int], on_stack: set[int], root: int) -> list[int]:
    part: list[int] = []
    while not part or part[-1] != root:
        part.append(stack.pop())
        on_stack.discard(part[-1])
    return part
