"""The REST face: routes written once, shaped by two dialects."""
