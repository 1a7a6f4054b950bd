#pragma once

enum { SLOTS = 18 };
enum { STATUS_OK, STATUS_WARNING, STATUS_DISCARD, STATUS_ERROR, STATUS_FATAL };
/* Values of the input `command`; 1 to 4 are statuses of the step. */
enum { COMMAND_NAN = 5, COMMAND_TERMINATE = 6, COMMAND_FAIL_GET = 7, COMMAND_FAIL_SET = 8 };

/* Everything in it is state: a snapshot is a copy. */
typedef struct {
    double slot[SLOTS];
} Tank;

Tank *tank_new(void);
void tank_reset(Tank *tank);
int tank_initialize(Tank *tank);
int tank_step(Tank *tank, double time, double step);
int tank_command(const Tank *tank);
double tank_get(Tank *tank, int slot);
