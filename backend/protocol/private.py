"""Files with secrets: for this user's eyes only, and whole or not there at all."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

from .errors import Failure


def write_private(path: Path, values: Any) -> None:
    """Write JSON values into a file that nobody else can read at any moment (mode 0600), in one step."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.unlink(missing_ok=True)
    # Exclusive: the mode counts only for a file that is made here, and no link laid in the way is followed.
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(values, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def read_private(path: Path) -> dict[str, Any] | None:
    """The JSON object in the file, None if there is no file; a Failure if others can read it or it is damaged."""
    try:
        with open(path, encoding="utf-8") as file:
            if os.name == "posix" and stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise Failure("secret-open", path=path)
            values = json.load(file)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise Failure("secret-damaged", path=path, reason=error.strerror or error) from None
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise Failure("secret-damaged", path=path, reason="it is not what was written there")
    return values
