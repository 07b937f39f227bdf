"""Workers, schedules and jobs."""
