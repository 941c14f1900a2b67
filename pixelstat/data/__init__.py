"""Data that ships with pixelstat, and the scripts with which maintainers refresh it."""
