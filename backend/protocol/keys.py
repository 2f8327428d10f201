"""CURVE keys: made by libzmq, kept in its own text form (Z85), and shown to people as 64 hexadecimal digits.

Z85 has characters that a shell would take for its own; hexadecimal digits can be typed, pasted and compared.
"""

from __future__ import annotations

from dataclasses import dataclass

import zmq
from zmq.utils import z85

from .errors import Failure

BYTES = 32


@dataclass(frozen=True)
class KeyPair:
    """A public key and its secret, both in Z85."""

    public: str
    secret: str

    @classmethod
    def new(cls) -> KeyPair:
        """A fresh pair."""
        public, secret = zmq.curve_keypair()
        return cls(public.decode(), secret.decode())


def shown(key: str) -> str:
    """A key in Z85 as people are shown it."""
    return z85.decode(key.encode()).hex()


def typed(text: str) -> str:
    """The key in Z85 that somebody typed or pasted as hexadecimal digits; a Failure `bad-key` if it is none."""
    try:
        raw = bytes.fromhex(text.strip())
    except ValueError:
        raw = b""
    if len(raw) != BYTES:
        raise Failure("bad-key")
    return z85.encode(raw).decode()


def is_key(value: object) -> bool:
    """Whether a value is a key in Z85."""
    try:
        return isinstance(value, str) and len(value) == 40 and len(z85.decode(value.encode())) == BYTES
    except (KeyError, ValueError, UnicodeError):
        return False
