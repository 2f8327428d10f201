"""The curvature that L-BFGS remembers: the last steps s and the changes y of the gradient that came with them."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

STORED = torch.bfloat16
"""Precision of what is remembered: half the memory, and products use what is stored."""
PART = 1 << 15
"""Values of each vector that are brought to fp32 at a time, which with all vectors stay in a processor's cache."""
TOGETHER = 1 << 20
"""Values of two vectors alone that are brought to fp32 at a time."""
PART_ON_GPU = 1 << 18
"""Of each vector on a GPU: its kernels have to be few, and its cache is large."""
LEAST_COSINE = 1e-10
"""Between a step and its change of the gradient. Without positive curvature the inverse Hessian would be indefinite."""


class Pairs:
    """Pairs (s, y), and the products of L-BFGS's recursion (Nocedal and Wright 2006, algorithm 7.4).

    All vectors have `size` values. The recursion is run on the coefficients of its vectors in the basis of the gradient
    and of what is remembered (Chen, Wang and Zhou, "Large-scale L-BFGS using MapReduce", 2014): one pass over the
    memory finds all products with a gradient, and one makes the direction, where the recursion on vectors takes four.
    """

    def __init__(self, most: int, size: int, device: torch.device) -> None:
        self._most = most
        self._size = size
        part = min(size, PART if device.type == "cpu" else PART_ON_GPU)
        # Part by part all vectors, of which s and y of one pair are neighbours.
        self._parts = torch.empty((-(-size // part), 2 * most, part), dtype=STORED, device=device)
        # Kept, because allocators that are asked for a little more each time keep all that they gave before.
        self._wide = torch.empty((2 * most, part), device=device)
        self.clear()

    def clear(self) -> None:
        """Forget all pairs."""
        self._order: list[int] = []
        self._along: list[float] = []
        # sᵀy for a step and its own and every later change, and yᵀy, by slots.
        self._sy = [[0.0] * self._most for _ in range(self._most)]
        self._yy = [[0.0] * self._most for _ in range(self._most)]

    def __len__(self) -> int:
        return len(self._order)

    def look(self, gradient: Tensor) -> None:
        """Take the gradient (size) in fp32 from which the next direction starts, and to which `add` compares."""
        self._along = self._products(gradient)

    def add(self, s: Tensor, y: Tensor, gradient: Tensor) -> None:
        """Remember a step and the change of the gradient to `gradient`, which is looked at; the oldest pair gives way.

        A pair of no positive curvature is not remembered.
        """
        s, y = s.to(STORED), y.to(STORED)
        curvature, change, length = _products_of(s, y)
        if not self._most or not curvature > LEAST_COSINE * (change * length) ** 0.5:
            self.look(gradient)
            return
        before = [*self._along, 0.0, 0.0]
        slot = len(self) if len(self) < self._most else self._order.pop(0)
        self._order.append(slot)
        self._store(2 * slot, s)
        self._store(2 * slot + 1, y)
        self.look(gradient)
        for other in self._order[:-1]:
            # The products with y are the differences of those with the gradients before and after.
            of_step, of_change = (self._along[2 * other + n] - before[2 * other + n] for n in (0, 1))
            self._sy[other][slot] = of_step
            self._yy[other][slot] = self._yy[slot][other] = of_change
        self._sy[slot][slot], self._yy[slot][slot] = curvature, change

    def direction(self, gradient: Tensor, boldness: float) -> Tensor:
        """Minus the inverse Hessian times the gradient that was last looked at: (size) in fp32.

        The first guess of the inverse Hessian is `boldness` times sᵀy / yᵀy of the last pair, or 1.
        """
        scale, factors = self._coefficients(boldness)
        direction = gradient * -scale
        of_all = torch.tensor(factors, device=gradient.device)
        for vectors, part in self._with(direction):
            part.addmv_(vectors.t(), of_all)
        return direction

    def _coefficients(self, boldness: float) -> tuple[float, list[float]]:
        """The first guess's scale, and the factors of s and y of each slot in the direction."""
        sy, yy, along = self._sy, self._yy, self._along
        of_step, of_change = ([0.0] * len(self) for _ in range(2))
        for number, i in reversed(list(enumerate(self._order))):
            newer = sum(of_change[j] * sy[i][j] for j in self._order[number + 1 :])
            of_change[i] = (along[2 * i] - newer) / sy[i][i]
        last = self._order[-1] if self._order else None
        scale = 1.0 if last is None else boldness * sy[last][last] / yy[last][last]
        for number, i in enumerate(self._order):
            changes = sum(of_change[j] * yy[i][j] for j in self._order) - along[2 * i + 1]
            older = sum(of_step[j] * sy[j][i] for j in self._order[:number])
            of_step[i] = -of_change[i] - (scale * changes + older) / sy[i][i]
        return scale, [factor for s, y in zip(of_step, of_change, strict=True) for factor in (s, scale * y)]

    def _products(self, vector: Tensor) -> list[float]:
        """The products of s and y of each slot with a vector (size) in fp32."""
        products = torch.zeros(2 * len(self), device=vector.device)
        for vectors, part in self._with(vector):
            products.addmv_(vectors, part)
        found: list[float] = products.tolist()
        return found

    def _store(self, row: int, vector: Tensor) -> None:
        """Put a vector (size) in its place."""
        part = self._parts.shape[2]
        whole = self._size // part
        self._parts[:whole, row] = vector[: whole * part].view(whole, part)
        if rest := self._size % part:
            self._parts[whole, row, :rest] = vector[-rest:]

    def _with(self, vector: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Parts of all that is remembered, in fp32, with the parts of a vector at the same place."""
        if not self._order:
            return
        rows = 2 * len(self)
        for vectors, part in zip(self._parts, torch.split(vector, self._parts.shape[2]), strict=True):
            yield self._wide[:rows, : len(part)].copy_(vectors[:rows, : len(part)]), part


def _products_of(s: Tensor, y: Tensor) -> list[float]:
    """sᵀy, yᵀy and sᵀs."""
    products = torch.zeros(3, device=s.device)
    for some, others in zip(torch.split(s, TOGETHER), torch.split(y, TOGETHER), strict=True):
        a, b = some.float(), others.float()
        products += torch.stack([torch.dot(a, b), torch.dot(b, b), torch.dot(a, a)])
    found: list[float] = products.tolist()
    return found
