/* The FMI 2.0 interface of a generated kernel: model exchange and co-simulation. */
#include "fmi2Functions.h"

#include "kernel.h"

#include "core.h"

#define OF(component) \
    Instance *const m = (component); \
    if (!m) \
        return fmi2Error

/* Tell the importer why something failed. */
static fmi2Status fail(const Instance *m, fmi2Status status, const char *reason)
{
    const fmi2CallbackLogger logger = (fmi2CallbackLogger)m->logger;
    if (logger)
        logger(m->environment, m->name, status, "logStatusError", "%s at time %g s", reason, m->d.time);
    return status;
}

const char *fmi2GetTypesPlatform(void)
{
    return fmi2TypesPlatform;
}

const char *fmi2GetVersion(void)
{
    return fmi2Version;
}

fmi2Status fmi2SetDebugLogging(fmi2Component c, fmi2Boolean on, size_t n, const fmi2String categories[])
{
    (void)c, (void)on, (void)n, (void)categories;
    return fmi2OK;
}

fmi2Component fmi2Instantiate(fmi2String name, fmi2Type type, fmi2String guid, fmi2String resources,
                              const fmi2CallbackFunctions *functions, fmi2Boolean visible, fmi2Boolean logging)
{
    (void)resources, (void)visible, (void)logging;
    const fmi2CallbackLogger logger = functions ? functions->logger : NULL;
    void *const environment = functions ? functions->componentEnvironment : NULL;
    if (!guid || strcmp(guid, TOKEN) != 0) {
        if (logger)
            logger(environment, name, fmi2Error, "logStatusError", "the GUID is not that of this FMU");
        return NULL;
    }
    return create(name, type == fmi2CoSimulation, environment, (void *)logger);
}

void fmi2FreeInstance(fmi2Component c)
{
    free(c);
}

fmi2Status fmi2SetupExperiment(fmi2Component c, fmi2Boolean has_tolerance, fmi2Real tolerance, fmi2Real start,
                               fmi2Boolean has_stop, fmi2Real stop)
{
    (void)has_stop, (void)stop;
    OF(c);
    if (m->d.mode != INSTANTIATED)
        return fail(m, fmi2Error, "fmi2SetupExperiment after initialization began");
    m->d.time = start;
    if (has_tolerance && tolerance > 0)
        m->d.tolerance = tolerance;
    make_stale(&m->d, STALE_OUTPUTS);
    return fmi2OK;
}

fmi2Status fmi2EnterInitializationMode(fmi2Component c)
{
    OF(c);
    if (m->d.mode != INSTANTIATED)
        return fail(m, fmi2Error, "fmi2EnterInitializationMode twice");
    m->d.mode = INITIALIZATION;
    return fmi2OK;
}

fmi2Status fmi2ExitInitializationMode(fmi2Component c)
{
    OF(c);
    if (m->d.mode != INITIALIZATION)
        return fail(m, fmi2Error, "fmi2ExitInitializationMode outside of initialization");
    refresh(&m->d);
    m->d.mode = m->is_co_simulation ? STEP : EVENT;
    return fmi2OK;
}

fmi2Status fmi2Terminate(fmi2Component c)
{
    OF(c);
    m->d.mode = TERMINATED;
    return fmi2OK;
}

fmi2Status fmi2Reset(fmi2Component c)
{
    OF(c);
    reset(&m->d);
    return fmi2OK;
}

/* Values of each type are doubles inside. */
#define DEFINE_GET_SET(Name, Type, from_double, to_double) \
    fmi2Status fmi2Get##Name(fmi2Component c, const fmi2ValueReference vr[], size_t n, Type values[]) \
    { \
        OF(c); \
        for (size_t i = 0; i < n; i++) { \
            double value; \
            if (get_value(&m->d, vr[i], &value)) \
                return fail(m, fmi2Error, "fmi2Get" #Name ": no such value reference"); \
            values[i] = from_double; \
        } \
        return fmi2OK; \
    } \
    fmi2Status fmi2Set##Name(fmi2Component c, const fmi2ValueReference vr[], size_t n, const Type values[]) \
    { \
        OF(c); \
        for (size_t i = 0; i < n; i++) { \
            const Type value = values[i]; \
            if (set_value(&m->d, vr[i], to_double)) \
                return fail(m, fmi2Error, "fmi2Set" #Name ": a value that cannot be set now"); \
        } \
        return fmi2OK; \
    }

DEFINE_GET_SET(Real, fmi2Real, value, value)
DEFINE_GET_SET(Integer, fmi2Integer, (fmi2Integer)value, (double)value)
DEFINE_GET_SET(Boolean, fmi2Boolean, value != 0.0, (double)(value != 0))

fmi2Status fmi2GetString(fmi2Component c, const fmi2ValueReference vr[], size_t n, fmi2String values[])
{
    (void)c, (void)vr, (void)values;
    return n ? fmi2Error : fmi2OK;
}

fmi2Status fmi2SetString(fmi2Component c, const fmi2ValueReference vr[], size_t n, const fmi2String values[])
{
    (void)c, (void)vr, (void)values;
    return n ? fmi2Error : fmi2OK;
}

/* ---- FMU state ---- */

fmi2Status fmi2GetFMUstate(fmi2Component c, fmi2FMUstate *state)
{
    OF(c);
    if (!*state)
        *state = malloc(sizeof(Data));
    if (!*state)
        return fail(m, fmi2Error, "out of memory");
    memcpy(*state, &m->d, sizeof(Data));
    return fmi2OK;
}

fmi2Status fmi2SetFMUstate(fmi2Component c, fmi2FMUstate state)
{
    OF(c);
    if (!state)
        return fail(m, fmi2Error, "fmi2SetFMUstate without a state");
    memcpy(&m->d, state, sizeof(Data));
    return fmi2OK;
}

fmi2Status fmi2FreeFMUstate(fmi2Component c, fmi2FMUstate *state)
{
    (void)c;
    if (state) {
        free(*state);
        *state = NULL;
    }
    return fmi2OK;
}

fmi2Status fmi2SerializedFMUstateSize(fmi2Component c, fmi2FMUstate state, size_t *size)
{
    (void)c, (void)state;
    *size = sizeof(Data);
    return fmi2OK;
}

fmi2Status fmi2SerializeFMUstate(fmi2Component c, fmi2FMUstate state, fmi2Byte bytes[], size_t size)
{
    OF(c);
    if (!state || size < sizeof(Data))
        return fail(m, fmi2Error, "fmi2SerializeFMUstate: no state, or too few bytes for it");
    memcpy(bytes, state, sizeof(Data));
    return fmi2OK;
}

fmi2Status fmi2DeSerializeFMUstate(fmi2Component c, const fmi2Byte bytes[], size_t size, fmi2FMUstate *state)
{
    OF(c);
    if (size != sizeof(Data))
        return fail(m, fmi2Error, "fmi2DeSerializeFMUstate: not a state of this FMU");
    if (!*state)
        *state = malloc(sizeof(Data));
    if (!*state)
        return fail(m, fmi2Error, "out of memory");
    memcpy(*state, bytes, sizeof(Data));
    return fmi2OK;
}

fmi2Status fmi2GetDirectionalDerivative(fmi2Component c, const fmi2ValueReference unknowns[], size_t n_unknowns,
                                        const fmi2ValueReference knowns[], size_t n_knowns, const fmi2Real tangents[],
                                        fmi2Real result[])
{
    OF(c);
    if (directional_derivative(&m->d, unknowns, n_unknowns, knowns, n_knowns, tangents, result))
        return fail(m, fmi2Error, "fmi2GetDirectionalDerivative: a value without a derivative");
    return fmi2OK;
}

/* ---- Model exchange ---- */

fmi2Status fmi2EnterEventMode(fmi2Component c)
{
    OF(c);
    m->d.mode = EVENT;
    return fmi2OK;
}

fmi2Status fmi2NewDiscreteStates(fmi2Component c, fmi2EventInfo *info)
{
    OF(c);
    memset(info, 0, sizeof *info);
    return fmi2OK;
}

fmi2Status fmi2EnterContinuousTimeMode(fmi2Component c)
{
    OF(c);
    m->d.mode = CONTINUOUS;
    return fmi2OK;
}

fmi2Status fmi2CompletedIntegratorStep(fmi2Component c, fmi2Boolean no_state_before, fmi2Boolean *enter_event_mode,
                                       fmi2Boolean *terminate)
{
    (void)no_state_before;
    OF(c);
    *enter_event_mode = fmi2False;
    *terminate = fmi2False;
    return fmi2OK;
}

fmi2Status fmi2SetTime(fmi2Component c, fmi2Real time)
{
    OF(c);
    m->d.time = time;
    make_stale(&m->d, STALE_OUTPUTS);
    return fmi2OK;
}

fmi2Status fmi2SetContinuousStates(fmi2Component c, const fmi2Real x[], size_t n)
{
    OF(c);
    if (n != N_STATES)
        return fail(m, fmi2Error, "fmi2SetContinuousStates: a wrong number of states");
    memcpy(m->d.x, x, n * sizeof *x);
    make_stale(&m->d, STALE_OUTPUTS);
    return fmi2OK;
}

fmi2Status fmi2GetDerivatives(fmi2Component c, fmi2Real derivatives[], size_t n)
{
    OF(c);
    if (n != N_STATES)
        return fail(m, fmi2Error, "fmi2GetDerivatives: a wrong number of states");
    refresh(&m->d);
    memcpy(derivatives, m->d.dx, n * sizeof *derivatives);
    return fmi2OK;
}

fmi2Status fmi2GetEventIndicators(fmi2Component c, fmi2Real indicators[], size_t n)
{
    (void)c, (void)indicators;
    return n ? fmi2Error : fmi2OK;
}

fmi2Status fmi2GetContinuousStates(fmi2Component c, fmi2Real x[], size_t n)
{
    OF(c);
    if (n != N_STATES)
        return fail(m, fmi2Error, "fmi2GetContinuousStates: a wrong number of states");
    refresh(&m->d);
    memcpy(x, m->d.x, n * sizeof *x);
    return fmi2OK;
}

fmi2Status fmi2GetNominalsOfContinuousStates(fmi2Component c, fmi2Real nominals[], size_t n)
{
    OF(c);
    if (n != N_STATES)
        return fail(m, fmi2Error, "fmi2GetNominalsOfContinuousStates: a wrong number of states");
    memcpy(nominals, nominal_states, n * sizeof *nominals);
    return fmi2OK;
}

/* ---- Co-simulation ---- */

fmi2Status fmi2DoStep(fmi2Component c, fmi2Real time, fmi2Real step, fmi2Boolean no_state_before)
{
    (void)no_state_before;
    OF(c);
    if (m->d.mode != STEP)
        return fail(m, fmi2Error, "fmi2DoStep outside of step mode");
    if (!(step >= 0) || !isfinite(time + step))
        return fail(m, fmi2Error, "fmi2DoStep with a negative or infinite step");
    if (m->d.time != time) {
        m->d.time = time;
        make_stale(&m->d, STALE_OUTPUTS);
    }
    if (step == 0)
        return fmi2OK;
    const char *problem = advance(&m->d, step);
    return problem ? fail(m, fmi2Discard, problem) : fmi2OK;
}

fmi2Status fmi2CancelStep(fmi2Component c)
{
    (void)c;
    return fmi2Error;
}

fmi2Status fmi2SetRealInputDerivatives(fmi2Component c, const fmi2ValueReference vr[], size_t n,
                                       const fmi2Integer order[], const fmi2Real values[])
{
    (void)c, (void)vr, (void)n, (void)order, (void)values;
    return fmi2Error;
}

fmi2Status fmi2GetRealOutputDerivatives(fmi2Component c, const fmi2ValueReference vr[], size_t n,
                                        const fmi2Integer order[], fmi2Real values[])
{
    (void)c, (void)vr, (void)n, (void)order, (void)values;
    return fmi2Error;
}

fmi2Status fmi2GetRealStatus(fmi2Component c, const fmi2StatusKind kind, fmi2Real *value)
{
    OF(c);
    if (kind != fmi2LastSuccessfulTime)
        return fmi2Discard;
    *value = m->d.time;
    return fmi2OK;
}

fmi2Status fmi2GetBooleanStatus(fmi2Component c, const fmi2StatusKind kind, fmi2Boolean *value)
{
    OF(c);
    if (kind != fmi2Terminated)
        return fmi2Discard;
    *value = fmi2False;
    return fmi2OK;
}

#define DEFINE_NO_STATUS(Name, Type) \
    fmi2Status fmi2Get##Name(fmi2Component c, const fmi2StatusKind kind, Type *value) \
    { \
        (void)c, (void)kind, (void)value; \
        return fmi2Discard; \
    }

DEFINE_NO_STATUS(Status, fmi2Status)
DEFINE_NO_STATUS(IntegerStatus, fmi2Integer)
DEFINE_NO_STATUS(StringStatus, fmi2String)
