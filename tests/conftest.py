"""Settings of all tests."""

from hypothesis import settings

# A busy machine is no failure; speed is the benchmarks' matter. Each run of the suite draws other examples.
settings.register_profile("suite", deadline=None, max_examples=50)
settings.load_profile("suite")
