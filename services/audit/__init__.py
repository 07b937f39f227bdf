"""The audit log: who did what, and the proofs that nothing was changed."""
