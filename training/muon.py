"""Muon (Keller Jordan, 2024) for convolutions: momentum whose every update is made nearly orthogonal.

torch's own Muon takes matrices only; a convolution is one once its input side is flattened. On two cores it reaches a
given reconstruction error in a fraction of Adam's steps.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch


def orthogonalised(matrix: torch.Tensor, steps: int = 5) -> torch.Tensor:
    """The nearest semi-orthogonal matrix, roughly, by Newton-Schulz iteration; (rows, columns)."""
    a, b, c = 3.4445, -4.7750, 2.0315
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    wide = wide / (wide.norm() + 1e-7)
    for _ in range(steps):
        gram = wide @ wide.T
        wide = a * wide + (b * gram + c * gram @ gram) @ wide
    return wide if matrix.shape[0] <= matrix.shape[1] else wide.T


class Muon(torch.optim.Optimizer):
    """Muon for weights of two or more dimensions, AdamW for the rest, in one optimiser.

    Args:
        model: the network.
        rate: learning rate of the matrices; the others take `rate * adam_share`.
        adam_share: see there.
        decay: weight decay.
        plain: matrices that are left to AdamW, such as embeddings, of which a batch touches only some rows.
        precision: of the iteration; bfloat16 is good enough, and faster where the CPU has it.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        rate: float = 0.02,
        adam_share: float = 0.05,
        decay: float = 0.01,
        plain: Iterable[torch.nn.Parameter] = (),
        precision: torch.dtype = torch.float32,
    ):
        kept = {id(p) for p in plain}
        matrices = [
            p for p in model.parameters() if p.ndim >= 2 and min(p.shape[0], p[0].numel()) > 4 and id(p) not in kept
        ]
        self.precision = precision
        chosen = {id(p) for p in matrices}
        others = [p for p in model.parameters() if id(p) not in chosen]
        groups = [dict(params=matrices, lr=rate, muon=True), dict(params=others, lr=rate * adam_share, muon=False)]
        super().__init__(groups, dict(decay=decay))

    @torch.no_grad()
    def step(self) -> None:
        """One update."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if group["muon"]:
                    momentum = state.setdefault("momentum", torch.zeros_like(p))
                    momentum.lerp_(p.grad, 0.05)
                    update = p.grad.lerp(momentum, 0.95).flatten(1)
                    update = (
                        orthogonalised(update.to(self.precision)).to(p.dtype).view_as(p)
                        * max(1, p.shape[0] / p[0].numel()) ** 0.5
                    )
                else:
                    first = state.setdefault("first", torch.zeros_like(p))
                    second = state.setdefault("second", torch.zeros_like(p))
                    count = state["count"] = state.get("count", 0) + 1
                    first.lerp_(p.grad, 0.1)
                    second.lerp_(p.grad.square(), 0.01)
                    update = first / (1 - 0.9**count) / ((second / (1 - 0.99**count)).sqrt() + 1e-8)
                p.mul_(1 - group["lr"] * group["decay"]).add_(update, alpha=-group["lr"])
