"""Turn bytes into LINES: find the logs, decompress them, and read their lines on all cores."""
