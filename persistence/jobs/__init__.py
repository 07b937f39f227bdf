"""Jobs: the queue, the schedules, and work that a dead job still owes."""
