/* The least a tank can do: what costs time on it is the engine. */
#include <stdlib.h>
#include <string.h>

#include "tank.h"

enum { INFLOW = 0, LEVEL = 10 };

Tank *tank_new(void) { return calloc(1, sizeof(Tank)); }

void tank_reset(Tank *tank) { memset(tank, 0, sizeof *tank); }

int tank_initialize(Tank *tank) { return tank ? STATUS_OK : STATUS_ERROR; }

int tank_step(Tank *tank, double time, double step) {
    (void)time;
    tank->slot[LEVEL] += step * (tank->slot[INFLOW] - tank->slot[LEVEL]);
    return STATUS_OK;
}

int tank_command(const Tank *tank) { return tank ? 0 : 1; }

double tank_get(Tank *tank, int slot) { return tank->slot[slot]; }
