"""The sources of weights: the real file, files in torchvision's layout, and files that are wrong."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor

from backend.engine.propagation import features
from backend.engine.vgg import VGG19, Convolution
from backend.protocol.errors import Failure
from backend.weights import download, sources


def torchvision_state() -> dict[str, Tensor]:
    """A state dict in torchvision's layout with small random values."""
    state = {}
    for number, shape in sources.torchvision_layout().values():
        state[f"features.{number}.weight"] = torch.randn(shape) / 100
        state[f"features.{number}.bias"] = torch.randn(shape[0]) / 100
    return state


def test_the_original_weights_are_whole(convolutions: dict[str, Convolution]) -> None:
    assert sources.original_path().stat().st_size == 20_063_401
    assert convolutions["5_4"].weight.shape == (512, 512, 3, 3)
    assert all(torch.isfinite(value).all() for convolution in convolutions.values() for value in convolution)


def test_a_changed_original_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytearray(sources.original_path().read_bytes())
    data[1000] ^= 1
    (tmp_path / "weights.bin").write_bytes(data)
    with pytest.raises(Failure, match="does not hold") as caught:
        sources._original(tmp_path / "weights.bin")
    assert "SHA-256" in caught.value.sentence


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_in_torchvisions_layout_is_read_with_its_own_preprocessing(tmp_path: Path, suffix: str) -> None:
    state, path = torchvision_state(), tmp_path / f"vgg{suffix}"
    if suffix == ".pth":
        torch.save(state, path)
    else:
        safetensors.torch.save_file(state, path)
    picture = torch.rand(1, 3, 32, 32)
    found = features(VGG19(sources.load(str(path))), picture, ["conv1_1"])["conv1_1"]
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (sources.IMAGENET_MEAN, sources.IMAGENET_STD))
    expected = torch.nn.functional.conv2d((picture - mean) / std, state["features.0.weight"], state["features.0.bias"])
    torch.testing.assert_close(found[..., 1:-1, 1:-1], expected, rtol=1e-3, atol=1e-4)


def _garbage(path: Path) -> None:
    path.write_bytes(b"no weights at all")


def _pickle(path: Path) -> None:
    torch.save({"features.0.weight": Path("code")}, path)


def _other_network(path: Path) -> None:
    torch.save({"conv1.weight": torch.zeros(64, 3, 7, 7)}, path)


def _wrong_shape(path: Path) -> None:
    torch.save({**torchvision_state(), "features.28.weight": torch.zeros(512, 256, 3, 3)}, path)


def _a_list(path: Path) -> None:
    torch.save([torch.zeros(3)], path)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("make", [_garbage, _pickle, _other_network, _wrong_shape, _a_list])
def test_a_wrong_file_gives_one_clear_sentence(tmp_path: Path, make: partial[None], suffix: str) -> None:
    path = tmp_path / f"wrong{suffix}"
    make(path)
    with pytest.raises(Failure) as caught:
        sources.load(str(path))
    assert caught.value.code == "weights-wrong"
    assert str(path) in caught.value.sentence
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="were not found"):
        sources.load(str(tmp_path / "none.pth"))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A real web server with a file whose name ends in its hash, and one whose name lies."""
    folder = tmp_path / "www"
    folder.mkdir()
    data = bytes(range(256)) * 4096
    (folder / f"good-{hashlib.sha256(data).hexdigest()[:8]}.pth").write_bytes(data)
    (folder / "bad-00000000.pth").write_bytes(data)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=folder)) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()


def test_a_download_reports_its_progress_and_arrives_whole(server: str, tmp_path: Path) -> None:
    name = next((tmp_path / "www").glob("good-*")).name
    seen: list[float] = []
    download.fetch(f"{server}/{name}", tmp_path / "cache" / name, seen.append)
    assert (tmp_path / "cache" / name).read_bytes() == (tmp_path / "www" / name).read_bytes()
    assert seen == sorted(seen)
    assert seen[-1] == 1


@pytest.mark.parametrize("name", ["bad-00000000.pth", "missing-00000000.pth"])
def test_a_download_that_is_not_what_its_name_says_leaves_nothing(server: str, tmp_path: Path, name: str) -> None:
    with pytest.raises(Failure, match="could not be downloaded"):
        download.fetch(f"{server}/{name}", tmp_path / "cache" / name, lambda fraction: None)
    assert list((tmp_path / "cache").iterdir()) == []


def test_an_unreachable_server_gives_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="could not be downloaded") as caught:
        download.fetch("http://127.0.0.1:9/x-00000000.pth", tmp_path / "x-00000000.pth", lambda fraction: None)
    assert "original" in caught.value.remedy
