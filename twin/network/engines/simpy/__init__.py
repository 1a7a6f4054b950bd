"""The readable engine: every site is a SimPy environment with an event for whatever happens there.

It judges faster engines, so it is written to be checked by eye against ``twin.network.engines.engine``, a file for
each part:

- ``engine``: arrays in, arrays out; ``agenda``: the order of an instant; ``site``: instructions, releases, gateways;
- ``segment``: arbitration, the frame on the wire, errors; ``node``: power, wire, counters; ``queues``; ``recovery``;
- ``links``: ISO-TP, whose rules are in ``twin.network.engines.iso_tp``;
- ``wiring`` and ``frames``: what is the same at every site; ``ledger``: what is written down.

Inside are plain Python objects and integers.
"""

from twin.network.engines.simpy.engine import SimpyEngine

__all__ = ["SimpyEngine"]
