"""Which precision is right for a processor: asked in processes of their own, since PyTorch decides once."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest
import torch

from backend.service.device import choose_precision, held_to_avx2

ASK = "import torch; from backend.service.device import choose_precision; print(choose_precision(torch.device('cpu')))"


def test_half_precision_is_for_processors_that_multiply_it() -> None:
    found = torch.cpu.get_capabilities()
    native = any(found.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16")) and not held_to_avx2()
    assert choose_precision(torch.device("cpu")) == (torch.bfloat16 if native else torch.float32)


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="AVX2 is of other processors")
def test_a_processor_that_is_held_to_avx2_paints_in_fp32() -> None:
    # Half precision without its instructions takes minutes for a step.
    held = subprocess.run(
        [sys.executable, "-c", ASK],
        env={**os.environ, "ATEN_CPU_CAPABILITY": "avx2"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert held.stdout.strip() == "torch.float32"
