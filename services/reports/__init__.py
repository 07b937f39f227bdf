"""Reports: the transactions between two times, and the sales by period."""
