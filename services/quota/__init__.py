"""The quota: budgets, costs, and the algorithm that refills them."""
