/* The limit: FMI instances in a plain C loop. Compiled by pool.py, once with -DFMI=2 and once with -DFMI=3. */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef uint32_t VR;

#if FMI == 2
typedef struct {
    void (*logger)(void *, const char *, int, const char *, const char *, ...);
    void *(*allocate)(size_t, size_t);
    void (*release)(void *);
    void (*finished)(void *, int);
    void *environment;
} Callbacks;
static void quiet(void *e, const char *i, int s, const char *c, const char *m, ...) {
    (void)e, (void)i, (void)s, (void)c, (void)m;
}
static const Callbacks callbacks = {quiet, calloc, free, NULL, NULL};
static void *(*instantiate)(const char *, int, const char *, const char *, const Callbacks *, int, int);
static int (*setup)(void *, int, double, double, int, double);
static int (*enter)(void *);
static int (*set)(void *, const VR *, size_t, const double *);
static int (*get)(void *, const VR *, size_t, double *);
static int (*step)(void *, double, double, int);
#define NAME(name) "fmi2" name
#define INSTANTIATE "fmi2Instantiate"
#define REAL "Real"
#define SET(c, v) set(c, in, n_in, v)
#define GET(c, v) get(c, out, n_out, v)
#define STEP(c, t, h) step(c, t, h, 0)
#else
static void quiet(void *e, int s, const char *c, const char *m) { (void)e, (void)s, (void)c, (void)m; }
static void *(*instantiate)(const char *, const char *, const char *, bool, bool, bool, bool, const VR *, size_t, void *,
                            void (*)(void *, int, const char *, const char *), void *);
static int (*enter)(void *, bool, double, double, bool, double);
static int (*set)(void *, const VR *, size_t, const double *, size_t);
static int (*get)(void *, const VR *, size_t, double *, size_t);
static int (*step)(void *, double, double, bool, bool *, bool *, bool *, double *);
static bool event, terminate, early;
static double last;
#define NAME(name) "fmi3" name
#define INSTANTIATE "fmi3InstantiateCoSimulation"
#define REAL "Float64"
#define SET(c, v) set(c, in, n_in, v, w_in)
#define GET(c, v) get(c, out, n_out, v, w_out)
#define STEP(c, t, h) step(c, t, h, false, &event, &terminate, &early, &last)
#endif

static int (*leave)(void *);
static void (*release)(void *);
static void **instances;
static size_t count, n_in, n_out, w_in, w_out;
static VR *in, *out;

int loop_open(const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) return 1;
    *(void **)&instantiate = dlsym(library, INSTANTIATE);
#if FMI == 2
    *(void **)&setup = dlsym(library, "fmi2SetupExperiment");
#endif
    *(void **)&enter = dlsym(library, NAME("EnterInitializationMode"));
    *(void **)&leave = dlsym(library, NAME("ExitInitializationMode"));
    *(void **)&set = dlsym(library, NAME("Set") REAL);
    *(void **)&get = dlsym(library, NAME("Get") REAL);
    *(void **)&step = dlsym(library, NAME("DoStep"));
    *(void **)&release = dlsym(library, NAME("FreeInstance"));
    return 0;
}

int loop_initialize(size_t number, const char *token, const char *resources, VR *inputs, size_t inputs_n, size_t inputs_w,
                    VR *outputs, size_t outputs_n, size_t outputs_w, const double *u, double *y) {
    count = number, in = inputs, n_in = inputs_n, w_in = inputs_w, out = outputs, n_out = outputs_n, w_out = outputs_w;
    instances = malloc(count * sizeof *instances);
    int worst = 0;
    for (size_t i = 0; i < count; i++) {
#if FMI == 2
        void *c = instances[i] = instantiate("instance", 1, token, resources, &callbacks, 0, 0);
        worst |= setup(c, 0, 0, 0, 0, 0) | enter(c) | SET(c, u + i * w_in);
#else
        void *c = instances[i] = 
            instantiate("instance", token, resources, false, false, false, false, NULL, 0, NULL, quiet, NULL);
        worst |= enter(c, false, 0, 0, false, 0) | SET(c, u + i * w_in);
#endif
        worst |= leave(c) | GET(c, y + i * w_out);
    }
    return worst;
}

void loop_step(double time_s, double step_s, const double *u, double *y, int *status) {
    for (size_t i = 0; i < count; i++) {
        if (status[i] > 1) continue;
        void *c = instances[i];
        int s = SET(c, u + i * w_in);
        if (s <= 1) s = STEP(c, time_s, step_s);
        if (s <= 1) s = GET(c, y + i * w_out);
        status[i] = s;
    }
}

/* Pure arithmetic, to see how many cores the machine has to give just now. */
double loop_spin(long turns) {
    double x = 1.0;
    for (long i = 0; i < turns; i++) x = x * 1.0000001 + 1e-9;
    return x;
}

void loop_close(void) {
    for (size_t i = 0; i < count; i++) release(instances[i]);
    free(instances);
}
