// The state of one site's network; `Bytes` is the room for a payload.
#pragma once
#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

#include "network.h"

namespace twin {

constexpr int64_t NO_BIT = NEVER;

template <size_t Bytes>
struct Frame {
  int64_t release_ns;
  uint32_t nominal_bits;
  uint16_t data_bits, message;
  uint32_t format;
  uint32_t tag;  // of what an ISO-TP sender released, else 0
  uint8_t payload[Bytes];
};

// What is to be released, the earliest first; at one instant in the order of `order`.
struct Release {
  int64_t time_ns;
  uint64_t order;  // message, origin, number
  uint32_t slot, generation;

  bool operator<(const Release& other) const {
    return time_ns != other.time_ns ? time_ns < other.time_ns : order < other.order;
  }
};

class Releases {
 public:
  int64_t next_ns() const { return heap_.empty() ? NEVER : heap_.front().time_ns; }
  const Release& next() const { return heap_.front(); }
  void push(const Release& release) {
    heap_.push_back(release);
    size_t at = heap_.size() - 1;
    for (size_t parent; at && release < heap_[parent = (at - 1) / 2]; at = parent) heap_[at] = heap_[parent];
    heap_[at] = release;
  }
  void pop() {
    const Release last = heap_.back();
    heap_.pop_back();
    if (!heap_.empty()) replace(last);
  }
  // Take the next one away, and put another one in.
  void replace(const Release& release) {
    const size_t size = heap_.size();
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < size; at = child) {
      if (child + 1 < size && heap_[child + 1] < heap_[child]) ++child;
      if (!(heap_[child] < release)) break;
      heap_[at] = heap_[child];
    }
    heap_[at] = release;
  }

 private:
  std::vector<Release> heap_;
};

// Frames that wait in order.
template <class F>
class Queue {
 public:
  size_t size() const { return frames_.size() - head_; }
  F& front() { return frames_[head_]; }
  void push(const F& frame) {
    if (head_ > size()) forget();
    frames_.push_back(frame);
  }
  void push_front(const F& frame) {
    if (head_)
      frames_[--head_] = frame;
    else
      frames_.insert(frames_.begin(), frame);
  }
  void pop() {
    if (++head_ == frames_.size()) clear();
  }
  void clear() { frames_.clear(), head_ = 0; }
  auto begin() { return frames_.begin() + head_; }
  auto end() { return frames_.end(); }

 private:
  void forget() { frames_.erase(frames_.begin(), frames_.begin() + head_), head_ = 0; }

  std::vector<F> frames_;
  size_t head_ = 0;
};

struct Invert {
  int64_t bit, frames, message, node;
};

template <size_t Bytes>
struct Bus {
  int64_t next_ns = NEVER;  // the end of the frame on the wire; else when arbitration is to be tried
  int64_t start_ns = 0, finish_ns = 0;
  int64_t careful_ns = 0;  // arbitration before it looks at every node
  bool on_wire = false;
  bool healthy = true;     // all nodes listen, and there are two at least
  bool disturbed = false;  // by noise or an instruction to invert
  bool counting = false;   // some counter is not 0
  int64_t listeners = 0;   // nodes that are on and connected and not bus-off
  std::vector<uint64_t> offered;  // bit r: the message of rank r takes part in arbitration
  Frame<Bytes> frame{};
  // Of the frame on the wire: the first bit that is wrong, the bit in which its sender was cut off, and whether nobody
  // acknowledges it.
  int64_t wrong_bit = NO_BIT, cut_bit = NO_BIT;
  bool unheard = false, doomed = false;
  bool dropped = false;  // with the queue of its sender
  size_t thresholds = 0;
  uint64_t attempts = 0;
  std::vector<Invert> inverts;
};

struct NodeLife {
  bool connected = true;
  int64_t suspended_ns = 0;         // starts no frame before
  int64_t begin_ns = 0, counted = 0;  // of a recovery: where the count begins, and the sequences so far
};

template <size_t Bytes>
struct Cycle {
  int64_t first_ns = 0, period_ns = 0, jitter_ns = 0, instance = 0;
  uint32_t generation = 0;
  Frame<Bytes> frame{};
};

struct LinkState {
  IsoTpSender sender;
  IsoTpReceiver receiver;
  uint32_t tag = 0;  // of the frame that the sender has released
  std::multimap<int64_t, std::vector<uint8_t>> queue{};
};

struct Order {
  Instruction kind;
  int64_t target;
  std::array<int64_t, INSTRUCTION_VALUES> values;
  std::vector<uint8_t> payload;
};

template <size_t Bytes>
struct Site {
  using F = Frame<Bytes>;

  std::vector<Bus<Bytes>> buses;
  Releases releases;
  std::vector<F> pending;  // [slot]: what is to be released
  std::vector<uint32_t> free_slots;
  std::vector<F> buffers;             // [message]
  std::vector<Queue<F>> queues;       // [message], that of a fifo node at its first message; empty where all have buffers
  std::vector<Cycle<Bytes>> cycles;   // [message]; empty before the first one
  std::vector<F> contents;            // [message]: what was released last; empty where nothing is asked for
  std::vector<NodeLife> nodes;
  std::vector<LinkState> links;
  std::multimap<int64_t, Order> orders;
  int64_t order_ns = NEVER;     // the next instruction
  int64_t timer_ns = NEVER;     // not after the next deadline of ISO-TP
  int64_t transfer_ns = NEVER;  // not after the next begin of a transfer
  int64_t recovering = 0;       // nodes
  uint64_t sent = 0;            // releases so far
  uint32_t tags = 0;
  bool logged = false;
  std::vector<uint64_t> log;
  std::vector<Change> changes;
  std::vector<Transfer> transfers;
};

template <size_t Bytes>
class Kernel final : public Network {
 public:
  Kernel(Plan plan, const NetworkArrays& arrays, const std::vector<int64_t>& logged, int threads);

  void send(const Sends& sends) override;
  void instruct(const Instructions& instructions) override;
  void add_thresholds(std::vector<uint64_t> thresholds) override { thresholds_.push_back(std::move(thresholds)); }
  size_t tables() const override { return thresholds_.size(); }
  void transfer(int64_t link, int64_t row, int64_t time_ns, std::vector<uint8_t> data) override;
  void advance(const int64_t* until_ns) override;
  std::vector<uint64_t> take_log(size_t site) override { return std::exchange(sites_[site].log, {}); }
  std::vector<Change> take_changes() override;
  std::vector<Transfer> take_transfers() override;

 private:
  using F = Frame<Bytes>;
  using S = Site<Bytes>;
  using B = Bus<Bytes>;
  enum class Origin : uint64_t { CYCLE, SEND, ROUTE, ISO_TP };
  enum Since : uint8_t { SINCE_CHANGES = 1, SINCE_TRANSFERS = 2 };

  size_t index(const S& site) const { return &site - sites_.data(); }
  size_t cell(const S& site, size_t message) const { return index(site) * plan_.messages.size() + message; }
  size_t seat(const S& site, size_t node) const { return index(site) * plan_.nodes.size() + node; }
  size_t segment(const S& site, const B& bus) const { return &bus - site.buses.data(); }
  B& bus_of(S& site, int64_t node) const { return site.buses[plan_.nodes[node].segment]; }
  int64_t duration_ns(const S& site, const B& bus, int64_t nominal, int64_t data) const {
    return plan_.durations[segment(site, bus)](nominal, data);
  }

  // network.cpp: the instants of a site, and its frames from release to reception
  void advance(S& site, int64_t until_ns);
  F frame(int64_t message, int64_t format, const uint8_t* payload) const;
  void schedule(S& site, const F& frame, int64_t release_ns, Origin origin);
  void release(S& site, int64_t now_ns);
  void start_cycle(S& site, const Order& order, int64_t now_ns);
  int64_t instance_ns(const S& site, const Cycle<Bytes>& cycle) const;
  void join(S& site, const F& frame, int64_t now_ns);
  void arbitrate(S& site, B& bus, int64_t now_ns);
  int64_t winner(const S& site, B& bus, int64_t now_ns) const;
  void end(S& site, B& bus, int64_t now_ns);
  void count(S& site, const B& bus, int64_t seen_ns);
  void receive(S& site, const B& bus, int64_t seen_ns, bool confirmed);
  void log(S& site, const B& bus, int64_t error_bit);

  // queues.cpp: what waits at the nodes
  bool buffered(const Message& message) const { return message.depth == 0 && !plan_.nodes[message.node].fifo; }
  void put(S& site, const F& frame);
  F take(S& site, B& bus, int64_t rank);
  void put_back(S& site, B& bus);
  void drop_queues(S& site, int64_t node);
  bool waits(const S& site, int64_t node) const;

  // errors.cpp: frames that fail, and what nodes count
  void judge(S& site, B& bus);
  void plan_end(const S& site, B& bus);
  void check_acknowledge(const S& site, B& bus, int64_t now_ns);
  int64_t bit_at(const S& site, const B& bus, int64_t now_ns) const;
  void fail(S& site, B& bus, int64_t now_ns);
  int64_t flag_bits(const F& frame, int64_t bit, bool passive) const;
  void count_success(S& site, B& bus, int64_t now_ns);
  void count_failure(S& site, B& bus, int64_t bit, bool seen, int64_t now_ns);
  void weigh(S& site, int64_t node, int64_t now_ns);
  void suspend(S& site, B& bus, int64_t sender);
  void survey(S& site, B& bus, int64_t now_ns);
  void set_state(S& site, int64_t node, NodeState state, int64_t now_ns);
  bool takes_part(const S& site, int64_t node) const { return arrays_.state[seat(site, node)] < BUS_OFF; }
  bool listens(const S& site, int64_t node) const { return site.nodes[node].connected && takes_part(site, node); }
  int64_t recovery_ns(const S& site, int64_t node) const;
  int64_t recovery_ns(const S& site) const;
  void count_recessive(S& site, const B& bus, int64_t start_ns);
  void recover(S& site, int64_t now_ns);

  // instructions.cpp: what is done to a site from outside
  void obey(S& site, int64_t now_ns);
  void obey(S& site, const Order& order, int64_t now_ns);
  void glitch(const S& site, B& bus, int64_t now_ns);
  void connect(S& site, int64_t node, bool on, int64_t now_ns);
  void power(S& site, int64_t node, bool on, int64_t now_ns);
  void go_bus_off(S& site, int64_t node, int64_t now_ns);
  void cut_off(S& site, int64_t node, bool dropped, int64_t now_ns);
  void talk_to_nobody(S& site, int64_t node, int64_t now_ns);
  void forget_mailboxes(S& site, int64_t node);

  // transfers.cpp: what hangs on a reception
  void hear(S& site, const F& frame, int64_t start_ns, int64_t seen_ns, bool confirmed);
  void pass_on(S& site, const Route& route, const F& frame, int64_t seen_ns);
  void take_answer(S& site, int64_t link, bool sender, const Answer& answer, int64_t now_ns);
  void end_transfer(S& site, int64_t link, Outcome outcome, std::vector<uint8_t> data, int64_t now_ns);
  void timers(S& site, int64_t now_ns);
  void begin_transfers(S& site, int64_t now_ns);
  void lose_transfers(S& site, int64_t node, int64_t now_ns);

  Plan plan_;
  NetworkArrays arrays_;
  std::vector<size_t> queue_of_;  // [message]
  std::vector<std::vector<uint64_t>> thresholds_;
  std::vector<S> sites_;
  std::vector<int64_t> reached_ns_;  // [site]; apart from the sites, which are large, as most calls move only a few
  std::vector<uint8_t> moved_;  // [site]: whether it has, since changes and transfers were taken
  std::vector<size_t> moving_;
  Pace pace_;
  Team team_;
};

}  // namespace twin
