"""Data that ships with pixelstat, and the scripts that refresh it."""
