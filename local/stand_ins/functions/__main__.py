"""`python -m local.stand_ins.functions --app DIR`."""

import sys

from local.stand_ins.functions.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
