// The instants of a site, and its frames from release to reception.
#include <chrono>

#include "network_state.h"
#include "random.h"

namespace twin {
namespace {

constexpr int64_t FIRST_OCTAVE = 15;  // of the latency histogram: twin/network/engines/counters.py
constexpr uint32_t CYCLIC = ~uint32_t{0};

int64_t latency_bin(int64_t latency_ns, int64_t bins) {
  if (latency_ns < int64_t{1} << FIRST_OCTAVE) return 0;
  const int octave = std::bit_width(uint64_t(latency_ns)) - 1;
  return std::min(((octave - FIRST_OCTAVE) << 2) + (latency_ns >> (octave - 2) & 3), bins - 1);
}

void derive(Plan& plan) {
  for (size_t m = 0; m < plan.messages.size(); ++m) {
    Message& message = plan.messages[m];
    message.segment = plan.nodes[message.node].segment;
    for (int64_t length = 0; length < Plan::LENGTHS; ++length)
      if (plan.format(m, length) >= 0) message.longest = plan.format(m, length);
  }
  for (const auto& ranked : plan.ranked)
    for (size_t rank = 0; rank < ranked.size(); ++rank) plan.messages[ranked[rank]].rank = rank;
  for (size_t r = 0; r < plan.routes.size(); ++r) {
    const Route& route = plan.routes[r];
    plan.messages[route.message].routes.push_back(r);
    if (plan.messages[route.message].remote) plan.messages[route.to].answered = true;
  }
  for (size_t l = 0; l < plan.links.size(); ++l) {
    plan.messages[plan.links[l].data].links.push_back(l);
    plan.messages[plan.links[l].reply].links.push_back(l);
  }
}

}  // namespace

template <size_t Bytes>
Kernel<Bytes>::Kernel(Plan plan, const NetworkArrays& arrays, const std::vector<int64_t>& logged, int threads)
    : plan_(std::move(plan)),
      arrays_(arrays),
      thresholds_(1),
      sites_(arrays.count),
      reached_ns_(arrays.count),
      moved_(arrays.count, SINCE_CHANGES | SINCE_TRANSFERS),
      team_(threads) {
  derive(plan_);
  const auto& messages = plan_.messages;
  for (size_t m = 0; m < messages.size(); ++m) {
    const auto shares = [&](const Message& one) { return one.node == messages[m].node; };
    const bool fifo = plan_.nodes[messages[m].node].fifo;
    queue_of_.push_back(fifo ? std::find_if(messages.begin(), messages.end(), shares) - messages.begin() : m);
  }
  const auto is_buffered = [this](const Message& one) { return buffered(one); };
  const bool queues = !std::all_of(messages.begin(), messages.end(), is_buffered);
  const bool asked = std::any_of(messages.begin(), messages.end(), [](const Message& one) { return one.answered; });
  const std::array<uint8_t, Bytes> zeros{};
  for (S& site : sites_) {
    site.buses.resize(plan_.durations.size());
    site.buffers.resize(messages.size());
    if (queues) site.queues.resize(messages.size());
    for (size_t m = 0; asked && m < messages.size(); ++m)
      site.contents.push_back(frame(m, messages[m].longest, zeros.data()));
    site.nodes.resize(plan_.nodes.size());
    site.links.resize(plan_.links.size());
    for (B& bus : site.buses) {
      bus.offered.resize((plan_.ranked[segment(site, bus)].size() + 63) / 64);
      survey(site, bus, 0);
    }
  }
  for (const int64_t site : logged) sites_[site].logged = true;
}

template <size_t Bytes>
void Kernel<Bytes>::send(const Sends& sends) {
  for (size_t i = 0; i < sends.count; ++i)
    schedule(sites_[sends.row[i]], frame(sends.message[i], sends.format[i], sends.payload + Bytes * i),
             sends.release_ns[i], Origin::SEND);
}

template <size_t Bytes>
void Kernel<Bytes>::advance(const int64_t* until_ns) {
  using Clock = std::chrono::steady_clock;
  double work_ns = 0;  // simulated time of all sites
  moving_.clear();
  for (size_t i = 0; i < sites_.size(); ++i) {
    if (until_ns[i] <= reached_ns_[i]) continue;  // to go where it is changes nothing
    work_ns += until_ns[i] - reached_ns_[i];
    reached_ns_[i] = until_ns[i];
    moved_[i] = SINCE_CHANGES | SINCE_TRANSFERS;
    moving_.push_back(i);
  }
  const bool team = team_.size() > 1 && pace_.worth_team(work_ns);
  const size_t workers = team ? team_.size() : 1;
  const auto part = [&](size_t worker) {
    const size_t first = moving_.size() * worker / workers, last = moving_.size() * (worker + 1) / workers;
    for (size_t i = first; i < last; ++i) advance(sites_[moving_[i]], until_ns[moving_[i]]);
  };
  const auto begin = Clock::now();
  if (team) {
    team_.run(part);
  } else {
    part(0);
  }
  if (work_ns > 0) pace_.note(team, std::chrono::duration<double, std::nano>(Clock::now() - begin).count() / work_ns);
}

template <size_t Bytes>
void Kernel<Bytes>::advance(S& site, int64_t until_ns) {
  for (;;) {
    int64_t now_ns = std::min({site.releases.next_ns(), site.order_ns, site.timer_ns, site.transfer_ns});
    for (const B& bus : site.buses) now_ns = std::min(now_ns, bus.next_ns);
    if (site.recovering) now_ns = std::min(now_ns, recovery_ns(site));
    if (now_ns > until_ns) return;
    for (B& bus : site.buses)
      if (bus.on_wire && bus.next_ns <= now_ns) end(site, bus, now_ns);
    if (site.recovering) recover(site, now_ns);
    if (site.timer_ns <= now_ns) timers(site, now_ns);
    if (now_ns == until_ns) return;  // more may yet be sent for this instant
    if (site.order_ns <= now_ns) obey(site, now_ns);
    if (site.transfer_ns <= now_ns) begin_transfers(site, now_ns);
    release(site, now_ns);
    for (B& bus : site.buses)
      if (!bus.on_wire && bus.next_ns <= now_ns) arbitrate(site, bus, now_ns);
  }
}

template <size_t Bytes>
auto Kernel<Bytes>::frame(int64_t message, int64_t format, const uint8_t* payload) const -> F {
  F made{0, uint32_t(plan_.messages[message].frame_bits), 0, uint16_t(message), uint32_t(format), 0, {}};
  std::memcpy(made.payload, payload, Bytes);
  const size_t carried = plan_.formats[format].payload_bytes();
  if (carried < Bytes) std::memset(made.payload + carried, 0, Bytes - carried);
  if (made.nominal_bits) return made;
  const Bits bits = plan_.tables.bits(format, made.payload);
  made.nominal_bits = bits.nominal;
  made.data_bits = bits.data;
  return made;
}

template <size_t Bytes>
void Kernel<Bytes>::schedule(S& site, const F& frame, int64_t release_ns, Origin origin) {
  uint32_t slot = site.pending.size();
  if (site.free_slots.empty()) {
    site.pending.push_back(frame);
  } else {
    slot = site.free_slots.back();
    site.free_slots.pop_back();
    site.pending[slot] = frame;
  }
  site.pending[slot].release_ns = release_ns;
  site.releases.push({release_ns, uint64_t(frame.message) << 48 | uint64_t(origin) << 46 | site.sent++, slot, 0});
}

template <size_t Bytes>
void Kernel<Bytes>::release(S& site, int64_t now_ns) {
  while (site.releases.next_ns() <= now_ns) {
    Release next = site.releases.next();
    if (next.slot != CYCLIC) {
      site.releases.pop();
      site.free_slots.push_back(next.slot);
      join(site, site.pending[next.slot], now_ns);
      continue;
    }
    Cycle<Bytes>& cycle = site.cycles[next.order >> 48];
    if (cycle.generation != next.generation) {
      site.releases.pop();
      continue;
    }
    cycle.frame.release_ns = now_ns;
    join(site, cycle.frame, now_ns);
    ++cycle.instance;
    next.time_ns = instance_ns(site, cycle);
    site.releases.replace(next);
  }
}

template <size_t Bytes>
void Kernel<Bytes>::start_cycle(S& site, const Order& order, int64_t now_ns) {
  const auto [period_ns, jitter_ns, format, unused] = order.values;
  if (site.cycles.empty()) site.cycles.resize(plan_.messages.size());
  Cycle<Bytes>& cycle = site.cycles[order.target];
  cycle = {now_ns, period_ns, jitter_ns, 0, cycle.generation + 1, frame(order.target, format, order.payload.data())};
  if (period_ns)
    site.releases.push({instance_ns(site, cycle), uint64_t(order.target) << 48, CYCLIC, cycle.generation});
}

template <size_t Bytes>
int64_t Kernel<Bytes>::instance_ns(const S& site, const Cycle<Bytes>& cycle) const {
  const int64_t nominal_ns = cycle.first_ns + cycle.instance * cycle.period_ns;
  if (cycle.jitter_ns == 0) return nominal_ns;
  const uint64_t drawn = draw(arrays_.keys[index(site)], JITTER_STREAM + cycle.frame.message, cycle.instance);
  return nominal_ns + int64_t(drawn % uint64_t(cycle.jitter_ns + 1));
}

template <size_t Bytes>
void Kernel<Bytes>::join(S& site, const F& frame, int64_t now_ns) {
  const Message& message = plan_.messages[frame.message];
  B& bus = site.buses[message.segment];
  if (message.answered) {
    site.contents[frame.message] = frame;
    site.contents[frame.message].tag = 0;
  }
  if (!bus.healthy && !takes_part(site, message.node)) {
    ++arrays_.dropped[cell(site, frame.message)];
    return;
  }
  put(site, frame);
  if (!bus.on_wire) bus.next_ns = std::min(bus.next_ns, std::max(bus.finish_ns, now_ns));
  if (!bus.healthy) talk_to_nobody(site, message.node, now_ns);
}

template <size_t Bytes>
void Kernel<Bytes>::arbitrate(S& site, B& bus, int64_t now_ns) {
  bus.next_ns = NEVER;
  const int64_t rank = winner(site, bus, now_ns);
  if (rank < 0) return;
  if (site.recovering) count_recessive(site, bus, now_ns);
  bus.frame = take(site, bus, rank);
  const auto& duration = plan_.durations[segment(site, bus)];
  const int64_t nominal = bus.frame.nominal_bits, data = bus.frame.data_bits;
  bus.on_wire = true;
  bus.start_ns = now_ns;
  bus.next_ns = now_ns + duration(nominal - INTERFRAME_BITS, data);
  bus.finish_ns = now_ns + duration(nominal, data);
  if (!bus.healthy || bus.disturbed) judge(site, bus);
}

// Returns a rank, or -1 where no node may start; then bus.next_ns is when one may.
template <size_t Bytes>
int64_t Kernel<Bytes>::winner(const S& site, B& bus, int64_t now_ns) const {
  const auto& ranked = plan_.ranked[segment(site, bus)];
  for (size_t word = 0; word < bus.offered.size(); ++word)
    for (uint64_t left = bus.offered[word]; left; left &= left - 1) {
      const int64_t rank = 64 * word + std::countr_zero(left);
      if (now_ns >= bus.careful_ns) return rank;
      const NodeLife& node = site.nodes[plan_.messages[ranked[rank]].node];
      if (node.connected && node.suspended_ns <= now_ns) return rank;
      if (node.connected) bus.next_ns = std::min(bus.next_ns, node.suspended_ns);
    }
  return -1;
}

template <size_t Bytes>
void Kernel<Bytes>::end(S& site, B& bus, int64_t now_ns) {
  bus.on_wire = false;
  if (bus.doomed) {
    fail(site, bus, now_ns);
  } else {
    count(site, bus, now_ns);
    if (site.logged) log(site, bus, -1);
    receive(site, bus, now_ns, true);
    if (bus.counting) count_success(site, bus, now_ns);
  }
  const bool waits = std::any_of(bus.offered.begin(), bus.offered.end(), [](uint64_t word) { return word != 0; });
  bus.next_ns = waits ? bus.finish_ns : NEVER;
}

template <size_t Bytes>
void Kernel<Bytes>::count(S& site, const B& bus, int64_t seen_ns) {
  const size_t place = cell(site, bus.frame.message);
  const int64_t latency_ns = seen_ns - bus.frame.release_ns;
  ++arrays_.frames[place];
  arrays_.latency_sum_ns[place] += latency_ns;
  if (latency_ns > arrays_.latency_max_ns[place]) arrays_.latency_max_ns[place] = latency_ns;
  if (latency_ns > plan_.messages[bus.frame.message].deadline_ns) ++arrays_.misses[place];
  ++arrays_.latency_histogram[place * arrays_.bins + latency_bin(latency_ns, arrays_.bins)];
  arrays_.busy_ns[index(site) * site.buses.size() + segment(site, bus)] += bus.finish_ns - bus.start_ns;
}

template <size_t Bytes>
void Kernel<Bytes>::receive(S& site, const B& bus, int64_t seen_ns, bool confirmed) {
  const Message& message = plan_.messages[bus.frame.message];
  for (const auto& [node, box] : message.boxes) {
    if (!bus.healthy && !listens(site, node)) continue;
    const size_t place = index(site) * arrays_.boxes + box;
    arrays_.mailbox_time_ns[place] = seen_ns;
    std::memcpy(arrays_.mailbox_payload + place * Bytes, bus.frame.payload, Bytes);
  }
  if (!message.routes.empty() || !message.links.empty()) hear(site, bus.frame, bus.start_ns, seen_ns, confirmed);
}

template <size_t Bytes>
void Kernel<Bytes>::log(S& site, const B& bus, int64_t error_bit) {
  const F& frame = bus.frame;
  site.log.insert(site.log.end(), {uint64_t(frame.message), uint64_t(frame.release_ns), uint64_t(bus.start_ns),
                                   uint64_t(bus.finish_ns), uint64_t(plan_.formats[frame.format].length),
                                   uint64_t(error_bit)});
  site.log.resize(site.log.size() + Bytes / sizeof(uint64_t));
  std::memcpy(site.log.data() + site.log.size() - Bytes / sizeof(uint64_t), frame.payload, Bytes);
}

template <size_t Bytes>
std::vector<Change> Kernel<Bytes>::take_changes() {
  std::vector<Change> taken;
  for (size_t i = 0; i < sites_.size(); ++i) {
    if (!(moved_[i] & SINCE_CHANGES)) continue;
    moved_[i] &= ~SINCE_CHANGES;
    std::vector<Change>& told = sites_[i].changes;
    taken.insert(taken.end(), told.begin(), told.end());
    told.clear();
  }
  return taken;
}

template <size_t Bytes>
std::vector<Transfer> Kernel<Bytes>::take_transfers() {
  std::vector<Transfer> taken;
  for (size_t i = 0; i < sites_.size(); ++i) {
    if (!(moved_[i] & SINCE_TRANSFERS)) continue;
    moved_[i] &= ~SINCE_TRANSFERS;
    std::vector<Transfer>& told = sites_[i].transfers;
    std::move(told.begin(), told.end(), std::back_inserter(taken));
    told.clear();
  }
  return taken;
}

std::unique_ptr<Network> open_network(Plan plan, const NetworkArrays& arrays, const std::vector<int64_t>& logged,
                                      size_t payload_bytes, int threads) {
  if (payload_bytes == 8) return std::make_unique<Kernel<8>>(std::move(plan), arrays, logged, threads);
  return std::make_unique<Kernel<64>>(std::move(plan), arrays, logged, threads);
}

template class Kernel<8>;
template class Kernel<64>;

}  // namespace twin
