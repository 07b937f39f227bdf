"""Jobs: the queue, the schedules, and overdue work that no job does."""
