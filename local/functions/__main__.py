"""`python -m local.functions --app DIR`."""

import sys

from local.functions.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
