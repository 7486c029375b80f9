"""Support for tests: fakes, builders, the simulated world, a browser."""
