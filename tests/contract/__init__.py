"""One suite per port, run on the fake and on the real adapter with Azurite, so that a fake cannot lie."""
