"""``python -m eulerot.cli``."""

import sys

from eulerot.cli import main

if __name__ == "__main__":
    sys.exit(main())
