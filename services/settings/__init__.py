"""Settings, read from the environment: one class, made of parts."""
