// One message's payloads from physical values and back, for many rows at once; judged by twin/network/dbc/numpy_codec.py.
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace twin {

struct Signal {
  size_t bits;
  bool is_signed, floating;
  double scale, offset;             // physical = raw * scale + offset
  double lowest, highest, missing;  // raw: the ends of what is sent, and what stands for NaN
};

// Bits of one signal that lie side by side in one word. A payload is read as little-endian words; the same words read
// as big-endian follow them.
struct Run {
  size_t signal, signal_shift, word, word_shift, bits;
};

// A signal that is part of a frame only where its multiplexer is, and has a raw value of these ranges, first and last.
struct Selection {
  size_t signal, multiplexer;
  std::vector<std::pair<uint64_t, uint64_t>> ranges;
};

// payload[site, box, width] and time_ns[site, box].
struct Mailboxes {
  const uint8_t* payload;
  const int64_t* time_ns;
  size_t boxes, width;
};

// What box[row, sender, frame] of site[row] holds; a box -1 has no content, and the time -1.
struct Boxes {
  const int64_t *site, *box;
  size_t rows, senders, frames;
};

void collect(const Mailboxes& from, const Boxes& boxes, uint8_t* payload, int64_t* time_ns);

class Codec {
 public:
  // `selections`: multiplexers before what they select.
  Codec(size_t length, std::vector<Signal> signals, std::vector<Run> runs, std::vector<Selection> selections);
  size_t length() const { return length_; }
  size_t signals() const { return signals_.size(); }
  // physical[signal, rows] to payload[rows, length].
  void encode(const double* physical, size_t rows, uint8_t* payload) const;
  // payload[rows, stride] to physical[signal, rows].
  void decode(const uint8_t* payload, size_t stride, size_t rows, double* physical) const;

 private:
  struct Block;
  void load(const uint8_t* payload, size_t stride, Block& block) const;
  void store(const Block& block, uint8_t* payload) const;
  void select(Block& block) const;

  size_t length_, words_;
  bool any_big_endian_ = false;
  std::vector<Signal> signals_;
  std::vector<Run> runs_;
  std::vector<Selection> selections_;
};

}  // namespace twin
