"""Jobs: the queue, the schedules, and what a job should have finished long ago."""
