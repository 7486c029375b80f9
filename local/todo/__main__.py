"""The command, as `python -m local.todo`."""

import sys

from local.todo.cli import main

sys.exit(main(sys.argv[1:]))
