/* The FMI 3.0 interface of a generated kernel: model exchange and co-simulation. */
#include "fmi3Functions.h"

#include "kernel.h"

#include "core.h"

#define OF(instance) \
    Instance *const m = (instance); \
    if (!m) \
        return fmi3Error

/* Tell the importer why something failed. */
static fmi3Status fail(const Instance *m, fmi3Status status, const char *reason)
{
    const fmi3LogMessageCallback logger = (fmi3LogMessageCallback)m->logger;
    if (logger) {
        char message[256];
        snprintf(message, sizeof message, "%s at time %g s", reason, m->d.time);
        logger(m->environment, status, "logStatusError", message);
    }
    return status;
}

const char *fmi3GetVersion(void)
{
    return fmi3Version;
}

fmi3Status fmi3SetDebugLogging(fmi3Instance c, fmi3Boolean on, size_t n, const fmi3String categories[])
{
    (void)c, (void)on, (void)n, (void)categories;
    return fmi3OK;
}

static fmi3Instance instantiate(fmi3String name, fmi3String token, int is_co_simulation, fmi3InstanceEnvironment environment,
                                fmi3LogMessageCallback logger)
{
    if (!token || strcmp(token, TOKEN) != 0) {
        if (logger)
            logger(environment, fmi3Error, "logStatusError", "the instantiation token is not that of this FMU");
        return NULL;
    }
    return create(name, is_co_simulation, environment, (void *)logger);
}

fmi3Instance fmi3InstantiateModelExchange(fmi3String name, fmi3String token, fmi3String resources, fmi3Boolean visible,
                                          fmi3Boolean logging, fmi3InstanceEnvironment environment,
                                          fmi3LogMessageCallback logger)
{
    (void)resources, (void)visible, (void)logging;
    return instantiate(name, token, 0, environment, logger);
}

fmi3Instance fmi3InstantiateCoSimulation(fmi3String name, fmi3String token, fmi3String resources, fmi3Boolean visible,
                                         fmi3Boolean logging, fmi3Boolean event_mode, fmi3Boolean early_return,
                                         const fmi3ValueReference intermediate[], size_t n_intermediate,
                                         fmi3InstanceEnvironment environment, fmi3LogMessageCallback logger,
                                         fmi3IntermediateUpdateCallback update)
{
    (void)resources, (void)visible, (void)logging, (void)event_mode, (void)early_return;
    (void)intermediate, (void)n_intermediate, (void)update;
    return instantiate(name, token, 1, environment, logger);
}

fmi3Instance fmi3InstantiateScheduledExecution(fmi3String name, fmi3String token, fmi3String resources,
                                               fmi3Boolean visible, fmi3Boolean logging,
                                               fmi3InstanceEnvironment environment, fmi3LogMessageCallback logger,
                                               fmi3ClockUpdateCallback clock, fmi3LockPreemptionCallback lock,
                                               fmi3UnlockPreemptionCallback unlock)
{
    (void)name, (void)token, (void)resources, (void)visible, (void)logging, (void)clock, (void)lock, (void)unlock;
    if (logger)
        logger(environment, fmi3Error, "logStatusError", "this FMU has no scheduled execution");
    return NULL;
}

void fmi3FreeInstance(fmi3Instance c)
{
    free(c);
}

fmi3Status fmi3EnterInitializationMode(fmi3Instance c, fmi3Boolean has_tolerance, fmi3Float64 tolerance,
                                       fmi3Float64 start, fmi3Boolean has_stop, fmi3Float64 stop)
{
    (void)has_stop, (void)stop;
    OF(c);
    if (m->d.mode != INSTANTIATED)
        return fail(m, fmi3Error, "fmi3EnterInitializationMode twice");
    m->d.time = start;
    if (has_tolerance && tolerance > 0)
        m->d.tolerance = tolerance;
    m->d.mode = INITIALIZATION;
    make_stale(&m->d, STALE_OUTPUTS);
    return fmi3OK;
}

fmi3Status fmi3ExitInitializationMode(fmi3Instance c)
{
    OF(c);
    if (m->d.mode != INITIALIZATION)
        return fail(m, fmi3Error, "fmi3ExitInitializationMode outside of initialization");
    refresh(&m->d);
    m->d.mode = m->is_co_simulation ? STEP : EVENT;
    return fmi3OK;
}

fmi3Status fmi3Terminate(fmi3Instance c)
{
    OF(c);
    m->d.mode = TERMINATED;
    return fmi3OK;
}

fmi3Status fmi3Reset(fmi3Instance c)
{
    OF(c);
    reset(&m->d);
    return fmi3OK;
}

/* ---- Values: an array variable has one value reference, and stands for a list of slots ---- */

/* Write the slots behind value references; return how many, or SIZE_MAX if there are more than `capacity` or none. */
static size_t expand(const fmi3ValueReference vr[], size_t n, uint32_t *slots, size_t capacity)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        if (vr[i] >= N_SLOTS)
            return SIZE_MAX;
        const uint32_t first = variable_starts[vr[i]], end = variable_starts[vr[i] + 1];
        if (first == end || count + (end - first) > capacity)
            return SIZE_MAX;
        for (uint32_t j = first; j < end; j++)
            slots[count++] = variable_slots[j];
    }
    return count;
}

/* Values of each type are doubles inside. */
#define DEFINE_GET_SET(Name, Type, from_double, to_double) \
    fmi3Status fmi3Get##Name(fmi3Instance c, const fmi3ValueReference vr[], size_t n, Type values[], size_t n_values) \
    { \
        OF(c); \
        size_t count = 0; \
        for (size_t i = 0; i < n; i++) { \
            uint32_t slots[N_SLOTS]; \
            const size_t size = expand(vr + i, 1, slots, N_SLOTS); \
            if (size > n_values - count) \
                return fail(m, fmi3Error, "fmi3Get" #Name ": no such value reference, or a wrong number of values"); \
            for (size_t j = 0; j < size; j++) { \
                double value; \
                if (get_value(&m->d, slots[j], &value)) \
                    return fail(m, fmi3Error, "fmi3Get" #Name ": no such value reference"); \
                values[count++] = from_double; \
            } \
        } \
        return count == n_values ? fmi3OK : fail(m, fmi3Error, "fmi3Get" #Name ": a wrong number of values"); \
    } \
    fmi3Status fmi3Set##Name(fmi3Instance c, const fmi3ValueReference vr[], size_t n, const Type values[], \
                             size_t n_values) \
    { \
        OF(c); \
        size_t count = 0; \
        for (size_t i = 0; i < n; i++) { \
            uint32_t slots[N_SLOTS]; \
            const size_t size = expand(vr + i, 1, slots, N_SLOTS); \
            if (size > n_values - count) \
                return fail(m, fmi3Error, "fmi3Set" #Name ": no such value reference, or a wrong number of values"); \
            for (size_t j = 0; j < size; j++) { \
                const Type value = values[count++]; \
                if (set_value(&m->d, slots[j], to_double)) \
                    return fail(m, fmi3Error, "fmi3Set" #Name ": a value that cannot be set now"); \
            } \
        } \
        return count == n_values ? fmi3OK : fail(m, fmi3Error, "fmi3Set" #Name ": a wrong number of values"); \
    }

DEFINE_GET_SET(Float64, fmi3Float64, value, value)
DEFINE_GET_SET(Int32, fmi3Int32, (fmi3Int32)value, (double)value)
DEFINE_GET_SET(Boolean, fmi3Boolean, value != 0.0, (double)(value != 0))

/* Types that no variable has. */
#define DEFINE_NO_VALUES(Name, Type) \
    fmi3Status fmi3Get##Name(fmi3Instance c, const fmi3ValueReference vr[], size_t n, Type values[], size_t n_values) \
    { \
        (void)c, (void)vr, (void)values, (void)n_values; \
        return n ? fmi3Error : fmi3OK; \
    } \
    fmi3Status fmi3Set##Name(fmi3Instance c, const fmi3ValueReference vr[], size_t n, const Type values[], \
                             size_t n_values) \
    { \
        (void)c, (void)vr, (void)values, (void)n_values; \
        return n ? fmi3Error : fmi3OK; \
    }

DEFINE_NO_VALUES(Float32, fmi3Float32)
DEFINE_NO_VALUES(Int8, fmi3Int8)
DEFINE_NO_VALUES(UInt8, fmi3UInt8)
DEFINE_NO_VALUES(Int16, fmi3Int16)
DEFINE_NO_VALUES(UInt16, fmi3UInt16)
DEFINE_NO_VALUES(UInt32, fmi3UInt32)
DEFINE_NO_VALUES(Int64, fmi3Int64)
DEFINE_NO_VALUES(UInt64, fmi3UInt64)
DEFINE_NO_VALUES(String, fmi3String)

fmi3Status fmi3GetBinary(fmi3Instance c, const fmi3ValueReference vr[], size_t n, size_t sizes[], fmi3Binary values[],
                         size_t n_values)
{
    (void)c, (void)vr, (void)sizes, (void)values, (void)n_values;
    return n ? fmi3Error : fmi3OK;
}

fmi3Status fmi3SetBinary(fmi3Instance c, const fmi3ValueReference vr[], size_t n, const size_t sizes[],
                         const fmi3Binary values[], size_t n_values)
{
    (void)c, (void)vr, (void)sizes, (void)values, (void)n_values;
    return n ? fmi3Error : fmi3OK;
}

fmi3Status fmi3GetClock(fmi3Instance c, const fmi3ValueReference vr[], size_t n, fmi3Clock values[])
{
    (void)c, (void)vr, (void)values;
    return n ? fmi3Error : fmi3OK;
}

fmi3Status fmi3SetClock(fmi3Instance c, const fmi3ValueReference vr[], size_t n, const fmi3Clock values[])
{
    (void)c, (void)vr, (void)values;
    return n ? fmi3Error : fmi3OK;
}

/* ---- FMU state ---- */

fmi3Status fmi3GetFMUState(fmi3Instance c, fmi3FMUState *state)
{
    OF(c);
    if (!*state)
        *state = malloc(sizeof(Data));
    if (!*state)
        return fail(m, fmi3Error, "out of memory");
    memcpy(*state, &m->d, sizeof(Data));
    return fmi3OK;
}

fmi3Status fmi3SetFMUState(fmi3Instance c, fmi3FMUState state)
{
    OF(c);
    if (!state)
        return fail(m, fmi3Error, "fmi3SetFMUState without a state");
    memcpy(&m->d, state, sizeof(Data));
    return fmi3OK;
}

fmi3Status fmi3FreeFMUState(fmi3Instance c, fmi3FMUState *state)
{
    (void)c;
    if (state) {
        free(*state);
        *state = NULL;
    }
    return fmi3OK;
}

fmi3Status fmi3SerializedFMUStateSize(fmi3Instance c, fmi3FMUState state, size_t *size)
{
    (void)c, (void)state;
    *size = sizeof(Data);
    return fmi3OK;
}

fmi3Status fmi3SerializeFMUState(fmi3Instance c, fmi3FMUState state, fmi3Byte bytes[], size_t size)
{
    OF(c);
    if (!state || size < sizeof(Data))
        return fail(m, fmi3Error, "fmi3SerializeFMUState: no state, or too few bytes for it");
    memcpy(bytes, state, sizeof(Data));
    return fmi3OK;
}

fmi3Status fmi3DeserializeFMUState(fmi3Instance c, const fmi3Byte bytes[], size_t size, fmi3FMUState *state)
{
    OF(c);
    if (size != sizeof(Data))
        return fail(m, fmi3Error, "fmi3DeserializeFMUState: not a state of this FMU");
    if (!*state)
        *state = malloc(sizeof(Data));
    if (!*state)
        return fail(m, fmi3Error, "out of memory");
    memcpy(*state, bytes, sizeof(Data));
    return fmi3OK;
}

/* ---- Derivatives ---- */

fmi3Status fmi3GetDirectionalDerivative(fmi3Instance c, const fmi3ValueReference unknowns[], size_t n_unknowns,
                                        const fmi3ValueReference knowns[], size_t n_knowns, const fmi3Float64 seed[],
                                        size_t n_seed, fmi3Float64 sensitivity[], size_t n_sensitivity)
{
    OF(c);
    uint32_t of[N_SLOTS], by[N_SLOTS];
    const size_t n_of = expand(unknowns, n_unknowns, of, N_SLOTS), n_by = expand(knowns, n_knowns, by, N_SLOTS);
    if (n_of != n_sensitivity || n_by != n_seed || directional_derivative(&m->d, of, n_of, by, n_by, seed, sensitivity))
        return fail(m, fmi3Error, "fmi3GetDirectionalDerivative: a value without a derivative, or wrong sizes");
    return fmi3OK;
}

fmi3Status fmi3GetAdjointDerivative(fmi3Instance c, const fmi3ValueReference unknowns[], size_t n_unknowns,
                                    const fmi3ValueReference knowns[], size_t n_knowns, const fmi3Float64 seed[],
                                    size_t n_seed, fmi3Float64 sensitivity[], size_t n_sensitivity)
{
    OF(c);
    uint32_t of[N_SLOTS], by[N_SLOTS];
    const size_t n_of = expand(unknowns, n_unknowns, of, N_SLOTS), n_by = expand(knowns, n_knowns, by, N_SLOTS);
    if (n_of != n_seed || n_by != n_sensitivity)
        return fail(m, fmi3Error, "fmi3GetAdjointDerivative: wrong sizes");
    const double one = 1;
    for (size_t i = 0; i < n_by; i++) {
        double column[N_SLOTS];
        if (directional_derivative(&m->d, of, n_of, by + i, 1, &one, column))
            return fail(m, fmi3Error, "fmi3GetAdjointDerivative: a value without a derivative");
        sensitivity[i] = 0;
        for (size_t j = 0; j < n_of; j++)
            sensitivity[i] += column[j] * seed[j];
    }
    return fmi3OK;
}

/* ---- Model exchange ---- */

fmi3Status fmi3EnterEventMode(fmi3Instance c)
{
    OF(c);
    m->d.mode = EVENT;
    return fmi3OK;
}

fmi3Status fmi3UpdateDiscreteStates(fmi3Instance c, fmi3Boolean *needs_update, fmi3Boolean *terminate,
                                    fmi3Boolean *nominals_changed, fmi3Boolean *values_changed, fmi3Boolean *has_next,
                                    fmi3Float64 *next)
{
    OF(c);
    *needs_update = *terminate = *nominals_changed = *values_changed = *has_next = fmi3False;
    *next = 0;
    return fmi3OK;
}

fmi3Status fmi3EvaluateDiscreteStates(fmi3Instance c)
{
    (void)c;
    return fmi3OK;
}

fmi3Status fmi3EnterContinuousTimeMode(fmi3Instance c)
{
    OF(c);
    if (m->is_co_simulation)
        return fail(m, fmi3Error, "fmi3EnterContinuousTimeMode in co-simulation");
    m->d.mode = CONTINUOUS;
    return fmi3OK;
}

fmi3Status fmi3CompletedIntegratorStep(fmi3Instance c, fmi3Boolean no_state_before, fmi3Boolean *enter_event_mode,
                                       fmi3Boolean *terminate)
{
    (void)no_state_before;
    OF(c);
    *enter_event_mode = *terminate = fmi3False;
    return fmi3OK;
}

fmi3Status fmi3SetTime(fmi3Instance c, fmi3Float64 time)
{
    OF(c);
    m->d.time = time;
    make_stale(&m->d, STALE_OUTPUTS);
    return fmi3OK;
}

fmi3Status fmi3SetContinuousStates(fmi3Instance c, const fmi3Float64 x[], size_t n)
{
    OF(c);
    if (n != N_STATES)
        return fail(m, fmi3Error, "fmi3SetContinuousStates: a wrong number of states");
    memcpy(m->d.x, x, n * sizeof *x);
    make_stale(&m->d, STALE_OUTPUTS);
    return fmi3OK;
}

fmi3Status fmi3GetContinuousStateDerivatives(fmi3Instance c, fmi3Float64 derivatives[], size_t n)
{
    OF(c);
    if (n != N_STATES)
        return fail(m, fmi3Error, "fmi3GetContinuousStateDerivatives: a wrong number of states");
    refresh(&m->d);
    memcpy(derivatives, m->d.dx, n * sizeof *derivatives);
    return fmi3OK;
}

fmi3Status fmi3GetContinuousStates(fmi3Instance c, fmi3Float64 x[], size_t n)
{
    OF(c);
    if (n != N_STATES)
        return fail(m, fmi3Error, "fmi3GetContinuousStates: a wrong number of states");
    refresh(&m->d);
    memcpy(x, m->d.x, n * sizeof *x);
    return fmi3OK;
}

fmi3Status fmi3GetNominalsOfContinuousStates(fmi3Instance c, fmi3Float64 nominals[], size_t n)
{
    OF(c);
    if (n != N_STATES)
        return fail(m, fmi3Error, "fmi3GetNominalsOfContinuousStates: a wrong number of states");
    memcpy(nominals, nominal_states, n * sizeof *nominals);
    return fmi3OK;
}

fmi3Status fmi3GetEventIndicators(fmi3Instance c, fmi3Float64 indicators[], size_t n)
{
    (void)c, (void)indicators;
    return n ? fmi3Error : fmi3OK;
}

fmi3Status fmi3GetNumberOfEventIndicators(fmi3Instance c, size_t *n)
{
    (void)c;
    *n = 0;
    return fmi3OK;
}

fmi3Status fmi3GetNumberOfContinuousStates(fmi3Instance c, size_t *n)
{
    (void)c;
    *n = N_STATES;
    return fmi3OK;
}

/* ---- Co-simulation ---- */

fmi3Status fmi3EnterStepMode(fmi3Instance c)
{
    OF(c);
    if (!m->is_co_simulation)
        return fail(m, fmi3Error, "fmi3EnterStepMode in model exchange");
    m->d.mode = STEP;
    return fmi3OK;
}

fmi3Status fmi3DoStep(fmi3Instance c, fmi3Float64 time, fmi3Float64 step, fmi3Boolean no_state_before,
                      fmi3Boolean *event_needed, fmi3Boolean *terminate, fmi3Boolean *early_return,
                      fmi3Float64 *last_successful_time)
{
    (void)no_state_before;
    OF(c);
    *event_needed = *terminate = *early_return = fmi3False;
    *last_successful_time = m->d.time;
    if (m->d.mode != STEP)
        return fail(m, fmi3Error, "fmi3DoStep outside of step mode");
    if (!(step > 0) || !isfinite(time + step))
        return fail(m, fmi3Error, "fmi3DoStep with a step that is not positive and finite");
    if (m->d.time != time) {
        m->d.time = time;
        make_stale(&m->d, STALE_OUTPUTS);
    }
    const char *problem = advance(&m->d, step);
    *last_successful_time = m->d.time;
    return problem ? fail(m, fmi3Discard, problem) : fmi3OK;
}

/* ---- What this FMU does not have: its capability flags say so ---- */

#define DEFINE_UNSUPPORTED(name, ...) \
    fmi3Status name(__VA_ARGS__) \
    { \
        return fmi3Error; \
    }

#pragma GCC diagnostic ignored "-Wunused-parameter"
DEFINE_UNSUPPORTED(fmi3EnterConfigurationMode, fmi3Instance c)
DEFINE_UNSUPPORTED(fmi3ExitConfigurationMode, fmi3Instance c)
DEFINE_UNSUPPORTED(fmi3GetNumberOfVariableDependencies, fmi3Instance c, fmi3ValueReference vr, size_t *n)
DEFINE_UNSUPPORTED(fmi3GetVariableDependencies, fmi3Instance c, fmi3ValueReference dependent, size_t elements[],
                   fmi3ValueReference independents[], size_t independent_elements[], fmi3DependencyKind kinds[],
                   size_t n)
DEFINE_UNSUPPORTED(fmi3GetOutputDerivatives, fmi3Instance c, const fmi3ValueReference vr[], size_t n,
                   const fmi3Int32 orders[], fmi3Float64 values[], size_t n_values)
DEFINE_UNSUPPORTED(fmi3ActivateModelPartition, fmi3Instance c, fmi3ValueReference clock, fmi3Float64 time)
DEFINE_UNSUPPORTED(fmi3GetIntervalDecimal, fmi3Instance c, const fmi3ValueReference vr[], size_t n,
                   fmi3Float64 intervals[], fmi3IntervalQualifier qualifiers[])
DEFINE_UNSUPPORTED(fmi3GetIntervalFraction, fmi3Instance c, const fmi3ValueReference vr[], size_t n,
                   fmi3UInt64 counters[], fmi3UInt64 resolutions[], fmi3IntervalQualifier qualifiers[])
DEFINE_UNSUPPORTED(fmi3GetShiftDecimal, fmi3Instance c, const fmi3ValueReference vr[], size_t n, fmi3Float64 shifts[])
DEFINE_UNSUPPORTED(fmi3GetShiftFraction, fmi3Instance c, const fmi3ValueReference vr[], size_t n,
                   fmi3UInt64 counters[], fmi3UInt64 resolutions[])
DEFINE_UNSUPPORTED(fmi3SetIntervalDecimal, fmi3Instance c, const fmi3ValueReference vr[], size_t n,
                   const fmi3Float64 intervals[])
DEFINE_UNSUPPORTED(fmi3SetIntervalFraction, fmi3Instance c, const fmi3ValueReference vr[], size_t n,
                   const fmi3UInt64 counters[], const fmi3UInt64 resolutions[])
DEFINE_UNSUPPORTED(fmi3SetShiftDecimal, fmi3Instance c, const fmi3ValueReference vr[], size_t n,
                   const fmi3Float64 shifts[])
DEFINE_UNSUPPORTED(fmi3SetShiftFraction, fmi3Instance c, const fmi3ValueReference vr[], size_t n,
                   const fmi3UInt64 counters[], const fmi3UInt64 resolutions[])
