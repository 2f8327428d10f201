"""The one backend of a home: it runs under a lock, and a second one steps back."""

from __future__ import annotations

import time
from typing import Any

from backend.protocol.errors import Failure
from backend.protocol.installation import Installation, private_folder, unusable
from backend.protocol.lock import sign, try_lock
from backend.service.dask_executor import SCHEDULER, DaskExecutor
from backend.service.endpoint import Listen
from backend.service.local_executor import LocalExecutor
from backend.service.logs import start_logging
from backend.service.supervisor import MakeExecutor, Supervisor

IDLE_SECONDS = 900.0
LOCK_SECONDS = 0.1
"""How long a start tries to be the one backend: longer than a look at the lock, shorter than anybody's wait."""


def serve(
    installation: Installation,
    idle_seconds: float = IDLE_SECONDS,
    workers: int | None = None,
    executor: str = "local",
    listen: Listen | None = None,
    quiet: bool = False,
) -> bool:
    """Run the backend until it is stopped or idle; False at once if another one runs.

    `workers` is how many jobs run at once on this machine, None for one on each device; `executor` is where they
    run: `local`, or the address of a Dask scheduler; `listen` is where clients on other machines may come in; `quiet`
    says that the log goes into its file only.
    """
    make = _executor(executor, workers)
    private_folder(installation.run)
    lock = _lock(installation)
    if lock is None:
        return False
    try:
        sign(lock)
        start_logging(installation.log_file, quiet)
        installation.connection_file.unlink(missing_ok=True)
        supervisor = Supervisor(installation, idle_seconds, make, listen)
    except OSError as error:
        raise unusable(installation.run, error) from None
    with lock:
        supervisor.run()
    return True


def _executor(place: str, workers: int | None) -> MakeExecutor:
    if place == "local":
        return lambda context: LocalExecutor(context, workers)
    if SCHEDULER.fullmatch(place):
        return lambda context: DaskExecutor(context, place)
    raise Failure("bad-executor", address=place)


def _lock(installation: Installation) -> Any:
    # A client that looks whether a backend runs holds the lock for an instant: one refusal proves nothing.
    deadline = time.monotonic() + LOCK_SECONDS
    while (lock := try_lock(installation.lock_file)) is None and time.monotonic() < deadline:
        time.sleep(0.02)
    return lock
