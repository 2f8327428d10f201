"""What the plug-in, the command line and the service say to each other.

Needs the standard library and pyzmq only, a client even no pyzmq (see `transport`), and uses relative imports only:
`install.py` puts a copy of this package beside the GIMP plug-in, where it is imported as plain `protocol`.
"""
