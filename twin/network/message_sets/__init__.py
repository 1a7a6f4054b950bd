"""Sets of periodic messages on one bus: what bounds their responses, and what they do when simulated."""
