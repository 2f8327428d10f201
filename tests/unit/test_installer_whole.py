"""install.py as a user runs it: downloaded, interrupted, mended without a network, upgraded, removed.

Real packages, minutes.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOBODY = "http://127.0.0.1:9"
"""Where no proxy and no index listens."""
CLONED = ("install.py", "installer", "backend", "gimp_plugin", "demo", "pyproject.toml", "README.md", "LICENSE")


@dataclass(frozen=True)
class User:
    """Someone with a GIMP 3.0, a clone, and nothing of ours yet."""

    folder: Path
    clone: Path

    @property
    def home(self) -> Path:
        return self.folder / ".local/share/neural-style"

    @property
    def environment(self) -> dict[str, str]:
        own = ("NEURAL_STYLE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "GIMP3_DIRECTORY")
        kept = {name: value for name, value in os.environ.items() if name not in own}
        pip = {"PIP_CACHE_DIR": _pip("cache", "dir")}
        if (config := Path.home() / ".config/pip/pip.conf").exists():
            pip["PIP_CONFIG_FILE"] = str(config)
        # rustup's stand-in for rustc, which pip asks for its version, would leave a folder in the user's.
        rust = os.environ.get("RUSTUP_HOME") or str(Path.home() / ".rustup")
        return {**kept, **pip, "HOME": str(self.folder), "RUSTUP_HOME": rust}

    def run(
        self, *arguments: str, program: Path | None = None, network: bool = True
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(program or self.clone / "install.py"), *arguments]
        cut = {} if network else dict.fromkeys(("PIP_INDEX_URL", "ALL_PROXY", "HTTPS_PROXY", "https_proxy"), NOBODY)
        variables = {**self.environment, **cut}
        return subprocess.run(command, env=variables, cwd=self.folder, capture_output=True, text=True)

    def entries(self) -> set[str]:
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*")}


def _pip(*arguments: str) -> str:
    return subprocess.run([sys.executable, "-m", "pip", *arguments], capture_output=True, text=True).stdout.strip()


@pytest.fixture
def user(tmp_path: Path) -> Iterator[User]:
    folder, clone = tmp_path / "u", tmp_path / "clone"
    for version in ("3.0", "3.2"):
        (folder / ".config/GIMP" / version / "plug-in-settings").mkdir(parents=True)
    clone.mkdir()
    for name in CLONED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, clone / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, clone / name)
    found = User(folder, clone)
    yield found
    found.run("uninstall", program=ROOT / "install.py")
    shutil.rmtree(tmp_path / "the wheels", ignore_errors=True)  # pytest would keep them for three runs


@pytest.mark.skipif(os.name == "nt", reason="the story is told with Unix signals")
def test_an_installation_from_interruption_to_removal(user: User) -> None:
    wheels = user.clone.parent / "the wheels"
    filled = user.run("download", "--to", str(wheels))
    assert filled.returncode == 0, filled.stdout + filled.stderr
    assert any("-cp312-abi3-" in path.name for path in wheels.glob("pyzmq-*"))
    before = user.entries()

    _interrupt_an_installation(user)
    ill = user.run("check")
    assert ill.returncode == 1 and "FAILED Home" in ill.stdout and "interrupted" in ill.stdout

    log = user.home / "log/install.log"
    said_before = log.stat().st_size
    mended = user.run("--wheels", str(wheels), network=False)
    assert mended.returncode == 0, mended.stdout + mended.stderr
    for version in ("3.0", "3.2"):
        assert str(Path(f"~/.config/GIMP/{version}/plug-ins/neural-style")) in mended.stdout
    assert "mending" in mended.stdout and mended.stderr == ""
    said = log.read_bytes()[said_before:].decode()
    sources = {line for line in said.splitlines() if line.startswith("Looking in ")}
    assert sources == {f"Looking in links: {wheels.as_uri()}"}

    start = time.monotonic()
    again = user.run(network=False)
    assert again.returncode == 0 and again.stdout.count("unchanged") == 3
    assert time.monotonic() - start < 20

    _upgrade(user, wheels)

    shutil.rmtree(user.clone)
    kept = user.home / "installer" / "install.py"
    well = user.run("check", program=kept)
    assert well.returncode == 0, well.stdout + well.stderr
    assert "FAILED" not in well.stdout and "Backend" in well.stdout

    launcher = user.folder / ".local/bin/neural-style"
    status = subprocess.run([launcher, "status"], env=user.environment, capture_output=True, text=True)
    assert status.returncode == 0, status.stderr

    (user.folder / ".config/GIMP/3.0/plug-ins/neural-style/protocol/client.py").unlink()
    ill = user.run("check", program=kept)
    assert ill.returncode == 1 and "protocol/client.py is missing" in ill.stdout

    gone = user.run("uninstall", program=kept)
    assert gone.returncode == 0 and gone.stderr == "", gone.stdout + gone.stderr
    assert user.entries() == before
    assert not _processes_of(user.home)


def _upgrade(user: User, wheels: Path) -> None:
    """Install another version over the one whose backend runs: all is new but what the user has set."""
    assert user.run("check").returncode == 0  # it starts a backend
    old = (user.home / "run/backend.lock").read_text()
    settings = [user.home / "remote.json", user.home / "speed.json"]
    settings += [user.folder / ".config/GIMP/3.0/plug-in-settings/GimpProcedureConfigRun-plug-in-neural-style.last"]
    for path in settings:
        path.write_text("{}")
        path.chmod(0o600)
    version = user.clone / "backend/__init__.py"
    version.write_text(version.read_text().replace('__version__ = "', '__version__ = "9.'))

    done = user.run("--wheels", str(wheels), network=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the one that ran has ended" in done.stdout and done.stdout.count("unchanged") == 1
    assert old not in _processes_of(user.home)
    assert [path.read_text() for path in settings] == ["{}"] * 3
    settings[0].unlink()  # no remote is none of the real ones
    well = user.run("check")
    assert well.returncode == 0 and "version 9." in well.stdout, well.stdout


def _interrupt_an_installation(user: User) -> None:
    """Kill it, as a power failure would, when pip is at work."""
    command = [sys.executable, str(user.clone / "install.py")]
    with subprocess.Popen(command, env=user.environment, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        while b"Packages" not in process.stdout.readline():
            assert process.poll() is None
        time.sleep(4)
        os.killpg(process.pid, signal.SIGKILL)


def _processes_of(home: Path) -> list[str]:
    """The processes that run the Python of a home folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if str(home).encode() in (entry / "cmdline").read_bytes():
                found.append(entry.name)
        except OSError:
            continue
    return found
