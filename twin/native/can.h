// Many CAN buses of the same messages, each advanced to its own instant; judged by twin/network/simpy_bus.py.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace twin {

// How to find the length of a frame byte by byte; see FrameTables in twin/network/lengths.py, which judges it.
struct FrameTables {
  std::vector<int64_t> headers;     // [message, 4]: payload bytes, stuffing state, CRC of zeros, bits
  std::vector<int64_t> crc;         // [8, 256]: share of a byte, by its place
  std::vector<uint8_t> stuffing_7;  // [8, 128]: next state + 8 * stuff bits
  std::vector<uint8_t> stuffing_8;  // [8, 256]
};

// The caller's arrays [bus, message]; latency_histogram [bus, message, bins] and busy_ns [bus].
struct BusArrays {
  size_t count, messages, bins;
  uint64_t* mailbox;
  int64_t *mailbox_time_ns, *frames, *overwritten, *latency_sum_ns, *latency_max_ns;
  uint32_t* latency_histogram;
  int64_t* busy_ns;
};

// Columns [count]; payload [count, 8]; bits is null where frames have the length of their payload.
struct Sends {
  size_t count;
  const int64_t *message, *row, *release_ns;
  const uint8_t* payload;
  const int64_t* bits;
};

class Can {
 public:
  // `order`: the messages, the winner of all arbitrations first.
  Can(const BusArrays& arrays, FrameTables tables, double bitrate_bit_s, const std::vector<int64_t>& order,
      const std::vector<int64_t>& logged);
  void send(const Sends& sends);
  void advance(const int64_t* until_ns);
  // Rows of message, release, start, finish, payload.
  std::vector<uint64_t> take_log(size_t bus);

 private:
  struct Frame {
    int64_t release_ns, sequence, message, seen_ns, finish_ns;  // the last two count from the start
    uint64_t payload;
  };
  struct Bus {
    std::vector<Frame> releases;    // a heap, the earliest first
    std::vector<Frame> waiting;     // [rank], one transmit buffer a message
    std::vector<uint64_t> pending;  // bit r is set where waiting[r] waits for arbitration
    size_t waits = 0;
    bool on_wire = false, logged = false;
    Frame frame{};
    int64_t start_ns = 0, finish_ns = 0;
    std::vector<uint64_t> log;
  };

  static bool later(const Frame& a, const Frame& b);
  int64_t bits(size_t message, const uint8_t* payload) const;
  int64_t duration_ns(int64_t bits) const;
  void advance(size_t index, int64_t until_ns);
  void join(size_t index, const Frame& frame);
  void transmit(Bus& bus, int64_t now_ns);
  void deliver(size_t index);

  BusArrays arrays_;
  FrameTables tables_;
  double bitrate_bit_s_;
  std::vector<int64_t> rank_;
  std::vector<Bus> buses_;
  int64_t sequence_ = 0;
};

}  // namespace twin
