"""The flow of a velocity as a transform of torch, integrated by torchdiffeq."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.distributions import constraints
from torch.distributions.transforms import Transform
from torchdiffeq import odeint

from eulerot.flows.velocity.flow import VelocityFlow

__all__ = ["VelocityTransform"]

Field = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class VelocityTransform(Transform):
    """The map of a velocity from standard normal latents to data, with gradients to all that it depends on.

    Parameters
    ----------
    flow : VelocityFlow
        The flow, whose velocity is one of torch. Its tolerance is kept.
    """

    bijective = True
    domain = codomain = constraints.real_vector

    def __init__(self, flow: VelocityFlow) -> None:
        super().__init__()
        self.flow = flow

    def with_cache(self, cache_size: int = 1) -> VelocityTransform:
        """Return the transform as it is: it keeps no cache."""
        return self

    def _call(self, z: torch.Tensor) -> torch.Tensor:
        return self._integrated(self._velocity, z.reshape(-1, self.flow.dim), *self.flow.times).reshape(z.shape)

    def _inverse(self, x: torch.Tensor) -> torch.Tensor:
        return self._integrated(self._velocity, x.reshape(-1, self.flow.dim), *self.flow.times[::-1]).reshape(x.shape)

    def log_abs_det_jacobian(self, z: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Return the integral of the exact trace along the way from latents to data, shape ``(...)``."""
        rows = z.reshape(-1, self.flow.dim)
        start = torch.cat([rows, torch.zeros_like(rows[:, :1])], dim=1)
        return self._integrated(self._augmented, start, *self.flow.times)[:, -1].reshape(z.shape[:-1])

    def _integrated(self, velocity: Field, state: torch.Tensor, first: float, last: float) -> torch.Tensor:
        times, steps = torch.tensor([first, last], dtype=state.dtype, device=state.device), self.flow.tolerance
        return odeint(velocity, state, times, rtol=steps, atol=steps, method="dopri5")[-1]

    def _velocity(self, t: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return self.flow.field.of_rows(torch.cat([x, t.to(x).expand(len(x), 1)], dim=1))

    def _augmented(self, t: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
        """Return the velocity and its divergence."""
        kept = torch.is_grad_enabled()
        with torch.enable_grad():
            x = state[:, :-1]
            x = x if x.requires_grad else x.detach().requires_grad_()
            velocity = self._velocity(t, x)
            divergence = torch.zeros_like(velocity[:, :1])
            for axis in range(self.flow.dim if velocity.requires_grad else 0):
                total = velocity[:, axis].sum()
                (slope,) = torch.autograd.grad(total, x, create_graph=kept, retain_graph=True, allow_unused=True)
                divergence = divergence if slope is None else divergence + slope[:, axis : axis + 1]
        return torch.cat([velocity, divergence], dim=1)
