"""torchvision's VGG-19 weights, downloaded once and checked by the hash in their name."""

from __future__ import annotations

import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from backend.protocol.errors import Failure

BLOCK = 1 << 18
TIMEOUT = 20.0


def fetch_torchvision(report: Callable[[float], None]) -> Path:
    """The path of IMAGENET1K_V1's state dict, downloaded into torch's cache if it is not there yet."""
    url = _torchvision_url()
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]
    if not path.exists():
        fetch(url, path, report)
    return path


def fetch(url: str, path: Path, report: Callable[[float], None]) -> None:
    """Download a file named `…-HASH.ext` after the first digits of its SHA-256; whole and true, or not at all."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        digest = _download(url, part, report)
        if not digest.startswith(path.stem.rsplit("-", 1)[-1]):
            raise Failure("weights-download", reason="the file that came is not the one that was asked for")
        os.replace(part, path)
    except (urllib.error.URLError, OSError) as error:
        reason = getattr(error, "reason", None) or error
        raise Failure("weights-download", reason=reason) from None
    finally:
        part.unlink(missing_ok=True)


def _download(url: str, part: Path, report: Callable[[float], None]) -> str:
    digest = hashlib.sha256()
    with urllib.request.urlopen(url, timeout=TIMEOUT) as response, part.open("wb") as file:
        size, done = int(response.headers.get("Content-Length") or 0), 0
        while block := response.read(BLOCK):
            file.write(block)
            digest.update(block)
            done += len(block)
            report(done / size if size else 0.0)
        if done < size:
            raise OSError("the connection ended early")
    return digest.hexdigest()


def _torchvision_url() -> str:
    import_torchvision()
    from torchvision.models import VGG19_Weights

    return str(VGG19_Weights.IMAGENET1K_V1.url)


def import_torchvision() -> None:
    """Import torchvision even where its build is for CUDA and torch's is not.

    Such a torchvision lacks the operators that it decorates at import; declaring them first is all it needs for
    models and transforms.
    """
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        library: Any = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
        library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _declared.append(library)
        import torchvision  # noqa: F401


_declared: list[Any] = []
