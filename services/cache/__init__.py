"""What Redis keeps for all processes: answers that are the same for every caller, and queries."""
