"""Small honest implementations of the ports, on one manual clock. tests/contract checks them beside the real ones."""
