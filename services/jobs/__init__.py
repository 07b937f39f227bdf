"""Background jobs: the queue, its operations, its schedules and its handlers."""
