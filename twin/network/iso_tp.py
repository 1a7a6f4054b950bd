"""ISO-TP (ISO 15765-2): how a transfer becomes frames, and frames a transfer.

A link has a sender and a receiver, two state machines that read no clock and touch no bus; an engine tells them what
happened and releases the frames that they answer with. The data of a link go out as its data message, flow control
comes back as its reply message; on a channel with both links busy each message carries both.

Frames by their first byte: 0x0n single frame (n bytes; CAN FD beyond 8 bytes: 0x00, length), 0x1n nn first frame
(beyond 4095 bytes: 0x10 0x00, 32-bit length), 0x2n consecutive frame (n counts 1..15, 0, 1..), 0x3s flow control
(status s, block size, STmin). First and consecutive frames are as long as the message allows. The last consecutive
frame, a single frame and a flow control are filled with the channel's padding up to 8 bytes; beyond 8 bytes CAN FD
frames are filled up to the next length that exists, with 0xCC where the channel has no padding.

Sender, one transfer after another; a transfer begins at its instant, or when the one before it ends:
- the data fit into a single frame: release it; when it is seen the transfer is SENT.
- else release the first frame; when it is seen wait for flow control, at most ``timeout_ns``: NO_FLOW_CONTROL.
- flow control, seen while waiting: *continue to send* begins a block: release the next consecutive frame
  ``separation_ns`` later; *wait* (1) starts the waiting time again, at most ten times in a row: REFUSED; *overflow*
  (2): OVERFLOW; any other: REFUSED. Not while waiting: ignored.
- a consecutive frame is seen at s and had started at b: all data sent: SENT; else the block is complete: wait for flow
  control; else release the next one at the later of ``s + separation_ns`` and ``b + STmin``.
- a frame that is not seen within ``timeout_ns`` after its release: NOT_SENT. (The bus may still send it.)

Receiver:
- single frame: RECEIVED. A reception that was going on is INTERRUPTED first, also by a first frame.
- first frame: longer than ``buffer_bytes``: release *overflow* ``flow_control_ns`` later; else release *continue to
  send* with the channel's block size and STmin, and await consecutive frames until ``timeout_ns`` after that release.
- consecutive frame with the right count: at the last one RECEIVED; a block is complete: *continue to send*
  ``flow_control_ns`` later, and await until ``timeout_ns`` after that release; else await until ``timeout_ns`` after
  now. Wrong count: OUT_OF_SEQUENCE. None going on: ignored.
- waiting in vain: NO_CONSECUTIVE_FRAME.
A frame that is none of these, or shorter than what it says of itself, is ignored.

STmin bytes: 0x00 to 0x7F are milliseconds, 0xF1 to 0xF9 are 100 to 900 us, all others mean 127 ms.
A node that is switched off has LOST the transfer under way at either end (its sender's queue too, each of them).
"""
