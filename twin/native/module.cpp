// The native module: loops over arrays, threads, no policy.
#include <nanobind/nanobind.h>

NB_MODULE(_native, m) { m.doc() = "Native loops of bms-twin."; }
