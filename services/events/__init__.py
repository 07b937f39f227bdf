"""Events: what operations tell of, who hears it, and the log that readers follow."""
