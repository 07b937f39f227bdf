"""Exports: files with a row for each thing of a list, sent as streams."""
