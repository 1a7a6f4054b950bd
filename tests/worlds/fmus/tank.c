/* A tank that fails on command: the pool's test world. One model, wrapped as FMI 2.0 or, with -DFMI3, as FMI 3.0. */
#include "tank.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Slots are the scalars of the model, in the order of build.py: arrays are contiguous and row-major. */
enum { INFLOW, COMMAND, LOAD, GAIN = LOAD + 3, WEIGHT, LEVEL_START = WEIGHT + 3, LEVEL, TOTAL, GRID = TOTAL + 3 };

static const double start[SLOTS] = {[GAIN] = 2.0, [WEIGHT] = 1.0, 2.0, 3.0, [LEVEL_START] = 0.5};

Tank *tank_new(void) {
    Tank *tank = calloc(1, sizeof *tank);
    tank_reset(tank);
    return tank;
}

void tank_reset(Tank *tank) { memcpy(tank->slot, start, sizeof start); }

int tank_initialize(Tank *tank) {
    tank->slot[LEVEL] = tank->slot[LEVEL_START];
    return tank->slot[GAIN] < 0.0 ? STATUS_ERROR : STATUS_OK;
}

int tank_step(Tank *tank, double time, double step) {
    double *slot = tank->slot;
    const int command = (int)slot[COMMAND];
    if (command >= STATUS_DISCARD && command <= STATUS_FATAL) return command;
    const double h = step / 4;
    for (int i = 0; i < 4; i++) {
        slot[LEVEL] += h * (slot[INFLOW] - slot[GAIN] * tanh(slot[LEVEL]));
        for (int k = 0; k < 3; k++) slot[TOTAL + k] += h * slot[WEIGHT + k] * slot[LOAD + k] * sin(time + i * h);
    }
    if (command == COMMAND_NAN) slot[LEVEL] = NAN;
    return command == STATUS_WARNING ? STATUS_WARNING : STATUS_OK;
}

int tank_command(const Tank *tank) { return (int)tank->slot[COMMAND]; }

double tank_get(Tank *tank, int slot) {
    if (slot < GRID) return tank->slot[slot];
    return tank->slot[LEVEL] * (slot - GRID + 1) + tank->slot[TOTAL] + tank->slot[INFLOW];
}
