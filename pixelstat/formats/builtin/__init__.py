"""The log formats that pixelstat knows: one a file, in the order of `formats.NAMES`."""
