"""A real GIMP 3 for the tests, in a Debian tree of its own, on a machine that has none.

Standard library only. ``python3 tests/gimp/provision.py [3.0] [3.2]`` builds the trees (both by default)
side by side and prints where they are; a complete tree is reused.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PACKAGES = (
    # GIMP and what its Python plug-ins need
    *("gimp", "python3-gi", "gir1.2-gimp-3.0", "ca-certificates"),
    # a display, a window manager, a hand and an eye, for the tests of the user interface
    *("xvfb", "xauth", "openbox", "xdotool", "imagemagick", "dbus", "fonts-dejavu-core"),
)
# The moving suite's Release file may be past its date on a mirror that lags behind.
APT_OPTIONS = ("-o", "Acquire::Check-Valid-Until=false", "-o", "Acquire::Retries=3")
SEEDS = Path("/usr/share/debootstrap/scripts")


class CannotProvision(Exception):
    """This machine cannot build the tree; the text says why."""


@dataclass(frozen=True)
class Release:
    """A GIMP series and the Debian suite that carries it."""

    version: str
    suite: str
    moving: bool

    @property
    def tree(self) -> Path:
        """Where the Debian tree lies."""
        return cache_folder() / f"gimp-{self.version}"

    @property
    def complete(self) -> bool:
        """Whether the tree was built to its end with today's list of packages."""
        marker = self.tree / "complete"
        return marker.is_file() and marker.read_text() == self._recipe

    @property
    def _recipe(self) -> str:
        return " ".join((self.suite, *PACKAGES))

    def mark_complete(self) -> None:
        """Say that the tree can be used from now on."""
        (self.tree / "complete").write_text(self._recipe)


RELEASES = {
    "3.0": Release("3.0", "trixie", moving=False),
    "3.2": Release("3.2", "forky", moving=True),
}


def cache_folder() -> Path:
    """The folder that keeps the trees between test runs."""
    chosen = os.environ.get("NEURAL_STYLE_TEST_CACHE")
    return Path(chosen) if chosen else Path.home() / ".cache" / "neural-style-tests"


def provision(version: str) -> Path:
    """The tree with GIMP ``version`` ("3.0" or "3.2"), built if it is not there; raises CannotProvision."""
    release = RELEASES[version]
    _require_rights()
    with _locked(f"gimp-{version}"):
        if not release.complete:
            _build(release)
    return release.tree


def _require_rights() -> None:
    if not sys.platform.startswith("linux"):
        raise CannotProvision("a GIMP for the tests can only be set up on Linux")
    if os.geteuid() != 0:
        raise CannotProvision("setting up a GIMP for the tests needs root (debootstrap and chroot)")
    if not shutil.which("apt-get"):
        raise CannotProvision("setting up a GIMP for the tests needs Debian's or Ubuntu's apt-get")
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0:
        raise CannotProvision("this machine does not let root make a mount namespace (unshare -m)")


@contextmanager
def _locked(what: str) -> Iterator[None]:
    """Keep two test runs, or two threads, from building the same thing at once."""
    cache_folder().mkdir(parents=True, exist_ok=True)
    with open(cache_folder() / f"{what}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(release: Release) -> None:
    tree = release.tree
    with _locked("system"):  # whose apt-get can be used once at a time
        _need_debootstrap()
        mirror = _mirror()
    if tree.exists():
        shutil.rmtree(tree)
    print(f"setting up GIMP {release.version} in {tree} (about two minutes)", file=sys.stderr, flush=True)
    # In a mount namespace of its own, so that nothing stays mounted if this is interrupted.
    _run("unshare", "-m", "debootstrap", "--variant=minbase", release.suite, str(tree), *mirror, _seed(release))
    _forbid_services(tree)
    _apt(tree, "update")
    _apt(tree, "install", "-y", "--no-install-recommends", *PACKAGES)
    _apt(tree, "clean")
    release.mark_complete()


def _need_debootstrap() -> None:
    if not shutil.which("debootstrap"):
        _run("apt-get", "update")
        _run("apt-get", "install", "-y", "--no-install-recommends", "debootstrap", "debian-archive-keyring")


def _mirror() -> Sequence[str]:
    """The Debian mirror this machine uses itself; none on a system without one (debootstrap then knows)."""
    if not _debian_sites():
        _run("apt-get", "update")
    return _debian_sites()[:1] or [""]


def _debian_sites() -> list[str]:
    targets = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(ORIGIN)|$(LABEL)|$(SITE)"], capture_output=True, text=True
    ).stdout
    return sorted({line.split("|")[2] for line in targets.splitlines() if line.startswith("Debian|Debian|")})


def _seed(release: Release) -> str:
    """debootstrap's script for the suite: an older debootstrap has none for a newer suite, any Debian one fits."""
    for name in (release.suite, "trixie", "sid"):
        if (SEEDS / name).exists():
            return str(SEEDS / name)
    raise CannotProvision("this debootstrap is too old: it knows neither trixie nor sid")


def _forbid_services(tree: Path) -> None:
    """A package that starts a service on installation must not do so here: it would run on the host."""
    policy = tree / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)


def _apt(tree: Path, *arguments: str) -> None:
    script = (
        'mount --rbind /dev "$0/dev" && mount -t proc proc "$0/proc" && tree="$0" && '
        'exec chroot "$tree" env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 apt-get "$@"'
    )
    shutil.copyfile("/etc/resolv.conf", tree / "etc/resolv.conf")
    _run("unshare", "-m", "sh", "-c", script, str(tree), *APT_OPTIONS, *arguments)


def _run(*command: str) -> None:
    """Run to success, or raise CannotProvision with the end of what the command said."""
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode != 0:
        said = "\n".join(done.stdout.splitlines()[-8:])
        raise CannotProvision(f"{' '.join(command[:6])} … failed with exit code {done.returncode}:\n{said}")


def main() -> int:
    """Build the trees named on the command line, side by side: much of it is waiting for a mirror."""
    with ThreadPoolExecutor() as pool:
        return 0 if all(list(pool.map(_provided, sys.argv[1:] or sorted(RELEASES)))) else 1


def _provided(version: str) -> bool:
    try:
        print(provision(version), flush=True)
    except CannotProvision as reason:
        print(f"GIMP {version}: {reason}", file=sys.stderr)
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
