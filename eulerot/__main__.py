"""``python -m eulerot``."""

import sys

from eulerot.cli import main

if __name__ == "__main__":
    sys.exit(main())
