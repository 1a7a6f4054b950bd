"""Workers from the queue of a cluster: its site file, its jobs, its commands."""
