"""Settings of all tests."""

from hypothesis import settings

settings.register_profile("untimed", deadline=None)  # a busy machine is no failure; speed is the benchmarks' matter
settings.load_profile("untimed")
