"""The command, as `python -m local.stand_ins.todo`."""

import sys

from local.stand_ins.todo.cli import main

sys.exit(main(sys.argv[1:]))
