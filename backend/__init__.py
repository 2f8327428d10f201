"""Neural Style for GIMP: the backend process, its protocol and its command line."""

__version__ = "0.1.0"
