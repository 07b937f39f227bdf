"""The event log: the outbox that transactions write to, and the numbered log that readers read."""
