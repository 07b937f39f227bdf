"""Tandem on a laptop: embedded servers, a supervisor for the worker, and the demo shop."""
