"""The audit log: its operations, its proofs and its chain."""
