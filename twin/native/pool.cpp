#include "pool.h"

#include <chrono>
#include <cmath>
#include <limits>

#include "fmi2.h"
#include "fmi3.h"
#include "team.h"

namespace twin {
namespace {

using Clock = std::chrono::steady_clock;

// Per-thread packed values, where the columns are not the packed values themselves.
struct alignas(64) Scratch {
  std::vector<double> inputs, outputs;
};

template <class Fmi>
class FmuPool final : public Pool {
 public:
  FmuPool(const Settings& settings, const Arrays& arrays, const Columns& inputs, const Columns& outputs)
      : library_(settings.library),
        fmi_(library_, settings.keeps_state, settings.serializes_state),
        identity_(settings.identity),
        arrays_(arrays),
        inputs_(inputs),
        outputs_(outputs),
        components_(arrays.count),
        contexts_(arrays.count),
        logs_(arrays.count),
        failures_(arrays.count),
        scratch_(settings.threads, Scratch{inputs.start, outputs.start}),
        team_(settings.threads) {}

  // After a fatal error FMI allows no call, not even to free the instance.
  ~FmuPool() override {
    for (size_t i = 0; i < arrays_.count; ++i)
      if (components_[i] && arrays_.status[i] != FATAL) fmi_.free(components_[i]);
  }

  void start(const std::vector<int64_t>& rows, const Experiment& experiment, const References& parameters,
             const double* values) override {
    for (size_t r = 0; r < rows.size(); ++r) {
      renew(rows[r]);
      const Outcome o = initialize(rows[r], experiment, parameters, values + r * parameters.width);
      finish(rows[r], o, scratch_[0]);
    }
  }

  void step(Series time_s, Series step_s, const bool* mask) override {
    const size_t active = mask ? std::count(mask, mask + arrays_.count, true) : arrays_.count;
    if (!active) return;
    const bool team = team_.size() > 1 && pace_.worth_team(active);
    const size_t workers = team ? team_.size() : 1;
    const auto part = [&](size_t worker) {
      const size_t first = arrays_.count * worker / workers, last = arrays_.count * (worker + 1) / workers;
      for (size_t i = first; i < last; ++i)
        if (arrays_.status[i] <= WARNING && (!mask || mask[i])) step_one(i, time_s[i], step_s[i], scratch_[worker]);
    };
    const auto begin = Clock::now();
    if (team) {
      team_.run(part);
    } else {
      part(0);
    }
    pace_.note(team, std::chrono::duration<double, std::nano>(Clock::now() - begin).count() / active);
  }

  States take() override {
    States taken{{arrays_.generation, arrays_.generation + arrays_.count}, std::vector<void*>(arrays_.count)};
    for (size_t i = 0; i < arrays_.count; ++i) {
      if (arrays_.status[i] > WARNING) continue;
      const Outcome o = fmi_.get_state(components_[i], &taken.states[i]);
      if (!o.ok()) quarantine(i, o.status, o.function);
    }
    return taken;
  }

  void put(const States& states, const bool* mask) override {
    for (size_t i = 0; i < arrays_.count; ++i) {
      if (!mask[i] || !lives(states, i)) continue;
      const Outcome o = fmi_.set_state(components_[i], states.states[i]);
      if (!o.ok()) quarantine(i, o.status, o.function);
    }
  }

  void release(States& states) override {
    for (size_t i = 0; i < states.states.size(); ++i)
      if (lives(states, i) && arrays_.status[i] != FATAL) fmi_.free_state(components_[i], &states.states[i]);
    states = {};
  }

  std::string freeze(size_t i) override {
    void* const c = components_[i];
    void* state = nullptr;
    size_t size = 0;
    std::string bytes;
    Outcome o = fmi_.get_state(c, &state);
    if (o.ok()) o = fmi_.state_size(c, state, &size);
    if (o.ok()) bytes.resize(size);
    if (o.ok()) o = fmi_.serialize(c, state, bytes.data(), size);
    if (o.status != FATAL && state) fmi_.free_state(c, &state);
    if (!o.ok()) quarantine(i, o.status, o.function);
    return bytes;
  }

  void thaw(size_t i, const std::string& bytes) override {
    void* const c = components_[i];
    void* state = nullptr;
    Outcome o = fmi_.deserialize(c, bytes.data(), bytes.size(), &state);
    if (o.ok()) o = fmi_.set_state(c, state);
    if (o.status != FATAL && state) fmi_.free_state(c, &state);
    if (!o.ok()) quarantine(i, o.status, o.function);
  }

  Failure failure(size_t i) const override {
    Failure found = failures_[i];
    found.log = logs_[i].text;
    return found;
  }

 private:
  bool lives(const States& states, size_t i) const {
    return states.states[i] && states.generation[i] == arrays_.generation[i];
  }

  // Leave a fresh instance at row i: reset where that works, which keeps states alive, else a new one.
  void renew(size_t i) {
    const bool callable = components_[i] && arrays_.status[i] != FATAL;
    arrays_.status[i] = OK;
    const int32_t reset = callable ? fmi_.reset(components_[i]).status : FATAL;
    failures_[i] = {};
    logs_[i].text.clear();
    if (reset <= WARNING) return;
    if (reset != FATAL) fmi_.free(components_[i]);
    ++arrays_.generation[i];
    const std::string name = identity_.name + "_" + std::to_string(i);
    components_[i] = fmi_.instantiate(identity_, name, contexts_[i], &logs_[i]);
  }

  Outcome initialize(size_t i, const Experiment& experiment, const References& parameters, const double* values) {
    void* const c = components_[i];
    if (!c) return {FATAL, Fmi::INSTANTIATE};
    Outcome o = fmi_.enter(c, experiment, parameters, values);
    if (o.ok()) o = worse(o, set_inputs(i, scratch_[0]));
    if (o.ok()) o = worse(o, fmi_.exit(c));
    return o;
  }

  void step_one(size_t i, double time_s, double step_s, Scratch& scratch) {
    Outcome o = set_inputs(i, scratch);
    if (o.ok()) o = worse(o, fmi_.step(components_[i], time_s, step_s));
    finish(i, o, scratch);
  }

  Outcome set_inputs(size_t i, Scratch& scratch) {
    const size_t width = inputs_.positions.size();
    const double* row = arrays_.inputs + i * width;
    if (inputs_.direct) return fmi_.set(components_[i], inputs_.view(), row);
    for (size_t k = 0; k < width; ++k) scratch.inputs[inputs_.positions[k]] = row[k];
    return fmi_.set(components_[i], inputs_.view(), scratch.inputs.data());
  }

  // Read the outputs of an instance that did well, and note how it did.
  void finish(size_t i, Outcome o, Scratch& scratch) {
    const size_t width = outputs_.positions.size();
    double* row = arrays_.outputs + i * width;
    if (o.ok()) {
      double* packed = outputs_.direct ? row : scratch.outputs.data();
      o = worse(o, fmi_.get(components_[i], outputs_.view(), packed));
      if (!outputs_.direct)
        for (size_t k = 0; k < width; ++k) row[k] = packed[outputs_.positions[k]];
    }
    if (!o.ok()) return quarantine(i, o.status, o.function);
    bool finite = true;
    for (size_t k = 0; k < width; ++k) finite &= std::abs(row[k]) <= std::numeric_limits<double>::max();
    if (!finite) return quarantine(i, NOT_FINITE, nullptr);
    arrays_.status[i] = o.status;
  }

  void quarantine(size_t i, int32_t status, const char* function) {
    const size_t width = outputs_.positions.size();
    double* row = arrays_.outputs + i * width;
    const double* odd = std::find_if(row, row + width, [](double value) { return !std::isfinite(value); });
    failures_[i] = {function, status == NOT_FINITE ? odd - row : -1, {}};
    arrays_.status[i] = status;
    std::fill(row, row + width, std::numeric_limits<double>::quiet_NaN());
  }

  Library library_;
  Fmi fmi_;
  Identity identity_;
  Arrays arrays_;
  Columns inputs_, outputs_;
  std::vector<void*> components_;
  std::vector<typename Fmi::Context> contexts_;
  std::vector<Log> logs_;
  std::vector<Failure> failures_;
  std::vector<Scratch> scratch_;
  Pace pace_;
  Team team_;
};

}  // namespace

std::unique_ptr<Pool> open_pool(const Settings& settings, const Arrays& arrays, const Columns& inputs,
                                const Columns& outputs) {
  if (settings.version == "2.0") return std::make_unique<FmuPool<Fmi2>>(settings, arrays, inputs, outputs);
  return std::make_unique<FmuPool<Fmi3>>(settings, arrays, inputs, outputs);
}

}  // namespace twin
