// What waits at the nodes of a site: transmit buffers, queues, FIFOs, and what each of them offers to arbitration.
#include "network_state.h"

namespace twin {
namespace {

template <class B>
void set(B& bus, int64_t rank, bool on) {
  const uint64_t bit = uint64_t{1} << rank % 64;
  uint64_t& word = bus.offered[rank / 64];
  word = on ? word | bit : word & ~bit;
}

template <class B>
bool get(const B& bus, int64_t rank) {
  return bus.offered[rank / 64] >> rank % 64 & 1;
}

}  // namespace

template <size_t Bytes>
void Kernel<Bytes>::put(S& site, const F& frame) {
  const Message& message = plan_.messages[frame.message];
  B& bus = site.buses[message.segment];
  if (buffered(message)) {
    arrays_.overwritten[cell(site, frame.message)] += get(bus, message.rank);
    site.buffers[frame.message] = frame;
    set(bus, message.rank, true);
    return;
  }
  const Node& node = plan_.nodes[message.node];
  auto& queue = site.queues[queue_of_[frame.message]];
  if (int64_t(queue.size()) >= (node.fifo ? node.depth : message.depth)) {
    ++arrays_.dropped[cell(site, frame.message)];
    return;
  }
  queue.push(frame);
  if (queue.size() == 1) set(bus, message.rank, true);
}

template <size_t Bytes>
auto Kernel<Bytes>::take(S& site, B& bus, int64_t rank) -> F {
  const size_t message = plan_.ranked[segment(site, bus)][rank];
  set(bus, rank, false);
  if (buffered(plan_.messages[message])) return site.buffers[message];
  auto& queue = site.queues[queue_of_[message]];
  const F taken = queue.front();
  queue.pop();
  if (queue.size()) set(bus, plan_.messages[queue.front().message].rank, true);
  return taken;
}

// The frame that has failed goes back to the head of its queue, unless that is gone or has a newer one.
template <size_t Bytes>
void Kernel<Bytes>::put_back(S& site, B& bus) {
  const F& frame = bus.frame;
  const Message& message = plan_.messages[frame.message];
  if (bus.dropped || !takes_part(site, message.node)) {
    ++arrays_.dropped[cell(site, frame.message)];
  } else if (!buffered(message)) {
    auto& queue = site.queues[queue_of_[frame.message]];
    if (queue.size()) set(bus, plan_.messages[queue.front().message].rank, false);
    queue.push_front(frame);
    set(bus, message.rank, true);
  } else if (get(bus, message.rank)) {
    ++arrays_.overwritten[cell(site, frame.message)];
  } else {
    site.buffers[frame.message] = frame;
    set(bus, message.rank, true);
  }
}

template <size_t Bytes>
void Kernel<Bytes>::drop_queues(S& site, int64_t node) {
  B& bus = site.buses[plan_.nodes[node].segment];
  for (size_t m = 0; m < plan_.messages.size(); ++m) {
    const Message& message = plan_.messages[m];
    if (message.node != node) continue;
    if (buffered(message)) {
      arrays_.dropped[cell(site, m)] += get(bus, message.rank);
    } else {
      auto& queue = site.queues[queue_of_[m]];
      for (const F& frame : queue) ++arrays_.dropped[cell(site, frame.message)];
      queue.clear();
    }
    set(bus, message.rank, false);
  }
}

// Whether a node has anything to send.
template <size_t Bytes>
bool Kernel<Bytes>::waits(const S& site, int64_t node) const {
  const B& bus = site.buses[plan_.nodes[node].segment];
  if (bus.on_wire && plan_.messages[bus.frame.message].node == node) return true;
  return std::any_of(plan_.messages.begin(), plan_.messages.end(), [&](const Message& message) {
    return message.node == node && get(bus, message.rank);
  });
}

template class Kernel<8>;
template class Kernel<64>;

}  // namespace twin
