"""Reads web-server access logs, finds the tracking-pixel requests in them, and answers what people track for."""

__version__ = "0.1.0"
