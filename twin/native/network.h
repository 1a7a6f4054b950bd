// The networks of many sites, as twin/network/engines/engine.py promises; judged by twin/network/engines/simpy.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "iso_tp.h"
#include "lengths.h"
#include "team.h"

namespace twin {

constexpr size_t INSTRUCTION_VALUES = 4, LOG_COLUMNS = 6;

enum class Instruction : int64_t { NOISE, INVERT, GLITCH, CONNECT, POWER, BUS_OFF, CYCLE };
enum NodeState : int8_t { ERROR_ACTIVE, ERROR_PASSIVE, BUS_OFF, OFF };

struct Node {
  int64_t segment;
  bool fifo;
  int64_t depth;        // of a fifo
  int64_t recovery_ns;  // below 0: never
};

struct Message {
  int64_t node, depth, deadline_ns;
  int64_t frame_bits;  // 0: by content
  bool remote;
  // What follows from the others.
  int64_t segment = 0, rank = 0, longest = 0;        // place in ranked[segment]; its longest format
  bool answered = false;                             // a remote frame asks for its content
  std::vector<std::pair<int64_t, int64_t>> boxes{};  // (node, box) that receive it
  std::vector<int64_t> routes{}, links{};            // that hang on its reception
};

struct Route {
  int64_t message, node, to, delay_ns;
};

// What all sites have in common; everything is named by its index, as in twin/network/network.py.
struct Plan {
  std::vector<Durations> durations;  // [segment]
  std::vector<Node> nodes;
  std::vector<Message> messages;
  std::vector<std::vector<int64_t>> members;  // [segment]: its nodes
  std::vector<std::vector<int64_t>> ranked;   // [segment]: its messages, the winner of all arbitrations first
  std::vector<Route> routes;
  std::vector<Link> links;
  std::vector<Format> formats;
  std::vector<int64_t> format_of;  // [message, LENGTHS]: -1 where there is none; a message's stand together
  FrameTables tables;

  static constexpr int64_t LENGTHS = 65;
  int64_t format(int64_t message, int64_t length) const { return format_of[message * LENGTHS + length]; }
};

// The caller's arrays: [site, message], [site, segment], [site, node], and mailboxes [site, box].
struct NetworkArrays {
  size_t count, boxes, bins;
  const uint64_t* keys;
  uint8_t* mailbox_payload;
  int64_t *mailbox_time_ns, *frames, *overwritten, *dropped, *errors, *misses, *latency_sum_ns, *latency_max_ns;
  uint32_t* latency_histogram;
  int64_t *busy_ns, *tec, *rec, *bus_offs;
  int8_t* state;
};

// Columns [count], and payload [count, payload bytes].
struct Sends {
  size_t count;
  const int64_t *message, *row, *release_ns, *format;
  const uint8_t* payload;
};

struct Instructions {
  Instruction kind;
  int64_t target;
  size_t count;
  const int64_t *row, *time_ns, *values;  // values [count, INSTRUCTION_VALUES]
  const uint8_t* payload;
};

struct Change {
  int64_t site, time_ns, node, state;
};

struct Transfer {
  int64_t site, time_ns, link;
  Outcome outcome;
  std::vector<uint8_t> data;
};

class Network {
 public:
  virtual ~Network() = default;
  virtual void send(const Sends& sends) = 0;
  virtual void instruct(const Instructions& instructions) = 0;
  virtual void add_thresholds(std::vector<uint64_t> thresholds) = 0;
  virtual size_t tables() const = 0;  // of thresholds
  virtual void transfer(int64_t link, int64_t row, int64_t time_ns, std::vector<uint8_t> data) = 0;
  virtual void advance(const int64_t* until_ns) = 0;
  virtual std::vector<uint64_t> take_log(size_t site) = 0;
  virtual std::vector<Change> take_changes() = 0;
  virtual std::vector<Transfer> take_transfers() = 0;
};

// `payload_bytes`: 8, or 64 where there are CAN FD frames.
std::unique_ptr<Network> open_network(Plan plan, const NetworkArrays& arrays, const std::vector<int64_t>& logged,
                                      size_t payload_bytes, int threads);

}  // namespace twin
