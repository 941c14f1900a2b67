"""The pixel protocols that pixelstat knows: one a file, in the order of `protocols.NAMES`."""
