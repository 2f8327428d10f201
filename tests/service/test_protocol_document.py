"""docs/PROTOCOL.md is held to what a real backend and its client send, and to what they read of what they get."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from backend.protocol import client
from backend.protocol.client import Backend, Run
from backend.protocol.errors import ERRORS, Failure
from backend.protocol.estimate import Outline
from backend.protocol.events import Preview
from backend.protocol.frames import Frames
from backend.protocol.installation import Installation
from backend.protocol.job import Settings
from backend.protocol.messages import LEAST_CHUNK, Message, Payload, decode
from backend.protocol.transport_zmq import ZmqTransport
from backend.service.local_executor import LocalExecutor
from backend.service.supervisor import Supervisor
from tests.service.backends import FAST, LONG, job
from tests.speed import know_the_speed

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "PROTOCOL.md").read_text("utf-8")
NAME = re.compile(r"`([a-z0-9_-]+)`")
HEADER = {"width": 80, "height": 60, "channels": 3, "depth": "u8"}
WRONG = "wrong"
"""A field that marks messages which are not what the document asks for, on purpose."""
UNREAD = {"hello": {"protocol"}}
"""What a backend has no use for yet."""
MODULES_OF_THE_START = {"endpoint", "keyring", "logs", "serve", "dask_executor"}
"""What they raise is seen in the terminal, before anybody can connect."""


@dataclass
class Row:
    """What the document says of a type of message."""

    needed: set[str]
    possible: set[str]
    payload: bool


def table(section: str) -> dict[str, Row]:
    """The rows of a section's table: fields after `perhaps` may be left out."""
    text = TEXT.split(f"## {section}\n")[1].split("\n## ")[0]
    rows = {}
    for line in text.splitlines():
        if line.startswith("| `"):
            types, fields, _ = (cell.strip() for cell in line.strip("|").split("|", 2))
            needed, _, perhaps = fields.partition("perhaps")
            row = Row(set(NAME.findall(needed)), set(NAME.findall(fields)), "payload" in fields)
            assert perhaps == "" or NAME.search(perhaps)
            rows.update({name: row for name in NAME.findall(types)})
    return rows


FROM_CLIENT, FROM_BACKEND = table("From the client"), table("From the backend")


class Read(dict[str, Any]):
    """A message that notes which of its fields are asked for."""

    def __init__(self, message: Message) -> None:
        super().__init__(message)
        self.fields: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.fields.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.fields.add(name)
        return super().get(name, default)

    def __iter__(self) -> Iterator[str]:
        # With a way of its own to go through the names, `**message` asks for each field too.
        return super().__iter__()


@dataclass
class Traffic:
    """The messages of one direction, by their types: their fields, and whether they had a payload."""

    seen: dict[str, list[tuple[Message, bool]]]

    def note(self, frames: Any) -> None:
        message, payload = decode([bytes(frame) for frame in frames])
        if WRONG not in message:
            self.seen[message["type"]].append((message, payload is not None))

    def hold_to(self, rows: dict[str, Row]) -> None:
        assert set(self.seen) == set(rows)
        for kind, messages in self.seen.items():
            row, fields = rows[kind], set()
            for message, payload in messages:
                own = message.keys() - {"type"}
                assert row.needed <= own <= row.possible, (kind, own)
                assert payload == row.payload, kind
                fields |= own
            assert fields == row.possible, (kind, "never seen", row.possible - fields)


@pytest.fixture(scope="module")
def traffic(request: pytest.FixtureRequest) -> tuple[Traffic, Traffic, list[Read]]:
    """All that a real client and a real backend say to each other when everything happens that can."""
    from tests.service.conftest import home

    sent, received, read = Traffic(defaultdict(list)), Traffic(defaultdict(list)), list[Read]()
    send, receive = ZmqTransport.send, ZmqTransport.receive

    def noting_send(self: ZmqTransport, frames: Any, seconds: float) -> bool:
        sent.note(frames)
        return send(self, frames, seconds)

    def noting_receive(self: ZmqTransport, seconds: float) -> Frames | None:
        frames = receive(self, seconds)
        if frames is not None:
            received.note(frames)
        return frames

    def noting_decode(frames: Any) -> tuple[Message, Payload | None]:
        message, payload = decode(frames)
        read.append(Read(message))
        return read[-1], payload

    with pytest.MonkeyPatch.context() as patch, home() as installation:
        know_the_speed(installation)
        patch.setattr(ZmqTransport, "send", noting_send)
        patch.setattr(ZmqTransport, "receive", noting_receive)
        patch.setattr(client, "decode", noting_decode)
        with client.connect(installation) as backend:
            _everything(backend)
        client.stop(installation)
    return sent, received, read


def _everything(backend: Backend) -> None:
    backend.status()
    backend.estimate(Outline(80, 60, styles=[HEADER]))
    for wrong in ({"type": "fly"}, {"type": "estimate", "request": "x"}, {"type": "submit", "job": "x"}):
        with pytest.raises(Failure):
            backend.ask({**wrong, WRONG: True}, "never")
    running, waiting = backend.submit(job(LONG), previews=True), backend.submit(job(FAST))
    previews = (event for event in running.events() if isinstance(event, Preview))
    next(previews), next(previews), next(previews)  # this takes longer than a second, so there is a beat
    backend.status()
    running.cancel()
    _finish(running)
    _finish(waiting)
    with pytest.raises(Failure):
        _finish(backend.submit(job(Settings(preset="draft", weights="/no/such/file.pth"))))


def _finish(run: Run) -> None:
    for _ in run.events():
        pass


def test_all_that_a_client_sends_is_in_the_document_and_the_reverse(
    traffic: tuple[Traffic, Traffic, list[Read]],
) -> None:
    traffic[0].hold_to(FROM_CLIENT)


def test_all_that_a_backend_sends_is_in_the_document_and_the_reverse(
    traffic: tuple[Traffic, Traffic, list[Read]],
) -> None:
    traffic[1].hold_to(FROM_BACKEND)


def test_a_client_reads_only_what_the_document_names(traffic: tuple[Traffic, Traffic, list[Read]]) -> None:
    assert traffic[2]
    for message in traffic[2]:
        kind = dict.__getitem__(message, "type")
        assert message.fields <= FROM_BACKEND[kind].possible | {"type", "job", "request"}, kind


def test_parts_of_messages_are_named_in_the_document(traffic: tuple[Traffic, Traffic, list[Read]]) -> None:
    submit, status = traffic[0].seen["submit"][0][0], traffic[1].seen["status"][-1][0]
    preview = traffic[1].seen["preview"][0][0]
    for part in (submit["content"], submit["styles"][0], preview["picture"], *status["jobs"]):
        assert part.keys() <= set(NAME.findall(TEXT)), part


def test_a_backend_handles_the_types_and_fields_of_the_document(installation: Installation) -> None:
    supervisor = Supervisor(installation, 1.0, LocalExecutor)
    try:
        assert set(supervisor._handlers) == set(FROM_CLIENT)
        wanted = {**job().to_wire(), "job": "x", "request": "y", "previews": True, "protocol": 1}
        wanted.update(picture=0, offset=0)
        for kind in ("submit", "chunk", "ready", "cancel", "estimate", "status", "hello", "stop"):
            row = FROM_CLIENT[kind]
            message = Read({name: wanted[name] for name in row.possible})
            supervisor._handlers[kind](b"nobody", message, bytes(LEAST_CHUNK) if row.payload else None)
            assert message.fields == row.possible - UNREAD.get(kind, set()), kind
    finally:
        supervisor._end()


def test_the_codes_are_those_that_the_backend_can_send(traffic: tuple[Traffic, Traffic, list[Read]]) -> None:
    listed = set(NAME.findall(TEXT.split("## Codes\n")[1].split("\n## ")[0])) - {"code"}
    modules = [path for part in ("service", "engine", "weights") for path in (ROOT / "backend" / part).glob("*.py")
               if path.stem not in MODULES_OF_THE_START]  # fmt: skip
    modules += [ROOT / "backend" / "protocol" / f"{name}.py" for name in ("job", "messages")]
    assert listed == {code for path in modules for code in _codes(path)}
    assert listed <= set(ERRORS)
    told = [message for kind in ("failed", "refused") for message, _ in traffic[1].seen[kind]]
    assert {message["code"] for message in told} <= listed


def _codes(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Failure":
            assert isinstance(node.args[0], ast.Constant), f"{path.name}: a code that cannot be seen"
            yield str(node.args[0].value)


def test_the_document_is_one_page() -> None:
    assert len(TEXT.splitlines()) <= 80
    assert len(TEXT.split()) <= 1200
