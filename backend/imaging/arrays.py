"""Between the protocol's pictures and numpy arrays; no torch, so that the command line starts at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from backend.protocol.job import Picture

Array = npt.NDArray[np.generic]

DTYPES: dict[str, type[np.generic]] = {"u8": np.uint8, "u16": np.uint16, "f32": np.float32}
TOPS = {"u8": 255.0, "u16": 65535.0, "f32": 1.0}
"""The value that stands for full intensity at each depth."""


def array_of(picture: Picture) -> Array:
    """The pixels (height, width, channels) as they travel, read-only."""
    array = np.frombuffer(picture.pixels, DTYPES[picture.depth])
    return array.reshape(picture.height, picture.width, picture.channels)


def picture_of(array: Array) -> Picture:
    """A picture from pixels (height, width, channels) of type uint8, uint16 or float32."""
    depth = next(name for name, dtype in DTYPES.items() if array.dtype == dtype)
    height, width, channels = array.shape
    return Picture(width, height, channels, depth, np.ascontiguousarray(array).tobytes())
