"""The exact map in torch: NumPy on the processor in double precision, with the exact adjoint as its derivative."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from eulerot._types import FloatArray
from eulerot.rearrangement.exports.exact_map import ExactMap
from eulerot.rearrangement.exports.torch_transform import LatentTransform

__all__ = ["TorchRearrangement"]


class TorchRearrangement(LatentTransform):
    """A rearrangement as a module and a transform; made by `Rearrangement.to_torch`.

    Values and derivatives are computed by NumPy, in double precision on the processor. Derivatives are exact, for
    reverse mode and once only. ``torch.func.vmap`` and ``torch.func.vjp`` work; ``torch.compile`` calls it as it is.

    Parameters
    ----------
    rearrangement : Rearrangement
        The map. ``state_dict`` holds it as the bytes of its file, which no change of dtype touches.
    inverted : bool
        Whether calls return the inverse.
    """

    def __init__(self, rearrangement: Any, *, inverted: bool = False) -> None:
        super().__init__(rearrangement.dim, inverted=inverted)
        self.rearrangement: ExactMap = rearrangement

    def log_abs_det_jacobian(self, z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Return ``log |det Ds(z)| = log N(z) - log N(y)`` of ``y = s(z)``, shape ``(...)``; zero for angles.

        This is that of the Euler equations, which preserve the Gaussian. That of the steps that are taken differs from
        it by `log_abs_det`, 1e-9 or so for a delivered map.
        """
        if self.rearrangement.domain == "torus":
            return torch.zeros_like(z).sum(-1)
        return 0.5 * (y * y - z * z).sum(-1)

    @torch.compiler.disable
    def log_abs_det(self, z: torch.Tensor) -> torch.Tensor:
        """Return the logarithm of the factor by which the map changes Gaussian volume, shape ``(...)``; no gradient."""
        rows = _rows(self._checked(z))
        if len(rows) == 0:
            return z.new_zeros(z.shape[:-1])
        if self.inverted:
            return -_tensor(self.rearrangement.log_abs_det(self.rearrangement.inverse(rows)), z, z.shape[:-1])
        return _tensor(self.rearrangement.log_abs_det(rows), z, z.shape[:-1])

    def get_extra_state(self) -> torch.Tensor:
        """Return the map as a tensor of bytes, for ``state_dict``."""
        return torch.frombuffer(bytearray(self.rearrangement.to_bytes()), dtype=torch.uint8)

    def set_extra_state(self, state: torch.Tensor) -> None:
        """Take the map of a ``state_dict``."""
        found = type(self.rearrangement).from_bytes(bytes(state.cpu().numpy()))
        if (found.dim, found.domain) != (self.dim, self.rearrangement.domain):
            expected = f"{self.dim} dimensions of the {self.rearrangement.domain}"
            raise ValueError(f"state_dict: expected a map of {expected}; got {found.dim} of the {found.domain}.")
        self.rearrangement = found
        if self.__dict__["_inv"] is not None:
            self.__dict__["_inv"].rearrangement = found

    def _turned(self) -> TorchRearrangement:
        return type(self)(self.rearrangement, inverted=not self.inverted)

    @torch.compiler.disable
    def _moved(self, z: torch.Tensor, inverted: bool) -> torch.Tensor:
        return _Moved.apply(z, self.rearrangement, inverted)


class _Moved(torch.autograd.Function):
    """The map of latents along the last axis, with `_Pulled` as its derivative."""

    @staticmethod
    def forward(z: torch.Tensor, exact: ExactMap, inverted: bool) -> torch.Tensor:
        rows = _rows(z)
        if len(rows) == 0:
            return z.clone()
        return _tensor(exact.inverse(rows) if inverted else exact.forward(rows), z, z.shape)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        z, ctx.exact, ctx.inverted = inputs
        ctx.save_for_backward(z)

    @staticmethod
    def backward(ctx: Any, bar: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        return _Pulled.apply(ctx.saved_tensors[0], bar, ctx.exact, ctx.inverted), None, None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], z: torch.Tensor, exact: ExactMap, inverted: bool) -> Any:
        return _Moved.apply(z.movedim(in_dims[0], 0), exact, inverted), 0


class _Pulled(torch.autograd.Function):
    """The transposed Jacobian of the map times a covector."""

    @staticmethod
    def forward(z: torch.Tensor, bar: torch.Tensor, exact: ExactMap, inverted: bool) -> torch.Tensor:
        rows = _rows(z)
        if len(rows) == 0:
            return bar.clone()
        pull = exact.inverse_pullback if inverted else exact.pullback
        return _tensor(pull(rows, _rows(bar)), z, z.shape)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, bar: torch.Tensor) -> None:
        raise RuntimeError(
            "to_torch: expected first derivatives of a rearrangement; got a second one, which it does not have. Use "
            "rearrangement.tabulated().to_torch(), whose tensor operations have all."
        )

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[Any, ...], z: torch.Tensor, bar: torch.Tensor, exact: ExactMap, inverted: bool
    ) -> Any:
        z, bar = (
            each.expand(info.batch_size, *each.shape) if axis is None else each.movedim(axis, 0)
            for each, axis in zip((z, bar), in_dims[:2], strict=True)
        )
        return _Pulled.apply(z, bar, exact, inverted), 0


def _rows(tensor: torch.Tensor) -> FloatArray:
    """Return vectors along the last axis as rows."""
    values: np.ndarray = tensor.detach().to("cpu", torch.float64).numpy()
    return values.reshape(-1, values.shape[-1])


def _tensor(values: FloatArray, like: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
    """Return an array as a tensor of a shape, with the dtype and the device of another."""
    return torch.from_numpy(values.reshape(tuple(shape))).to(like)
