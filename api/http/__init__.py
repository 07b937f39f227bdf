"""HTTP around every call: the edge, requests, responses, and pages beside the operations."""
