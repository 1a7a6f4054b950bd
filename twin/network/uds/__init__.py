"""UDS (ISO 14229-1) over ISO-TP: a server in every ECU, a client that flashes them, and what lets both meet on a bus.

``services`` names the bytes; ``server`` and ``client`` are state machines over bytes that read no clock;
``diagnostics`` is the edge: it carries their bytes over the channels of a network engine, from tasks.
"""
