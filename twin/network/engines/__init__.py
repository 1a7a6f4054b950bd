"""What computes networks: one promise (``engine``), two engines that keep it, and all that they tell."""
