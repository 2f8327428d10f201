#!/usr/bin/env python3
"""Set up Neural Style for GIMP: install (the default), demo, test, check, uninstall. `--help` says more.

This file must run on any Python, however old, to say in plain words which one is needed.
"""

import sys

if sys.version_info < (3, 10):  # noqa: UP036
    found = ".".join(map(str, sys.version_info[:3]))
    sys.exit(
        "Neural Style needs Python 3.10 or newer, but this is " + found + ".\n"
        "Run it with a newer one, for example: python3.12 install.py"
    )

from installer.cli import main

if __name__ == "__main__":
    sys.exit(main())
