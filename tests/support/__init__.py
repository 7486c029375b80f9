"""What tests share: fakes, builders, the simulated world, a browser."""
