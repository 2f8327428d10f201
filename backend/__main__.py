"""`python -m backend` is the same program as `neural-style`."""

import sys

from backend.cli import main

if __name__ == "__main__":
    sys.exit(main())
