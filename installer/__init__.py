"""Sets up, checks and removes Neural Style on a user's machine. Standard library only, Python 3.10+.

The one thing imported from outside is `backend.protocol`, for where an installation lies: its modules
`installation`, `errors` and `lock` need the standard library only, too.
"""
