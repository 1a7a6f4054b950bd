// FMI 3.0 co-simulation without event mode: the functions that a pool calls, after the standard's section 4.
#pragma once
#include "fmi.h"
#include "library.h"

namespace twin {

class Fmi3 {
 public:
  static constexpr const char* INSTANTIATE = "fmi3InstantiateCoSimulation";
  using Logger = void(void* environment, int status, const char* category, const char* message);
  struct Context {};

  Fmi3(Library& library, bool keeps_state, bool serializes_state) {
    library.find(instantiate_, INSTANTIATE);
    library.find(free_, "fmi3FreeInstance");
    library.find(set_logging_, "fmi3SetDebugLogging");
    library.find(enter_, "fmi3EnterInitializationMode");
    library.find(exit_, "fmi3ExitInitializationMode");
    library.find(reset_, "fmi3Reset");
    library.find(set_, "fmi3SetFloat64");
    library.find(get_, "fmi3GetFloat64");
    library.find(step_, "fmi3DoStep");
    if (keeps_state) {
      library.find(get_state_, "fmi3GetFMUState");
      library.find(set_state_, "fmi3SetFMUState");
      library.find(free_state_, "fmi3FreeFMUState");
    }
    if (serializes_state) {
      library.find(state_size_, "fmi3SerializedFMUStateSize");
      library.find(serialize_, "fmi3SerializeFMUState");
      library.find(deserialize_, "fmi3DeserializeFMUState");
    }
    library.require_all();
  }

  void* instantiate(const Identity& who, const std::string& name, Context&, Log* log) const {
    void* c = instantiate_(name.c_str(), who.token.c_str(), who.resource_path.c_str(), false, false, false, false,
                           nullptr, 0, log, write, nullptr);
    const auto& categories = who.log_categories;
    if (c && !categories.empty()) set_logging_(c, true, categories.size(), categories.data());
    return c;
  }
  void free(void* c) const { free_(c); }

  // Everything up to Initialization Mode: parameters, then the mode with the experiment.
  Outcome enter(void* c, const Experiment& x, const References& parameters, const double* values) const {
    Outcome o = set(c, parameters, values);
    if (!o.ok()) return o;
    const int status = enter_(c, x.has_tolerance, x.tolerance, x.start_s, x.has_stop, x.stop_s);
    return worse(o, outcome(status, "fmi3EnterInitializationMode"));
  }
  Outcome exit(void* c) const { return outcome(exit_(c), "fmi3ExitInitializationMode"); }
  Outcome reset(void* c) const { return outcome(reset_(c), "fmi3Reset"); }

  Outcome set(void* c, const References& r, const double* values) const {
    return r.size ? outcome(set_(c, r.data, r.size, values, r.width), "fmi3SetFloat64") : Outcome{};
  }
  Outcome get(void* c, const References& r, double* values) const {
    return r.size ? outcome(get_(c, r.data, r.size, values, r.width), "fmi3GetFloat64") : Outcome{};
  }
  // The FMU must not forget the past: a snapshot may bring it back. One that asks to end has discarded the step.
  Outcome step(void* c, double time_s, double step_s) const {
    bool event = false, terminate = false, early = false;
    double last_s = time_s;
    const Outcome o = outcome(step_(c, time_s, step_s, false, &event, &terminate, &early, &last_s), "fmi3DoStep");
    return o.ok() && terminate ? Outcome{DISCARD, "fmi3DoStep"} : o;
  }

  Outcome get_state(void* c, void** state) const { return outcome(get_state_(c, state), "fmi3GetFMUState"); }
  Outcome set_state(void* c, void* state) const { return outcome(set_state_(c, state), "fmi3SetFMUState"); }
  void free_state(void* c, void** state) const { free_state_(c, state); }
  Outcome state_size(void* c, void* state, size_t* size) const {
    return outcome(state_size_(c, state, size), "fmi3SerializedFMUStateSize");
  }
  Outcome serialize(void* c, void* state, char* bytes, size_t size) const {
    return outcome(serialize_(c, state, bytes, size), "fmi3SerializeFMUState");
  }
  Outcome deserialize(void* c, const char* bytes, size_t size, void** state) const {
    return outcome(deserialize_(c, bytes, size, state), "fmi3DeserializeFMUState");
  }

 private:
  static void write(void* environment, int status, const char*, const char* message) {
    if (environment) static_cast<Log*>(environment)->write(status, message);
  }

  void* (*instantiate_)(const char*, const char*, const char*, bool, bool, bool, bool, const uint32_t*, size_t, void*,
                        Logger*, void (*)());
  void (*free_)(void*);
  int (*set_logging_)(void*, bool, size_t, const char* const*);
  int (*enter_)(void*, bool, double, double, bool, double);
  int (*exit_)(void*);
  int (*reset_)(void*);
  int (*set_)(void*, const uint32_t*, size_t, const double*, size_t);
  int (*get_)(void*, const uint32_t*, size_t, double*, size_t);
  int (*step_)(void*, double, double, bool, bool*, bool*, bool*, double*);
  int (*get_state_)(void*, void**);
  int (*set_state_)(void*, void*);
  int (*free_state_)(void*, void**);
  int (*state_size_)(void*, void*, size_t*);
  int (*serialize_)(void*, void*, char*, size_t);
  int (*deserialize_)(void*, const char*, size_t, void**);
};

}  // namespace twin
