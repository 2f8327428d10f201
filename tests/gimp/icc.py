"""ICC profiles for tests, which no package brings: wide primaries, and colours in a table instead of a matrix."""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

D50 = np.array([0.9642, 1.0, 0.8249])
ROMM = np.array([[0.7977, 0.1352, 0.0313], [0.2880, 0.7119, 0.0001], [0.0, 0.0, 0.8249]])
"""Columns are the XYZ (D50) of ROMM RGB's red, green and blue, far outside sRGB."""
SRGB = np.array([[0.4361, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7141]])
GAMMA = 1.8
GRID = 33


def wide() -> bytes:
    """A matrix profile with ROMM's primaries."""
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(GAMMA * 256))
    tags = {f"{name}XYZ": _xyz(ROMM[:, column]) for column, name in enumerate("rgb")}
    return _profile(b"XYZ ", tags | {f"{name}TRC": curve for name in "rgb"})


def table() -> bytes:
    """A profile of tables only, in which sRGB's red and blue have changed places: without it, faces are blue."""
    primaries = SRGB[:, ::-1]
    axis = np.linspace(0, 1, GRID)
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1)
    lab = _lab(grid**GAMMA @ primaries.T)
    to_lab = np.stack([lab[..., 0] * 652.8, (lab[..., 1] + 128) * 256, (lab[..., 2] + 128) * 256], -1)
    lightness, a, b = grid[..., 0] * 65535 / 652.8, grid[..., 1] * 65535 / 256 - 128, grid[..., 2] * 65535 / 256 - 128
    linear = _from_lab(np.stack([lightness, a, b], -1)) @ np.linalg.inv(primaries).T
    to_rgb = np.clip(linear, 0, 1) ** (1 / GAMMA) * 65535
    return _profile(b"Lab ", {"A2B0": _lut(to_lab), "B2A0": _lut(to_rgb)})


def _lut(values: Array) -> bytes:
    identity = struct.pack(">9i", *(65536 if i % 4 == 0 else 0 for i in range(9)))
    line = struct.pack(">2H", 0, 65535) * 3
    content = np.clip(values.round(), 0, 65535).astype(">u2").tobytes()
    return b"mft2" + bytes(4) + bytes([3, 3, GRID, 0]) + identity + struct.pack(">2H", 2, 2) + line + content + line


def _profile(connection: bytes, tags: dict[str, bytes]) -> bytes:
    """A version 2 display profile for RGB."""
    tags = {"desc": _description(), "cprt": b"text" + bytes(4) + b"MIT\0", "wtpt": _xyz(D50)} | tags
    start = 128 + 4 + 12 * len(tags)
    directory, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        directory += name.encode() + struct.pack(">2I", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(">I4sI4s4s4s", start + len(body), b"test", 0x02400000, b"mntr", b"RGB ", connection)
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + _fixed(D50)
    return head.ljust(128, b"\0") + directory + body


def _description() -> bytes:
    text = b"Neural Style test\0"
    return b"desc" + bytes(4) + struct.pack(">I", len(text)) + text + bytes(4 + 4 + 2 + 1 + 67)


def _xyz(values: Array) -> bytes:
    return b"XYZ " + bytes(4) + _fixed(values)


def _fixed(values: Array) -> bytes:
    return struct.pack(">3i", *(round(float(value) * 65536) for value in values))


def _lab(xyz: Array) -> Array:
    ratio = xyz / D50
    f = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)


def _from_lab(lab: Array) -> Array:
    y = (lab[..., 0] + 16) / 116
    f = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], -1)
    xyz: Array = np.where(f > 6 / 29, f**3, (116 * f - 16) * 27 / 24389) * D50
    return xyz
