"""The worker's answers to what a job would take; measured once for each device, and then plain arithmetic."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from backend.engine.cost import timeline
from backend.engine.memory import Plan
from backend.imaging.sizes import Size
from backend.protocol.errors import Failure
from backend.protocol.estimate import Estimate
from backend.protocol.job import Settings, picture_bytes
from backend.service.calibration import calibrate
from backend.service.channel import Message
from backend.service.device import choose_device, choose_precision
from backend.service.memory import free_memory, used_memory
from backend.service.paint import Painter
from backend.service.plan import plan_of, schedule_of, style_bytes, taps_of
from backend.service.speeds import Known, Speeds


class Estimator:
    """Tells what jobs take. A request is a job's header: `content`, `styles` (perhaps none) and `settings`.

    `estimate` may be called from any thread, the others only from the one that paints.
    """

    def __init__(self, painter: Painter, speeds: Speeds) -> None:
        self._painter = painter
        self._speeds = speeds

    def estimate(self, request: Message) -> Estimate | None:
        """The seconds and bytes of a job, None if the device was never measured; a Failure if it would be refused."""
        wanted = Settings.from_wire(request["settings"])
        device, precision = _device_of(wanted)
        known = self._speeds.get(_name(device, precision))
        if known is None:
            return None
        own = _own_bytes(request)
        plan = self._plan(known, request)
        return Estimate(self._timeline(known, request, plan.tile)[-1], int(known.loaded + own + plan.bytes))

    def foresee(self, request: Message) -> list[float] | None:
        """Seconds after which each step of a job that begins now and, at last, the job is over; None if unknown."""
        try:
            known = self._speeds.get(_name(*_device_of(Settings.from_wire(request["settings"]))))
            return None if known is None else self._timeline(known, request, self._plan(known, request).tile)
        except Failure:
            return None

    def _plan(self, known: Known, request: Message) -> Plan:
        wanted = Settings.from_wire(request["settings"])
        device, precision = _device_of(wanted)
        free = free_memory(device, wanted.memory_limit, known.loaded) - _own_bytes(request)
        return plan_of(_size(request), wanted, precision.itemsize, free)

    def _timeline(self, known: Known, request: Message, tile: int) -> list[float]:
        wanted = Settings.from_wire(request["settings"])
        size = _size(request)
        schedule = schedule_of(size, wanted)
        styles = [style["width"] * style["height"] for style in request["styles"]]
        ends = timeline(known.speed, schedule, tile, size[0] * size[1], styles, wanted.stroke_size, taps_of(wanted))
        if self._painter.holds(wanted, *_device_of(wanted)):
            return ends
        loading = known.speed.factor * known.speed.loading
        return [loading + end for end in ends]

    def measure(self, request: Message) -> None:
        """Find out how fast the device for a job is, if that is not known; a Failure if there are no weights."""
        device, precision = _device_of(Settings.from_wire(request["settings"]))
        name = _name(device, precision)
        if self._speeds.get(name) is None:
            self._speeds.put(name, calibrate(device, precision))

    def learn(self, request: Message, told: float, taken: float) -> None:
        """Take account of a job that is over: the machine's speed wanders, and jobs tell its present one."""
        device, precision = _device_of(Settings.from_wire(request["settings"]))
        name = _name(device, precision)
        if known := self._speeds.get(name):
            self._speeds.put(name, replace(known.after(told, taken), loaded=used_memory(device)))


def _size(request: Message) -> Size:
    return request["content"]["height"], request["content"]["width"]


def _own_bytes(request: Message) -> int:
    """What the pictures of a job take, as they are and as the engine holds them."""
    content, styles = request["content"], request["styles"]
    pixels = sum(style["width"] * style["height"] for style in styles)
    return int(sum(map(picture_bytes, (content, *styles))) + style_bytes(pixels))


def _device_of(wanted: Settings) -> tuple[torch.device, torch.dtype]:
    device = choose_device(wanted.device)
    return device, choose_precision(device)


def _name(device: torch.device, precision: torch.dtype) -> str:
    """A name for all that the measured speed depends on."""
    on_gpu = device.type == "cuda"
    what: Any = torch.cuda.get_device_name(device) if on_gpu else torch.backends.cpu.get_cpu_capability()
    return f"{device.type}, {what}, {precision}, torch {torch.__version__}, {torch.get_num_threads()} threads"
