"""Background jobs: what waits, runs or has failed; failed ones are retried or discarded."""
