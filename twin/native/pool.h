// N instances of one co-simulation FMU, stepped together through arrays; judged by twin/plant/backends/slaves.py.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fmi.h"

namespace twin {

// Columns of a pool as packed values of whole variables; see twin/plant/backends/columns.py.
struct Columns {
  std::vector<uint32_t> references;
  std::vector<int64_t> positions;
  std::vector<double> start;
  bool direct;
  References view() const { return {references.data(), references.size(), start.size()}; }
};

struct Settings {
  std::string library, version;
  Identity identity;
  bool keeps_state, serializes_state;
  int threads;
};

// The caller's arrays: inputs[count, inputs.positions], outputs[count, outputs.positions], status[count], and
// generation[count], which counts the FMI instances that stood at a row so far.
struct Arrays {
  size_t count;
  const double* inputs;
  double* outputs;
  int32_t* status;
  int32_t* generation;
};

// One number for all instances (stride 0), or one an instance (stride 1).
struct Series {
  const double* data;
  size_t stride;
  double operator[](size_t i) const { return data[i * stride]; }
};

// Why an instance failed: the call, or the output column that is not finite, and what the FMU logged.
struct Failure {
  const char* function = nullptr;
  int64_t column = -1;
  std::string log;
};

// FMU states of all instances, null where there is none; a state is of use to its own generation only.
struct States {
  std::vector<int32_t> generation;
  std::vector<void*> states;
};

class Pool {
 public:
  virtual ~Pool() = default;
  // Instantiate or reset the instances of `rows`, set their parameters (packed, one row each), initialise them.
  virtual void start(const std::vector<int64_t>& rows, const Experiment& experiment, const References& parameters,
                     const double* values) = 0;
  virtual void step(Series time_s, Series step_s, const bool* mask) = 0;
  virtual States take() = 0;
  virtual void put(const States& states, const bool* mask) = 0;
  virtual void release(States& states) = 0;
  virtual std::string freeze(size_t instance) = 0;
  virtual void thaw(size_t instance, const std::string& state) = 0;
  virtual Failure failure(size_t instance) const = 0;
};

// Throws std::runtime_error if the library cannot be loaded or lacks a function.
std::unique_ptr<Pool> open_pool(const Settings& settings, const Arrays& arrays, const Columns& inputs,
                                const Columns& outputs);

}  // namespace twin
