"""The plug-in in a GIMP whose Python cannot import pyzmq: it talks to the backend through a bridge."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from machine import OPEN_UNDO_GROUP, Machine, machine
from test_gimp_layers import ARGUMENTS, case

from backend.protocol import client
from installer import plugin, wheels


@pytest.fixture(scope="module", params=["3.0", "3.2"])
def gimp(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """A GIMP with the plug-in as it is installed where no pyzmq fits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wheels, "gimp_pythons", list)
        with machine(request.param) as made:
            code, output = made.chroot.run(["python3", "-c", "import zmq"], {}, 60)
            assert code != 0 and "No module named 'zmq'" in output
            assert not plugin.has_pyzmq(made.config / "plug-ins" / plugin.NAME)
            yield made


def test_layers_are_painted_through_a_bridge(gimp: Machine) -> None:
    cases = [case("rgb"), case("deep", precision="U16_NON_LINEAR", alpha=True, selection=(10, 8, 30, 34, 0))]
    with ThreadPoolExecutor() as pool:
        playing = pool.submit(gimp.play, "bridge", cases)
        assert wait_for(playing, lambda: bool(bridges(gimp)))
        outcomes = playing.result()
    for name in ("rgb", "deep"):
        assert outcomes[name]["ok"], outcomes[name]["message"]
        assert outcomes[name]["returned"] == "style on Portrait"
        assert len(outcomes[name]["after"]) == len(outcomes[name]["before"]) + 1
    assert painted(gimp.folder / "bridge", outcomes["rgb"])
    assert not bridges(gimp)
    assert "Traceback" not in outcomes["output"]


def test_a_plug_in_that_is_killed_takes_bridge_and_job_along(gimp: Machine) -> None:
    slow = case("slow", size=(600, 450), arguments=ARGUMENTS | {"preset": "high", "size": 600})
    with ThreadPoolExecutor() as pool:
        playing = pool.submit(gimp.play, "killed", [slow])
        assert wait_for(playing, lambda: running(gimp) == 1)
        [plug_in] = processes(gimp, b"neural-style.py\0-gimp")
        os.kill(plug_in, signal.SIGKILL)
        assert wait_for(playing, lambda: not bridges(gimp) and running(gimp) == 0, 5)
        outcomes = playing.result()
    assert not outcomes["slow"]["ok"]
    assert len(outcomes["slow"]["after"]) == len(outcomes["slow"]["before"])
    assert OPEN_UNDO_GROUP not in outcomes["output"]


def wait_for(playing: Future[Any], condition: Callable[[], bool], seconds: float = 120) -> bool:
    """Whether the condition came true in time, and while GIMP played or soon after."""
    deadline = time.monotonic() + seconds
    while not condition():
        if playing.done():
            playing.result()
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def running(gimp: Machine) -> int:
    """How many jobs are being painted."""
    backend = client.connect_running(gimp.installation)
    if backend is None:
        return 0
    with backend:
        return int(backend.status()["running"])


def bridges(gimp: Machine) -> list[int]:
    """The bridges of this GIMP's plug-in."""
    return processes(gimp, b"backend.protocol.bridge")


def processes(gimp: Machine, words: bytes) -> list[int]:
    """The processes with these words in their command line and this machine's folder in their environment."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            ours = os.fsencode(gimp.folder) in (entry / "environ").read_bytes()
            if ours and words in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def painted(folder: Path, outcome: dict[str, Any]) -> bool:
    """Whether the new layer has other pixels than the one below it."""
    new, old = ((folder / f"{layer['dump']}.float").read_bytes() for layer in outcome["after"][:2])
    return len(new) == len(old) and new != old
