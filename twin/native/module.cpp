// The native module: loops over arrays, threads, no policy.
#include "bind.h"

NB_MODULE(_native, m) {
  m.doc() = "Native loops of bms-twin.";
  // Objects that live until the interpreter ends are no leak.
  nanobind::set_leak_warnings(false);
  twin::bind_codec(m);
  twin::bind_network(m);
  twin::bind_pool(m);
  twin::bind_rows(m);
}
