"""Two machines for the tests: network namespaces with a cable between them, each with an address of its own.

A Unix socket is reached from both, since it is a file; tcp is not.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

ADDRESSES = {"server": "10.99.37.1", "client": "10.99.37.2"}


class CannotMake(Exception):
    """This machine has no network namespaces to give; the text says why."""


@dataclass(frozen=True)
class Machine:
    """One end of the cable."""

    namespace: str
    cable: str
    address: str

    def inside(self, *command: object) -> list[str]:
        """The command that runs a command on this machine."""
        return ["ip", "netns", "exec", self.namespace, *map(str, command)]

    def run(self, *command: object) -> str:
        """Run a command on this machine to success and return what it said."""
        return _run(*self.inside(*command))

    def limit(self, bytes_a_second: int) -> None:
        """Let only so much out of this machine."""
        shape = ("tbf", "rate", f"{8 * bytes_a_second}bit", "burst", "32kb", "latency", "400ms")
        self.run("tc", "qdisc", "add", "dev", self.cable, "root", *shape)

    def unlimit(self) -> None:
        """Let everything out again."""
        self.run("tc", "qdisc", "del", "dev", self.cable, "root")

    def plug(self, state: str) -> None:
        """Pull the cable ("down") or put it in again ("up")."""
        self.run("ip", "link", "set", self.cable, state)


@contextmanager
def two_machines() -> Iterator[tuple[Machine, Machine]]:
    """A server and a client; without the means the test is skipped, in CI it fails."""
    server, client = (Machine(f"ns-{role}-{os.getpid()}", f"v{role}", ADDRESSES[role]) for role in ADDRESSES)
    try:
        try:
            _make(server, client)
        except CannotMake as reason:
            if os.environ.get("CI") == "true":
                pytest.fail(f"two machines cannot be made: {reason}")
            pytest.skip(f"backends on other machines are not tested: {reason}")
        yield server, client
    finally:
        for machine in (server, client):
            # The cable goes with the namespaces; those that were never made are no loss.
            subprocess.run(["ip", "netns", "delete", machine.namespace], capture_output=True)


def _make(server: Machine, client: Machine) -> None:
    _require_means()
    for machine in (server, client):
        _run("ip", "netns", "add", machine.namespace)
    end = ("peer", "name", client.cable, "netns", client.namespace)
    server.run("ip", "link", "add", server.cable, "type", "veth", *end)
    for machine in (server, client):
        machine.run("ip", "address", "add", f"{machine.address}/24", "dev", machine.cable)
        machine.plug("up")
        machine.run("ip", "link", "set", "lo", "up")


def _require_means() -> None:
    if not sys.platform.startswith("linux"):
        raise CannotMake("only Linux has network namespaces")
    if os.geteuid() != 0:
        raise CannotMake("making network namespaces needs root")
    if not shutil.which("ip") and shutil.which("apt-get"):
        _run("apt-get", "update")
        _run("apt-get", "install", "-y", "--no-install-recommends", "iproute2")
    if not shutil.which("ip"):
        raise CannotMake("the program `ip` (package iproute2) is missing")


def _run(*command: str) -> str:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise CannotMake(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout
