/* The tank as an FMI 3.0 co-simulation FMU: a value reference is a variable, and a variable is a run of slots. */
#include <stdlib.h>
#include <string.h>

#include "fmi3FunctionTypes.h"
#include "tank.h"

typedef struct {
    Tank *tank;
    fmi3InstanceEnvironment environment;
    fmi3LogMessageCallback log;
    int logging;
} Instance;

/* First slot and size of the variable with value reference i + 1. */
static const struct {
    int first, size;
} variables[] = {{0, 1}, {1, 1}, {2, 3}, {5, 1}, {6, 3}, {9, 1}, {10, 1}, {11, 3}, {14, 4}};

#define TANK ((Instance *)c)->tank

const char *fmi3GetVersion(void) { return "3.0"; }

fmi3Instance fmi3InstantiateCoSimulation(fmi3String name, fmi3String token, fmi3String resources, fmi3Boolean visible,
                                         fmi3Boolean logging, fmi3Boolean events, fmi3Boolean early,
                                         const fmi3ValueReference intermediate[], size_t n,
                                         fmi3InstanceEnvironment environment, fmi3LogMessageCallback log,
                                         fmi3IntermediateUpdateCallback update) {
    (void)name, (void)resources, (void)visible, (void)events, (void)early, (void)intermediate, (void)n, (void)update;
    if (strcmp(token, TOKEN)) {
        log(environment, fmi3Error, "logStatusError", "guid is not " TOKEN);
        return NULL;
    }
    Instance *instance = calloc(1, sizeof *instance);
    *instance = (Instance){tank_new(), environment, log, logging};
    return instance;
}

void fmi3FreeInstance(fmi3Instance c) {
    free(TANK);
    free(c);
}

fmi3Status fmi3SetDebugLogging(fmi3Instance c, fmi3Boolean on, size_t n, const fmi3String categories[]) {
    (void)n, (void)categories;
    ((Instance *)c)->logging = on;
    return fmi3OK;
}

static void say(fmi3Instance c, fmi3Status status, const char *what) {
    Instance *instance = c;
    if (instance->logging) instance->log(instance->environment, status, "logStatusError", what);
}

fmi3Status fmi3EnterInitializationMode(fmi3Instance c, fmi3Boolean has_tolerance, fmi3Float64 tolerance,
                                       fmi3Float64 start, fmi3Boolean has_stop, fmi3Float64 stop) {
    (void)has_tolerance, (void)tolerance, (void)start, (void)has_stop, (void)stop;
    return c ? fmi3OK : fmi3Error;
}

fmi3Status fmi3ExitInitializationMode(fmi3Instance c) {
    const fmi3Status status = tank_initialize(TANK);
    if (status) say(c, status, "negative gain");
    return status;
}

fmi3Status fmi3Reset(fmi3Instance c) {
    tank_reset(TANK);
    return fmi3OK;
}

fmi3Status fmi3GetFloat64(fmi3Instance c, const fmi3ValueReference vr[], size_t n, fmi3Float64 value[], size_t count) {
    size_t at = 0;
    for (size_t i = 0; i < n; i++)
        for (int k = 0; k < variables[vr[i] - 1].size; k++) value[at++] = tank_get(TANK, variables[vr[i] - 1].first + k);
    return at != count || tank_command(TANK) == COMMAND_FAIL_GET ? fmi3Error : fmi3OK;
}

fmi3Status fmi3SetFloat64(fmi3Instance c, const fmi3ValueReference vr[], size_t n, const fmi3Float64 value[],
                          size_t count) {
    size_t at = 0;
    for (size_t i = 0; i < n; i++)
        for (int k = 0; k < variables[vr[i] - 1].size; k++) TANK->slot[variables[vr[i] - 1].first + k] = value[at++];
    if (at != count) return fmi3Error;
    return tank_command(TANK) == COMMAND_FAIL_SET ? fmi3Discard : fmi3OK;
}

#ifndef WITHOUT_DO_STEP
fmi3Status fmi3DoStep(fmi3Instance c, fmi3Float64 time, fmi3Float64 step, fmi3Boolean forget, fmi3Boolean *event,
                      fmi3Boolean *terminate, fmi3Boolean *early, fmi3Float64 *last) {
    (void)forget;
    const int status = tank_step(TANK, time, step);
    if (status) say(c, status, "commanded to fail");
    *event = *early = false;
    *terminate = tank_command(TANK) == COMMAND_TERMINATE;
    *last = time + step;
    return status;
}
#endif

fmi3Status fmi3GetFMUState(fmi3Instance c, fmi3FMUState *state) {
    if (!*state) *state = malloc(sizeof(Tank));
    memcpy(*state, TANK, sizeof(Tank));
    return fmi3OK;
}

fmi3Status fmi3SetFMUState(fmi3Instance c, fmi3FMUState state) {
    memcpy(TANK, state, sizeof(Tank));
    return fmi3OK;
}

fmi3Status fmi3FreeFMUState(fmi3Instance c, fmi3FMUState *state) {
    (void)c;
    free(*state);
    *state = NULL;
    return fmi3OK;
}

fmi3Status fmi3SerializedFMUStateSize(fmi3Instance c, fmi3FMUState state, size_t *size) {
    (void)c, (void)state;
    *size = sizeof(Tank);
    return fmi3OK;
}

fmi3Status fmi3SerializeFMUState(fmi3Instance c, fmi3FMUState state, fmi3Byte bytes[], size_t size) {
    (void)c;
    memcpy(bytes, state, size);
    return fmi3OK;
}

fmi3Status fmi3DeserializeFMUState(fmi3Instance c, const fmi3Byte bytes[], size_t size, fmi3FMUState *state) {
    (void)c;
    if (size != sizeof(Tank)) return fmi3Error;
    if (!*state) *state = malloc(size);
    memcpy(*state, bytes, size);
    return fmi3OK;
}

fmi3Status fmi3Terminate(fmi3Instance c) { return c ? fmi3OK : fmi3Error; }

/* What FMI demands and nobody calls here. */
#define UNUSED(name) \
    fmi3Status name(void) { return fmi3Error; }
UNUSED(fmi3ActivateModelPartition) UNUSED(fmi3CompletedIntegratorStep) UNUSED(fmi3EnterConfigurationMode)
UNUSED(fmi3EnterContinuousTimeMode) UNUSED(fmi3EnterEventMode) UNUSED(fmi3EnterStepMode)
UNUSED(fmi3EvaluateDiscreteStates) UNUSED(fmi3ExitConfigurationMode) UNUSED(fmi3GetAdjointDerivative)
UNUSED(fmi3GetBinary) UNUSED(fmi3GetBoolean) UNUSED(fmi3GetClock) UNUSED(fmi3GetContinuousStateDerivatives)
UNUSED(fmi3GetContinuousStates) UNUSED(fmi3GetDirectionalDerivative) UNUSED(fmi3GetEventIndicators)
UNUSED(fmi3GetFloat32) UNUSED(fmi3GetInt16) UNUSED(fmi3GetInt32) UNUSED(fmi3GetInt64) UNUSED(fmi3GetInt8)
UNUSED(fmi3GetIntervalDecimal) UNUSED(fmi3GetIntervalFraction) UNUSED(fmi3GetNominalsOfContinuousStates)
UNUSED(fmi3GetNumberOfContinuousStates) UNUSED(fmi3GetNumberOfEventIndicators)
UNUSED(fmi3GetNumberOfVariableDependencies) UNUSED(fmi3GetOutputDerivatives) UNUSED(fmi3GetShiftDecimal)
UNUSED(fmi3GetShiftFraction) UNUSED(fmi3GetString) UNUSED(fmi3GetUInt16) UNUSED(fmi3GetUInt32)
UNUSED(fmi3GetUInt64) UNUSED(fmi3GetUInt8) UNUSED(fmi3GetVariableDependencies) UNUSED(fmi3InstantiateModelExchange)
UNUSED(fmi3InstantiateScheduledExecution) UNUSED(fmi3SetBinary) UNUSED(fmi3SetBoolean) UNUSED(fmi3SetClock)
UNUSED(fmi3SetContinuousStates) UNUSED(fmi3SetFloat32) UNUSED(fmi3SetInt16) UNUSED(fmi3SetInt32)
UNUSED(fmi3SetInt64) UNUSED(fmi3SetInt8) UNUSED(fmi3SetIntervalDecimal) UNUSED(fmi3SetIntervalFraction)
UNUSED(fmi3SetShiftDecimal) UNUSED(fmi3SetShiftFraction) UNUSED(fmi3SetString) UNUSED(fmi3SetTime)
UNUSED(fmi3SetUInt16) UNUSED(fmi3SetUInt32) UNUSED(fmi3SetUInt64) UNUSED(fmi3SetUInt8)
UNUSED(fmi3UpdateDiscreteStates)
