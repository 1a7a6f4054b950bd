// FMI 2.0 co-simulation: the functions that a pool calls, after the standard's section 4.
#pragma once
#include <cstdarg>
#include <cstdio>
#include <cstdlib>

#include "fmi.h"
#include "library.h"

namespace twin {

class Fmi2 {
 public:
  static constexpr const char* INSTANTIATE = "fmi2Instantiate";
  using Logger = void(void* environment, const char* instance, int status, const char* category, const char* format, ...);
  // fmi2CallbackFunctions; one an instance, at the same place for the instance's life.
  struct Context {
    Logger* logger;
    void* (*allocate)(size_t, size_t);
    void (*release)(void*);
    void (*step_finished)(void*, int);
    void* environment;
  };

  Fmi2(Library& library, bool keeps_state, bool serializes_state) {
    library.find(instantiate_, INSTANTIATE);
    library.find(free_, "fmi2FreeInstance");
    library.find(set_logging_, "fmi2SetDebugLogging");
    library.find(setup_, "fmi2SetupExperiment");
    library.find(enter_, "fmi2EnterInitializationMode");
    library.find(exit_, "fmi2ExitInitializationMode");
    library.find(reset_, "fmi2Reset");
    library.find(set_, "fmi2SetReal");
    library.find(get_, "fmi2GetReal");
    library.find(step_, "fmi2DoStep");
    if (keeps_state) {
      library.find(get_state_, "fmi2GetFMUstate");
      library.find(set_state_, "fmi2SetFMUstate");
      library.find(free_state_, "fmi2FreeFMUstate");
    }
    if (serializes_state) {
      library.find(state_size_, "fmi2SerializedFMUstateSize");
      library.find(serialize_, "fmi2SerializeFMUstate");
      library.find(deserialize_, "fmi2DeSerializeFMUstate");
    }
    library.require_all();
  }

  void* instantiate(const Identity& who, const std::string& name, Context& context, Log* log) const {
    context = {write, std::calloc, std::free, nullptr, log};
    const int co_simulation = 1;
    void* c = instantiate_(name.c_str(), co_simulation, who.token.c_str(), who.resource_uri.c_str(), &context, 0, 0);
    const auto& categories = who.log_categories;
    if (c && !categories.empty()) set_logging_(c, 1, categories.size(), categories.data());
    return c;
  }
  void free(void* c) const { free_(c); }

  // Everything up to Initialization Mode: experiment, parameters, mode.
  Outcome enter(void* c, const Experiment& x, const References& parameters, const double* values) const {
    Outcome o = outcome(setup_(c, x.has_tolerance, x.tolerance, x.start_s, x.has_stop, x.stop_s), "fmi2SetupExperiment");
    if (o.ok()) o = worse(o, set(c, parameters, values));
    if (o.ok()) o = worse(o, outcome(enter_(c), "fmi2EnterInitializationMode"));
    return o;
  }
  Outcome exit(void* c) const { return outcome(exit_(c), "fmi2ExitInitializationMode"); }
  Outcome reset(void* c) const { return outcome(reset_(c), "fmi2Reset"); }

  Outcome set(void* c, const References& r, const double* values) const {
    return r.size ? outcome(set_(c, r.data, r.size, values), "fmi2SetReal") : Outcome{};
  }
  Outcome get(void* c, const References& r, double* values) const {
    return r.size ? outcome(get_(c, r.data, r.size, values), "fmi2GetReal") : Outcome{};
  }
  // The FMU must not forget the past: a snapshot may bring it back.
  Outcome step(void* c, double time_s, double step_s) const { return outcome(step_(c, time_s, step_s, 0), "fmi2DoStep"); }

  Outcome get_state(void* c, void** state) const { return outcome(get_state_(c, state), "fmi2GetFMUstate"); }
  Outcome set_state(void* c, void* state) const { return outcome(set_state_(c, state), "fmi2SetFMUstate"); }
  void free_state(void* c, void** state) const { free_state_(c, state); }
  Outcome state_size(void* c, void* state, size_t* size) const {
    return outcome(state_size_(c, state, size), "fmi2SerializedFMUstateSize");
  }
  Outcome serialize(void* c, void* state, char* bytes, size_t size) const {
    return outcome(serialize_(c, state, bytes, size), "fmi2SerializeFMUstate");
  }
  Outcome deserialize(void* c, const char* bytes, size_t size, void** state) const {
    return outcome(deserialize_(c, bytes, size, state), "fmi2DeSerializeFMUstate");
  }

 private:
  static void write(void* environment, const char*, int status, const char*, const char* format, ...) {
    if (!environment || !format) return;
    char text[Log::LIMIT];
    std::va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    static_cast<Log*>(environment)->write(status, text);
  }

  void* (*instantiate_)(const char*, int, const char*, const char*, const Context*, int, int);
  void (*free_)(void*);
  int (*set_logging_)(void*, int, size_t, const char* const*);
  int (*setup_)(void*, int, double, double, int, double);
  int (*enter_)(void*);
  int (*exit_)(void*);
  int (*reset_)(void*);
  int (*set_)(void*, const uint32_t*, size_t, const double*);
  int (*get_)(void*, const uint32_t*, size_t, double*);
  int (*step_)(void*, double, double, int);
  int (*get_state_)(void*, void**);
  int (*set_state_)(void*, void*);
  int (*free_state_)(void*, void**);
  int (*state_size_)(void*, void*, size_t*);
  int (*serialize_)(void*, void*, char*, size_t);
  int (*deserialize_)(void*, const char*, size_t, void**);
};

}  // namespace twin
