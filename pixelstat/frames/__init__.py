"""Tools for Polars frames that know nothing of logs or events."""
