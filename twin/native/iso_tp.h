// ISO-TP (ISO 15765-2): two state machines that read no clock and touch no bus; twin/network/engines/iso_tp.py has the rules.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace twin {

constexpr int64_t NEVER = std::numeric_limits<int64_t>::max();

enum class Outcome : int64_t {  // as in twin/network/engines/records.py
  SENT, RECEIVED, NO_FLOW_CONTROL, OVERFLOW_, REFUSED, NOT_SENT, OUT_OF_SEQUENCE, NO_CONSECUTIVE_FRAME, INTERRUPTED,
  LOST, NONE
};

// A link as its two ends see it: `data_bytes` is the longest frame of the message that carries the data.
struct Link {
  int64_t data, reply;  // messages
  int64_t sender, receiver;  // nodes
  int64_t data_bytes, block_size, stmin_byte, padding, flow_control_ns, separation_ns, timeout_ns, buffer_bytes;
};

// What a state machine answers: a frame to be released, and what became of the transfer.
struct Answer {
  Outcome outcome = Outcome::NONE;
  int64_t release_ns = NEVER;
  size_t length = 0;
  std::array<uint8_t, 64> frame{};
  bool interrupted = false;  // a reception, before the outcome
};

class IsoTpSender {
 public:
  bool idle() const { return phase_ == Phase::IDLE; }
  int64_t deadline_ns() const { return deadline_ns_; }
  Answer begin(const Link& link, std::vector<uint8_t> data, int64_t now_ns);
  // Its frame was seen.
  Answer confirmed(const Link& link, int64_t start_ns, int64_t seen_ns);
  Answer flow_control(const Link& link, const uint8_t* frame, size_t length, int64_t now_ns);
  Answer due();
  void end() { *this = {}; }

 private:
  enum class Phase { IDLE, SINGLE, FIRST, CONSECUTIVE, WAITING };

  Answer release(const Link& link, size_t length, int64_t release_ns);
  Answer consecutive(const Link& link, int64_t release_ns);
  Answer await(const Link& link, int64_t now_ns);
  Answer ended(Outcome outcome);

  Phase phase_ = Phase::IDLE;
  std::vector<uint8_t> data_;
  size_t sent_ = 0;
  int64_t count_ = 0, left_ = 0, waits_ = 0, stmin_ns_ = 0, deadline_ns_ = NEVER;
  std::array<uint8_t, 64> frame_{};
};

class IsoTpReceiver {
 public:
  bool idle() const { return !going_; }
  int64_t deadline_ns() const { return deadline_ns_; }
  // A single, first or consecutive frame; others are ignored.
  Answer seen(const Link& link, const uint8_t* frame, size_t length, int64_t now_ns);
  Answer due();
  void end() { *this = {}; }
  const std::vector<uint8_t>& data() const { return data_; }

 private:
  Answer single(const uint8_t* frame, size_t length);
  Answer first(const Link& link, const uint8_t* frame, size_t length, int64_t now_ns);
  Answer consecutive(const Link& link, const uint8_t* frame, size_t length, int64_t now_ns);
  void flow_control(const Link& link, uint8_t status, int64_t now_ns, Answer& answer);
  void stop();

  bool going_ = false;
  std::vector<uint8_t> data_;
  size_t total_ = 0;
  int64_t count_ = 0, left_ = 0, deadline_ns_ = NEVER;
};

}  // namespace twin
