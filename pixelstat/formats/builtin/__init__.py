"""The built-in log formats, one file each. `formats.NAMES` has their order."""
