/* The tank as an FMI 2.0 co-simulation FMU: value references are slots. */
#include <stdlib.h>
#include <string.h>

#include "fmi2Functions.h"
#include "tank.h"

typedef struct {
    Tank *tank;
    const fmi2CallbackFunctions *callbacks;
    int logging;
} Instance;

#define TANK ((Instance *)c)->tank

const char *fmi2GetTypesPlatform(void) { return fmi2TypesPlatform; }
const char *fmi2GetVersion(void) { return fmi2Version; }

fmi2Component fmi2Instantiate(fmi2String name, fmi2Type type, fmi2String guid, fmi2String resources,
                              const fmi2CallbackFunctions *callbacks, fmi2Boolean visible, fmi2Boolean logging) {
    (void)type, (void)resources, (void)visible;
    if (strcmp(guid, TOKEN)) {
        callbacks->logger(callbacks->componentEnvironment, name, fmi2Error, "logStatusError", "guid is not %s", TOKEN);
        return NULL;
    }
    Instance *instance = calloc(1, sizeof *instance);
    *instance = (Instance){tank_new(), callbacks, logging};
    return instance;
}

void fmi2FreeInstance(fmi2Component c) {
    free(TANK);
    free(c);
}

fmi2Status fmi2SetDebugLogging(fmi2Component c, fmi2Boolean on, size_t n, const fmi2String categories[]) {
    (void)n, (void)categories;
    ((Instance *)c)->logging = on;
    return fmi2OK;
}

static void say(fmi2Component c, fmi2Status status, const char *what, double value) {
    Instance *instance = c;
    if (instance->logging)
        instance->callbacks->logger(instance->callbacks->componentEnvironment, "tank", status, "logStatusError",
                                    "%s at %g", what, value);
}

fmi2Status fmi2SetupExperiment(fmi2Component c, fmi2Boolean has_tolerance, fmi2Real tolerance, fmi2Real start,
                               fmi2Boolean has_stop, fmi2Real stop) {
    (void)c, (void)has_tolerance, (void)tolerance, (void)start, (void)has_stop, (void)stop;
    return fmi2OK;
}

fmi2Status fmi2EnterInitializationMode(fmi2Component c) { return c ? fmi2OK : fmi2Error; }

fmi2Status fmi2ExitInitializationMode(fmi2Component c) {
    const fmi2Status status = tank_initialize(TANK);
    if (status) say(c, status, "negative gain", tank_get(TANK, 5));
    return status;
}

fmi2Status fmi2Reset(fmi2Component c) {
    tank_reset(TANK);
    return fmi2OK;
}

fmi2Status fmi2GetReal(fmi2Component c, const fmi2ValueReference vr[], size_t n, fmi2Real value[]) {
    for (size_t i = 0; i < n; i++) value[i] = tank_get(TANK, vr[i]);
    return tank_command(TANK) == COMMAND_FAIL_GET ? fmi2Error : fmi2OK;
}

fmi2Status fmi2SetReal(fmi2Component c, const fmi2ValueReference vr[], size_t n, const fmi2Real value[]) {
    for (size_t i = 0; i < n; i++) TANK->slot[vr[i]] = value[i];
    return tank_command(TANK) == COMMAND_FAIL_SET ? fmi2Discard : fmi2OK;
}

#ifndef WITHOUT_DO_STEP
fmi2Status fmi2DoStep(fmi2Component c, fmi2Real time, fmi2Real step, fmi2Boolean forget) {
    (void)forget;
    const int status = tank_step(TANK, time, step);
    if (status) say(c, status, "commanded to fail", time);
    return tank_command(TANK) == COMMAND_TERMINATE ? fmi2Pending : (fmi2Status)status;
}
#endif

fmi2Status fmi2GetFMUstate(fmi2Component c, fmi2FMUstate *state) {
    if (!*state) *state = malloc(sizeof(Tank));
    memcpy(*state, TANK, sizeof(Tank));
    return fmi2OK;
}

fmi2Status fmi2SetFMUstate(fmi2Component c, fmi2FMUstate state) {
    memcpy(TANK, state, sizeof(Tank));
    return fmi2OK;
}

fmi2Status fmi2FreeFMUstate(fmi2Component c, fmi2FMUstate *state) {
    (void)c;
    free(*state);
    *state = NULL;
    return fmi2OK;
}

fmi2Status fmi2SerializedFMUstateSize(fmi2Component c, fmi2FMUstate state, size_t *size) {
    (void)c, (void)state;
    *size = sizeof(Tank);
    return fmi2OK;
}

fmi2Status fmi2SerializeFMUstate(fmi2Component c, fmi2FMUstate state, fmi2Byte bytes[], size_t size) {
    (void)c;
    memcpy(bytes, state, size);
    return fmi2OK;
}

fmi2Status fmi2DeSerializeFMUstate(fmi2Component c, const fmi2Byte bytes[], size_t size, fmi2FMUstate *state) {
    (void)c;
    if (size != sizeof(Tank)) return fmi2Error;
    if (!*state) *state = malloc(size);
    memcpy(*state, bytes, size);
    return fmi2OK;
}

fmi2Status fmi2Terminate(fmi2Component c) { return c ? fmi2OK : fmi2Error; }
fmi2Status fmi2GetInteger(fmi2Component c, const fmi2ValueReference vr[], size_t n, fmi2Integer value[]) {
    for (size_t i = 0; i < n; i++) value[i] = (fmi2Integer)tank_get(TANK, vr[i]);
    return fmi2OK;
}

/* What FMI demands and nobody calls here. */
#define UNUSED(name, ...) \
    fmi2Status name(__VA_ARGS__) { return fmi2Error; }
#pragma GCC diagnostic ignored "-Wunused-parameter"
typedef const fmi2ValueReference *References;
UNUSED(fmi2GetBoolean, fmi2Component c, References vr, size_t n, fmi2Boolean *value)
UNUSED(fmi2GetString, fmi2Component c, References vr, size_t n, fmi2String *value)
UNUSED(fmi2SetInteger, fmi2Component c, References vr, size_t n, const fmi2Integer *value)
UNUSED(fmi2SetBoolean, fmi2Component c, References vr, size_t n, const fmi2Boolean *value)
UNUSED(fmi2SetString, fmi2Component c, References vr, size_t n, const fmi2String *value)
UNUSED(fmi2GetDirectionalDerivative, fmi2Component c, References u, size_t nu, References k, size_t nk,
       const fmi2Real *dk, fmi2Real *du)
UNUSED(fmi2SetRealInputDerivatives, fmi2Component c, References vr, size_t n, const fmi2Integer *o, const fmi2Real *v)
UNUSED(fmi2GetRealOutputDerivatives, fmi2Component c, References vr, size_t n, const fmi2Integer *o, fmi2Real *v)
UNUSED(fmi2CancelStep, fmi2Component c)
UNUSED(fmi2GetStatus, fmi2Component c, const fmi2StatusKind kind, fmi2Status *value)
UNUSED(fmi2GetRealStatus, fmi2Component c, const fmi2StatusKind kind, fmi2Real *value)
UNUSED(fmi2GetIntegerStatus, fmi2Component c, const fmi2StatusKind kind, fmi2Integer *value)
UNUSED(fmi2GetBooleanStatus, fmi2Component c, const fmi2StatusKind kind, fmi2Boolean *value)
UNUSED(fmi2GetStringStatus, fmi2Component c, const fmi2StatusKind kind, fmi2String *value)
