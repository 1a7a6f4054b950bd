/* What FMI 2.0 and 3.0 share: an instance's data, access by value reference, and the integrator.
 *
 * The generated kernel (sizes, tables, model_* functions) is included before. There are no variables outside of an
 * instance. A value reference is a place in [time | states | outputs | parameters and inputs | state derivatives].
 */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT_LEAST_ONE(n) ((n) ? (n) : 1)
#define N_SLOTS (1 + N_STATES + N_OUTPUTS + N_PARAMETERS + N_STATES)
#define DEFAULT_TOLERANCE 1e-6
#define MAX_STEPS 100000

typedef enum { INSTANTIATED = 1, INITIALIZATION = 2, EVENT = 4, CONTINUOUS = 8, STEP = 16, TERMINATED = 32 } Mode;
enum { IS_FIXED, IS_TUNABLE, IS_INPUT };
enum { IS_CURRENT, STALE_OUTPUTS, STALE_FROZEN, STALE_STARTS }; /* each includes those before it */

/* All that a saved FMU state holds. */
typedef struct {
    double time, tolerance, step; /* step: the integrator's next choice, 0 for none yet */
    double x[AT_LEAST_ONE(N_STATES)], dx[AT_LEAST_ONE(N_STATES)];
    double y[AT_LEAST_ONE(N_OUTPUTS)];
    double p[AT_LEAST_ONE(N_PARAMETERS)];
    double c[AT_LEAST_ONE(N_FROZEN)];
    int32_t mode, stale;
} Data;

typedef struct {
    Data d;
    int is_co_simulation;
    void *environment;
    void *logger;
    const char *name;
} Instance;

static void reset(Data *d)
{
    memset(d, 0, sizeof *d);
    d->tolerance = DEFAULT_TOLERANCE;
    d->mode = INSTANTIATED;
    d->stale = STALE_STARTS;
    memcpy(d->p, default_parameters, N_PARAMETERS * sizeof(double));
    memcpy(d->x, default_states, N_STATES * sizeof(double));
}

static Instance *create(const char *name, int is_co_simulation, void *environment, void *logger)
{
    const size_t length = name ? strlen(name) + 1 : 1;
    Instance *m = malloc(sizeof *m + length);
    if (!m)
        return NULL;
    m->is_co_simulation = is_co_simulation;
    m->environment = environment;
    m->logger = logger;
    m->name = memcpy(m + 1, name ? name : "", length);
    reset(&m->d);
    return m;
}

static void make_stale(Data *d, int how)
{
    if (d->stale < how)
        d->stale = how;
}

/* Bring frozen values up to date, and start values while the importer may still change what they depend on. */
static void refresh_frozen(Data *d)
{
    if (d->stale >= STALE_STARTS)
        model_start(d->p, d->x);
    if (d->stale >= STALE_FROZEN) {
        model_freeze(d->p, d->c);
        d->stale = STALE_OUTPUTS;
    }
}

static void refresh(Data *d)
{
    if (d->stale == IS_CURRENT)
        return;
    refresh_frozen(d);
    model_evaluate(d->time, d->x, d->p, d->c, d->dx, d->y);
    d->stale = IS_CURRENT;
}

static int is_before_run(const Data *d)
{
    return d->mode & (INSTANTIATED | INITIALIZATION);
}

/* Return 0, or 1 if there is no such value. */
static int get_value(Data *d, size_t slot, double *value)
{
    if (slot == 0) {
        *value = d->time;
        return 0;
    }
    slot -= 1;
    if (slot < N_STATES) {
        if (d->stale >= STALE_STARTS)
            refresh(d);
        *value = d->x[slot];
        return 0;
    }
    slot -= N_STATES;
    if (slot >= N_OUTPUTS && slot < N_OUTPUTS + N_PARAMETERS) {
        *value = d->p[slot - N_OUTPUTS];
        return 0;
    }
    refresh(d);
    if (slot < N_OUTPUTS) {
        *value = d->y[slot];
        return 0;
    }
    slot -= N_OUTPUTS + N_PARAMETERS;
    if (slot >= N_STATES)
        return 1;
    *value = d->dx[slot];
    return 0;
}

/* Return 0, or 1 if there is no such value or it cannot be set now. */
static int set_value(Data *d, size_t slot, double value)
{
    if (slot >= 1 && slot < 1 + N_STATES) {
        if (!is_before_run(d) || !state_is_settable[slot - 1])
            return 1;
        d->x[slot - 1] = value;
        make_stale(d, STALE_OUTPUTS);
        return 0;
    }
    const size_t i = slot - (1 + N_STATES + N_OUTPUTS);
    if (slot < 1 + N_STATES + N_OUTPUTS || i >= N_PARAMETERS)
        return 1;
    if (parameter_kinds[i] == IS_FIXED && !is_before_run(d))
        return 1;
    if (memcmp(&d->p[i], &value, sizeof value) != 0) {
        d->p[i] = value;
        make_stale(d, is_before_run(d) ? STALE_STARTS : STALE_FROZEN);
    }
    return 0;
}

/* ---- Dormand-Prince 5(4) with error control: Dormand & Prince, J. Comput. Appl. Math. 6 (1980) 19-26 ---- */

#define EACH_STATE for (int i = 0; i < N_STATES; i++)

/* Return the 2-norm of the error over the tolerated error: above 1 is too much; four sums, so that they overlap. */
static double error_norm(const double *restrict error, const double *restrict x, const double *restrict next, double tolerance)
{
    double ratio[N_STATES + 4] = {0}, sum[4] = {0};
    EACH_STATE {
        const double size = fabs(x[i]) > fabs(next[i]) ? fabs(x[i]) : fabs(next[i]);
        const double r = error[i] / (tolerance * (0.01 * nominal_states[i] + size));
        ratio[i] = r * r;
    }
    for (int i = 0; i < N_STATES; i += 4)
        for (int j = 0; j < 4; j++)
            sum[j] += ratio[i + j];
    return sqrt((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

/* Return by how much to change the step after an error: 0.9 error^(-1/5), within 0.2 and 5. */
static double step_factor(double error)
{
    if (error < 1.8e-4)
        return 5;
    const double factor = 0.9 * pow(error, -0.2);
    return factor < 0.2 ? 0.2 : factor;
}

typedef struct {
    double k[7][AT_LEAST_ONE(N_STATES)];
    double next[AT_LEAST_ONE(N_STATES)];
} Stages;

/* Take a trial step of h from d->x; the last stage computes outputs too where the step ends at a communication point. */
static double trial_step(Data *d, Stages *s, double t, double h, int is_last)
{
    const double *restrict x = d->x, *p = d->p, *c = d->c;
    double *restrict w = s->next;
    double(*restrict k)[AT_LEAST_ONE(N_STATES)] = s->k;
    double error[AT_LEAST_ONE(N_STATES)];
    EACH_STATE w[i] = x[i] + h * (1. / 5 * k[0][i]);
    model_derivatives(t + h / 5, w, p, c, k[1]);
    EACH_STATE w[i] = x[i] + h * (3. / 40 * k[0][i] + 9. / 40 * k[1][i]);
    model_derivatives(t + 0.3 * h, w, p, c, k[2]);
    EACH_STATE w[i] = x[i] + h * (44. / 45 * k[0][i] - 56. / 15 * k[1][i] + 32. / 9 * k[2][i]);
    model_derivatives(t + 0.8 * h, w, p, c, k[3]);
    EACH_STATE w[i] = x[i] + h * (19372. / 6561 * k[0][i] - 25360. / 2187 * k[1][i] + 64448. / 6561 * k[2][i]
                                  - 212. / 729 * k[3][i]);
    model_derivatives(t + 8. / 9 * h, w, p, c, k[4]);
    EACH_STATE w[i] = x[i] + h * (9017. / 3168 * k[0][i] - 355. / 33 * k[1][i] + 46732. / 5247 * k[2][i]
                                  + 49. / 176 * k[3][i] - 5103. / 18656 * k[4][i]);
    model_derivatives(t + h, w, p, c, k[5]);
    EACH_STATE w[i] = x[i] + h * (35. / 384 * k[0][i] + 500. / 1113 * k[2][i] + 125. / 192 * k[3][i]
                                  - 2187. / 6784 * k[4][i] + 11. / 84 * k[5][i]);
    if (is_last)
        model_evaluate(t + h, w, p, c, k[6], d->y);
    else
        model_derivatives(t + h, w, p, c, k[6]);
    EACH_STATE error[i] = h * (71. / 57600 * k[0][i] - 71. / 16695 * k[2][i] + 71. / 1920 * k[3][i]
                               - 17253. / 339200 * k[4][i] + 22. / 525 * k[5][i] - 1. / 40 * k[6][i]);
    return error_norm(error, x, w, d->tolerance);
}

static int is_finite(const double *values, int count)
{
    double sum = 0; /* of zeros, unless a value is infinite or NaN */
    for (int i = 0; i < count; i++)
        sum += values[i] * 0.0;
    return sum == 0.0;
}

/* Integrate from t to end; return NULL, or why it cannot be done. */
static const char *integrate(Data *d, Stages *s, double t, double end)
{
    double h = d->step > 0 ? d->step : end - t;
    for (int steps = 0; steps < MAX_STEPS; steps++) {
        const double rest = end - t;
        const int is_last = h >= rest;
        const double trial = is_last ? rest : 2 * h > rest ? rest / 2 : h;
        const double error = trial_step(d, s, t, trial, is_last);
        if (!isfinite(error) && !is_finite(s->k[0], N_STATES))
            return "a state derivative is not finite";
        if (error <= 1) {
            memcpy(d->x, s->next, N_STATES * sizeof(double));
            memcpy(s->k[0], s->k[6], N_STATES * sizeof(double));
            if (is_last) {
                const double next = trial * step_factor(error);
                d->step = next > d->step ? next : d->step;
                return NULL;
            }
            t += trial;
        }
        h = trial * (isfinite(error) ? step_factor(error) : 0.1);
        d->step = h;
        if (h < 1e-13 * (fabs(t) + (end - t)))
            return "the integration step became too small";
    }
    return "the integration needs too many steps";
}

/* Advance by one communication step; return NULL, or the reason for which nothing was changed. */
static const char *advance(Data *d, double step)
{
    Stages s;
    double before[AT_LEAST_ONE(N_STATES)];
    const double end = d->time + step, step_before = d->step;
    refresh_frozen(d);
    if (d->stale)
        model_derivatives(d->time, d->x, d->p, d->c, s.k[0]);
    else
        memcpy(s.k[0], d->dx, N_STATES * sizeof(double));
    memcpy(before, d->x, N_STATES * sizeof(double));
    const char *problem = integrate(d, &s, d->time, end);
    if (!problem && !is_finite(d->x, N_STATES))
        problem = "a state is not finite";
    if (!problem && !is_finite(d->y, N_OUTPUTS))
        problem = "an output is not finite";
    if (problem) {
        memcpy(d->x, before, N_STATES * sizeof(double));
        d->step = step_before;
        d->stale = STALE_OUTPUTS;
        return problem;
    }
    memcpy(d->dx, s.k[0], N_STATES * sizeof(double));
    d->time = end;
    d->stale = IS_CURRENT;
    return NULL;
}

/* ---- Directional derivatives ---- */

/* Put the tangent of one known value in its place; return 1 if it is neither a state nor an input. */
static int seed_tangent(size_t slot, double tangent, double *sx, double *sp)
{
    if (slot >= 1 && slot < 1 + N_STATES) {
        sx[slot - 1] = tangent;
        return 0;
    }
    const size_t i = slot - (1 + N_STATES + N_OUTPUTS);
    if (slot < 1 + N_STATES + N_OUTPUTS || i >= N_PARAMETERS || parameter_kinds[i] != IS_INPUT)
        return 1;
    sp[i] = tangent;
    return 0;
}

/* Derivatives of the values at `unknowns` in the direction `tangents` of the values at `knowns`; 1 if one has none. */
static int directional_derivative(Data *d, const uint32_t *unknowns, size_t n_unknowns, const uint32_t *knowns,
                                  size_t n_knowns, const double *tangents, double *result)
{
    double sx[AT_LEAST_ONE(N_STATES)] = {0}, sp[AT_LEAST_ONE(N_PARAMETERS)] = {0};
    double tx[AT_LEAST_ONE(N_STATES)], ty[AT_LEAST_ONE(N_OUTPUTS)];
    for (size_t i = 0; i < n_knowns; i++)
        if (seed_tangent(knowns[i], tangents[i], sx, sp))
            return 1;
    refresh(d);
    model_tangent(d->time, d->x, d->p, d->c, sx, sp, tx, ty);
    for (size_t i = 0; i < n_unknowns; i++) {
        const size_t slot = unknowns[i];
        if (slot >= 1 && slot < 1 + N_STATES)
            result[i] = sx[slot - 1];
        else if (slot >= 1 + N_STATES && slot < 1 + N_STATES + N_OUTPUTS)
            result[i] = ty[slot - 1 - N_STATES];
        else if (slot >= N_SLOTS - N_STATES && slot < N_SLOTS)
            result[i] = tx[slot - (N_SLOTS - N_STATES)];
        else
            return 1;
    }
    return 0;
}
