// What the adapters of both FMI versions share: statuses, the outcome of a call, what an FMU said.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace twin {

// As twin.plant.pool.Status.
enum Status : int32_t { OK = 0, WARNING = 1, DISCARD = 2, ERROR = 3, FATAL = 4, NOT_FINITE = 10 };

// The status of an FMI call and the call's name.
struct Outcome {
  int32_t status = OK;
  const char* function = nullptr;
  bool ok() const { return status <= WARNING; }
};

// Statuses that FMI 2.0 and 3.0 do not share (pending), or that do not exist, are errors.
inline Outcome outcome(int status, const char* function) {
  return {status < OK || status > FATAL ? ERROR : status, function};
}

inline Outcome worse(Outcome first, Outcome second) { return second.status > first.status ? second : first; }

// The last thing of weight that an instance logged; the FMU's logger writes it through its environment pointer.
struct Log {
  static constexpr size_t LIMIT = 2000;
  std::string text;
  void write(int status, const char* message) {
    if (status > OK && message) text.assign(message, strnlen(message, LIMIT));
  }
};

// Who an FMU is, as its functions want to be told.
struct Identity {
  std::string name, token, resource_uri, resource_path;
  std::vector<const char*> log_categories;
};

// Variables set or read in one call: `width` packed values.
struct References {
  const uint32_t* data;
  size_t size, width;
};

struct Experiment {
  double start_s;
  bool has_tolerance;
  double tolerance;
  bool has_stop;
  double stop_s;
};

}  // namespace twin
