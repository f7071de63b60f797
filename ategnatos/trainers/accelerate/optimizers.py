"""The optimizers of the torch trainer: AdamW, Adafactor, and Lion, which torch has not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ategnatos.trainers.accelerate.order import Recipe

_LION = (0.9, 0.99)


def made(recipe: Recipe, groups: list[dict[str, Any]]) -> Any:
    """The optimizer over ``groups``; each group's rate is set before every step."""
    import torch

    if recipe.optimizer == "lion":
        return _lion()(groups, {"lr": recipe.rate, "weight_decay": recipe.weight_decay})
    if recipe.optimizer == "adafactor":
        from transformers.optimization import Adafactor

        return Adafactor(
            groups,
            lr=recipe.rate,
            weight_decay=recipe.weight_decay,
            scale_parameter=False,
            relative_step=False,
        )
    return torch.optim.AdamW(groups, lr=recipe.rate, weight_decay=recipe.weight_decay)


def _lion() -> Any:
    import torch

    class Lion(torch.optim.Optimizer):  # type: ignore[misc]
        """Chen and others, arXiv 2302.06675."""

        def step(self, closure: Any = None) -> Any:
            """Move every parameter by the sign of a mean of its gradients."""
            with torch.no_grad():
                for group in self.param_groups:
                    for part in group["params"]:
                        if part.grad is not None:
                            self._move(part, group["lr"], group["weight_decay"])
            return closure() if closure is not None else None

        def _move(self, part: Any, rate: float, decay: float) -> None:
            mean = self.state[part].setdefault("mean", torch.zeros_like(part))
            part.mul_(1 - rate * decay)
            part.sub_(mean.lerp(part.grad, 1 - _LION[0]).sign(), alpha=rate)
            mean.lerp_(part.grad, 1 - _LION[1])

    return Lion
