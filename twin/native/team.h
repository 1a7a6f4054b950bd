// Persistent worker threads that share one piece of work; they spin briefly for the next, then sleep.
#pragma once
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>
#include <vector>

namespace twin {

class Team {
 public:
  // `size` counts the caller's thread; the others start with the first work.
  explicit Team(int size) : size_(size) {}
  ~Team() {
    const bool gone = forked();
    work_ = nullptr;
    if (!threads_.empty() && !gone) call();
    for (auto& thread : threads_) gone ? thread.detach() : thread.join();
  }
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  // A forked child has none of its parent's threads.
  int size() const { return forked() ? 1 : size_; }

  // Run work(0) here and work(1) to work(size - 1) on the others; returns when all are done.
  void run(const std::function<void(int)>& work) {
    if (threads_.empty()) start();
    work_ = work;
    pending_.store(size_ - 1, std::memory_order_relaxed);
    call();
    work(0);
    for (int left; (left = pending_.load(std::memory_order_acquire));) await(pending_, left);
  }

 private:
  static constexpr std::chrono::microseconds SPIN{20};

  bool forked() const { return !threads_.empty() && owner_ != getpid(); }
  void start() {
    owner_ = getpid();
    for (int worker = 1; worker < size_; ++worker) threads_.emplace_back([this, worker] { serve(worker); });
  }
  void call() {
    turn_.fetch_add(1, std::memory_order_release);
    turn_.notify_all();
  }
  void serve(int worker) {
    for (int seen = 0;;) {
      await(turn_, seen);
      seen = turn_.load(std::memory_order_acquire);
      if (!work_) return;
      work_(worker);
      if (pending_.fetch_sub(1, std::memory_order_acq_rel) == 1) pending_.notify_one();
    }
  }
  // Return once `value` is not `old` any more.
  static void await(const std::atomic<int>& value, int old) {
    const auto end = std::chrono::steady_clock::now() + SPIN;
    while (value.load(std::memory_order_acquire) == old) {
      if (std::chrono::steady_clock::now() < end) continue;
      value.wait(old, std::memory_order_acquire);
      return;
    }
  }

  int size_;
  pid_t owner_ = 0;
  std::function<void(int)> work_;
  std::vector<std::thread> threads_;
  alignas(64) std::atomic<int> turn_{0};
  alignas(64) std::atomic<int> pending_{0};
};

// Says whether a tick is faster with the team than without, from what both took lately. Results never depend on it.
class Pace {
 public:
  // Whether to run `work` units of about the same size on the team.
  bool worth_team(double work) {
    if (alone_ns_ * work < WAKE_NS) return false;
    const bool try_other = ++ticks_ % TRY_EVERY == 0;  // the machine may have become busy, or idle
    return (team_ns_ < alone_ns_) != try_other;
  }
  void note(bool team, double ns_per_unit) {
    double& mean = team ? team_ns_ : alone_ns_;
    mean = mean == 0 ? ns_per_unit : mean + (ns_per_unit - mean) / 2;
  }

 private:
  static constexpr double WAKE_NS = 100e3;  // waking a sleeping thread takes 10 to 20 us
  static constexpr int TRY_EVERY = 64;
  double alone_ns_ = 0, team_ns_ = 0;
  int ticks_ = 0;
};

}  // namespace twin
