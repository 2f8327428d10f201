"""CURVE keys: made by libzmq, kept in its own text form (Z85), and shown to people as 64 hexadecimal digits.

Z85 has characters that a shell would take for its own; hexadecimal digits can be typed, pasted and compared.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

from .errors import Failure

BYTES = 32
_Z85 = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
_B85 = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"
"""The same digits in the standard library's alphabet: a client may have keys but no pyzmq."""


@dataclass(frozen=True)
class KeyPair:
    """A public key and its secret, both in Z85."""

    public: str
    secret: str

    @classmethod
    def new(cls) -> KeyPair:
        """A fresh pair."""
        import zmq

        public, secret = zmq.curve_keypair()
        return cls(public.decode(), secret.decode())


def shown(key: str) -> str:
    """A key in Z85 as people are shown it."""
    return _decode(key).hex()


def typed(text: str) -> str:
    """The key in Z85 that somebody typed or pasted as hexadecimal digits; a Failure `bad-key` if it is none."""
    try:
        raw = bytes.fromhex(text.strip())
    except ValueError:
        raw = b""
    if len(raw) != BYTES:
        raise Failure("bad-key")
    return base64.b85encode(raw).translate(bytes.maketrans(_B85, _Z85)).decode()


def is_key(value: object) -> bool:
    """Whether a value is a key in Z85."""
    try:
        return isinstance(value, str) and len(value) == 40 and len(_decode(value)) == BYTES
    except ValueError:
        return False


def _decode(key: str) -> bytes:
    """The bytes of a key in Z85; ValueError if it is none."""
    digits = key.encode("ascii")
    if digits.strip(_Z85):
        raise ValueError
    return base64.b85decode(digits.translate(bytes.maketrans(_Z85, _B85)))
