// The native module: loops over arrays, threads, no policy.
#include "bind.h"

NB_MODULE(_native, m) {
  m.doc() = "Native loops of bms-twin.";
  twin::bind_pool(m);
}
