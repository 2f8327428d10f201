"""Dependencies point one way: plug-in -> protocol <- service -> engine, imaging."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BACKEND = ROOT / "backend"
STDLIB = set(sys.stdlib_module_names)

ALLOWED = {
    "protocol": {"protocol"},
    "imaging": {"imaging", "protocol"},
    "engine": {"engine", "imaging"},
    "weights": {"weights", "engine", "protocol"},
    "service": {"service", "protocol", "engine", "imaging", "weights"},
}
LIBRARIES = {
    "protocol": {"zmq"},
    "imaging": {"numpy", "torch", "pyvips"},
    "engine": {"torch", "numba", "numpy"},
    "weights": {"torch", "torchvision", "safetensors"},
    "service": {"torch", "zmq", "psutil", "distributed"},
}


def imports(path: Path) -> set[str]:
    """The absolute names a module imports."""
    found = set()
    package = path.relative_to(ROOT).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level]) + "." if node.level else ""
            found.add(base + (node.module or ""))
    return found


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_packages_import_only_what_they_may(package: str) -> None:
    modules = list((BACKEND / package).glob("*.py"))
    assert modules
    for module in modules:
        for name in imports(module):
            top, _, rest = name.partition(".")
            if top == "backend":
                assert not rest or rest.split(".")[0] in ALLOWED[package], f"{module.name} imports {name}"
            else:
                assert top in STDLIB | LIBRARIES[package] | {"__future__"}, f"{module.name} imports {name}"


def test_the_engine_does_no_input_or_output() -> None:
    for module in (BACKEND / "engine").glob("*.py"):
        assert not imports(module) & {"os", "pathlib", "socket", "zmq", "sys", "io", "logging"}, module.name
        calls = {n.func.id for n in ast.walk(ast.parse(module.read_text())) if isinstance(n, ast.Call)
                 and isinstance(n.func, ast.Name)}  # fmt: skip
        assert not calls & {"print", "open", "input"}, module.name


def test_the_supervisor_never_imports_torch() -> None:
    for name in ("serve", "supervisor", "jobs", "estimates", "outbox", "endpoint", "gate", "keyring", "status", "logs",
                 "executor", "local_executor", "dask_executor", "crashes", "worker_process", "channel"):  # fmt: skip
        for imported in imports(BACKEND / "service" / f"{name}.py"):
            assert not imported.startswith(("torch", "numpy", "backend.engine", "backend.imaging", "backend.weights"))


def test_what_is_plain_arithmetic_does_not_load_torch() -> None:
    program = (
        "import backend.engine.cost, backend.service.plan, backend.service.speeds, sys; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_client_loads_pyzmq_only_to_use_it() -> None:
    program = "import backend.protocol.client, backend.protocol.transport_pipe, sys; print('zmq' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_the_plug_in_needs_neither_numpy_nor_torch_nor_the_backend() -> None:
    modules = list((ROOT / "gimp_plugin" / "neural-style").rglob("*.py"))
    assert modules
    for module in modules:
        tops = {name.split(".")[0] for name in imports(module)}
        assert not tops & {"numpy", "torch", "backend", "PIL", "pyvips"}, module.name
