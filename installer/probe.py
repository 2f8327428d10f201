"""Run by the private environment's Python: looks at the installed backend from inside, one JSON line a finding."""

from __future__ import annotations

import json
import os
from collections.abc import Callable


def imports() -> str:
    """The heavy packages load."""
    import numba
    import numpy
    import pyvips
    import torch
    import zmq

    versions = {module.__name__: module.__version__ for module in (torch, numpy, numba, pyvips)}
    return ", ".join(f"{name} {version}" for name, version in {**versions, "pyzmq": zmq.__version__}.items())


def weights() -> str:
    """The original weights are there and are what they claim to be."""
    from backend.weights.sources import load

    return f"original VGG-19, {len(load('original'))} layers, SHA-256 right"


def device() -> str:
    """What `auto` paints on."""
    from backend.service.device import describe_device

    found = describe_device()
    return f"{', '.join(found['devices'])}, {found['precision']}"


def backend() -> str:
    """A backend starts, or runs already, and answers."""
    from backend.protocol.client import connect

    with connect(backend="local") as running:
        status = running.status()
    return f"version {status['version']}, process {status['pid']}"


def bridge() -> str:
    """A client whose Python has no pyzmq reaches it too."""
    os.environ["NEURAL_STYLE_CLIENT"] = "bridge"
    backend()
    return "works, for a GIMP whose Python cannot load pyzmq"


def tell(name: str, look: Callable[[], str]) -> None:
    """Print a finding; what went wrong in one line, if something did."""
    try:
        finding = {"name": name, "ok": True, "text": look()}
    except Exception as error:  # whatever it is, the doctor is to say it
        text = " ".join(str(error).split()) or type(error).__name__
        finding = {"name": name, "ok": False, "text": text, "remedy": getattr(error, "remedy", "")}
    print(json.dumps(finding), flush=True)


if __name__ == "__main__":
    looks = {"Libraries": imports, "Weights": weights, "Device": device, "Backend": backend, "Bridge": bridge}
    for name, look in looks.items():
        tell(name, look)
