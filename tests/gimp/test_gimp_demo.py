"""`install.py demo --gimp`: a GIMP without its window leaves an image with both layers."""

from __future__ import annotations

from pathlib import Path

import pytest
from machine import machine

from installer import gimp_demo
from installer.environment import log_file
from installer.problems import Problem

LAYERS = """
image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path({path!r}))
for layer in image.get_layers():
    pixel = layer.get_pixel(100, 100).get_rgba()
    print("LAYER", layer.get_name(), layer.get_width(), layer.get_height(), pixel, flush=True)
image.delete()
"""


@pytest.mark.parametrize("version", ["3.0", "3.2"])
def test_the_demo_in_gimp_leaves_an_image_to_open(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with machine(version) as gimp:
        monkeypatch.chdir(gimp.folder)
        console = [f"gimp-console-{version}", "-f", "-s"]
        settings = {"GIMP3_DIRECTORY": str(gimp.config)}
        program = gimp.chroot.program(gimp.folder / "gimp-console", console, settings)
        gimp_demo.paint(gimp.installation.home, [str(program)], 64)
        look = LAYERS.format(path=str(gimp.folder / gimp_demo.RESULT))
        batch = ["-i", "-d", "--batch-interpreter=python-fu-eval", "-b", look, "--quit"]
        _, output = gimp.chroot.run([*console, *batch], settings, 120)
        shown = [line.split(maxsplit=1)[1] for line in output.splitlines() if line.startswith("LAYER ")]
        assert [text.split(" 512 341 ")[0] for text in shown] == ["style on photo", "photo"], output
        assert len({text.split(" 512 341 ")[1] for text in shown}) == 2, "two layers with the same pixels"


def test_a_gimp_without_the_plug_in_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with machine("3.0") as gimp:
        monkeypatch.chdir(gimp.folder)
        another = gimp.folder / "another"
        gimp.get_to_know(another)
        settings = {"GIMP3_DIRECTORY": str(another)}
        program = gimp.chroot.program(gimp.folder / "gimp-console", ["gimp-console-3.0", "-f", "-s"], settings)
        with pytest.raises(Problem, match="The Neural Style plug-in is not in this GIMP"):
            gimp_demo.paint(gimp.installation.home, [str(program)], 64)
        assert not Path(gimp_demo.RESULT).exists()
        assert "paint_in_gimp.py" in log_file(gimp.installation.home).read_text()
