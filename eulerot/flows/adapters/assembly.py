"""What a model offers, put together into a flow of the standard normal; what is missing is found numerically."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from eulerot._jacobian import log_abs_det
from eulerot._types import FloatArray
from eulerot.errors import FlowError
from eulerot.flows.adapters.adapted import AdaptedFlow
from eulerot.flows.adapters.bases import NormalBase, UniformBase, standardised
from eulerot.flows.adapters.inversion import NumericalInverse
from eulerot.flows.adapters.parts import Parts
from eulerot.flows.knothe.flow import KnotheFlow, knothe_flow
from eulerot.latent.source import log_normal, normal_points

__all__ = ["Assembly"]

Map = Callable[[FloatArray], FloatArray]
# What libraries raise where a transform has no inverse; pyro's planar flow misses a key of its cache
_NO_INVERSE = {"NotImplementedError", "InverseNotAvailable", "KeyError"}


@dataclass(frozen=True)
class Assembly:
    """The parts of a model, called in batches, and what is known of it by trying.

    Attributes
    ----------
    parts : Parts
        The functions of the model; those that do not work are None.
    dim, batch_size : int
        The dimension, and the largest number of rows in one call.
    precision : float
        The rounding unit of what comes back.
    """

    parts: Parts
    dim: int
    batch_size: int
    precision: float = float(np.finfo(np.float64).eps)

    @classmethod
    def of(cls, parts: Parts, dim: int | None, batch_size: int) -> Assembly:
        """Return the assembly of a model, its functions tried on two rows each."""
        if dim is None:
            dim = _dimension(parts)
        made = cls(parts, int(dim), batch_size)
        rows = made._drawn(parts.base_sample, 2) if parts.base_sample else normal_points(2, made.dim)
        data, precision = made._tried("to_data", rows)
        if data is None:
            data = made._drawn(parts.sample, 2) if parts.sample else rows
        working: dict[str, Any] = {"to_data": None if precision is None else parts.to_data}
        for name in ("to_base", "log_prob"):
            found = made._tried(name, data)[1]
            working[name] = None if found is None else getattr(parts, name)
            precision = found if precision is None else precision
        if precision is None:
            raise FlowError(
                f"flow: expected a model with maps or a density; {parts.library} offers no forward, inverse or "
                "log_prob that can be called. Pass functions to eulerot.flow(forward=, inverse=, log_prob=)."
            )
        return replace(made, parts=replace(parts, **working), precision=precision)

    def flow(self) -> AdaptedFlow | KnotheFlow:
        """Return the flow."""
        parts = self.parts
        if parts.to_data is None and parts.to_base is None:
            return self._from_density()
        words, base = [f"the maps of the model ({parts.library})"], self._base()
        to_data, to_base, numerical = self._maps(base)
        if numerical is not None:
            words.append(f"its {numerical} map found numerically, by Newton's method")
        if parts.log_prob is None:
            words.append("its density from its Jacobian")
            log_prob = self._density(to_data, to_base, numerical, base)
        else:
            log_prob = self._rows(parts.log_prob)
        words.append(str(base))
        sample = None if parts.sample is None else lambda n, seed: self._drawn(parts.sample, n, seed)
        return AdaptedFlow(
            dim=self.dim,
            library=parts.library,
            map="; ".join(words),
            base=base,
            precision=self.precision,
            numerical=numerical,
            to_data=to_data,
            to_base=to_base,
            _log_prob=log_prob,
            _sample=sample,
            base_given=parts.base_log_prob is not None,
        )

    def _rows(self, function: Callable[..., Any]) -> Map:
        """Return a function of the model as one of float64 rows, called in batches."""

        def run(rows: FloatArray) -> FloatArray:
            starts = range(0, len(rows), self.batch_size)
            found = [self.parts.arrays.call(function, rows[i : i + self.batch_size]) for i in starts]
            return np.concatenate(found).astype(np.float64)

        return run

    def _drawn(self, sample: Callable[..., Any] | None, n: int, seed: int = 0) -> FloatArray:
        drawn = np.asarray(self.parts.arrays.call(sample, n, seed), dtype=np.float64)  # type: ignore[arg-type]
        if drawn.shape != (n, self.dim):
            raise FlowError(
                f"flow: expected {n} samples of shape ({n}, {self.dim}); got {drawn.shape}. Only flows of vectors can "
                "be rearranged: flatten the data, or pass maps of vectors to eulerot.flow."
            )
        return drawn

    def _tried(self, name: str, rows: FloatArray) -> tuple[FloatArray | None, float | None]:
        """Return what a function of the model gives and its rounding unit, or None where it is not implemented."""
        function = getattr(self.parts, name)
        if function is None:
            return None, None
        try:
            found = self.parts.arrays.call(function, rows)
        except Exception as error:
            if _NO_INVERSE & {kind.__name__ for kind in type(error).__mro__}:
                return None, None
            raise FlowError(
                f"flow: {name} of {self.parts.library} cannot be called on rows of shape {rows.shape}: "
                f"{type(error).__name__}: {error}. If it is conditional pass context=; else pass functions of rows to "
                "eulerot.flow(forward=, inverse=, ...)."
            ) from error
        shape = (len(rows),) if name == "log_prob" else rows.shape
        if found.shape != shape:
            raise FlowError(
                f"flow: expected {name} of shape {shape} for rows of shape {rows.shape}; got {found.shape}."
            )
        precision = np.finfo(found.dtype).eps if found.dtype.kind == "f" else np.finfo(np.float64).eps
        return found.astype(np.float64), float(precision)

    def _base(self) -> NormalBase | UniformBase:
        if self.parts.base_log_prob is None or self.parts.base_sample is None:
            return NormalBase.standard(self.dim)
        samples = self._drawn(self.parts.base_sample, 256)
        return standardised(self._rows(self.parts.base_log_prob), samples, precision=self.precision)

    def _maps(self, base: NormalBase | UniformBase) -> tuple[Map, Map, str | None]:
        """Return the maps from the base to the data and back, and which of them is numerical."""
        parts = self.parts
        if parts.to_data is None:
            to_base = self._rows(parts.to_base)  # type: ignore[arg-type]
            backward = self._inverse_of(lambda x: base.to_normal(to_base(x)), self._data_points(), "forward")
            return lambda b: backward(base.to_normal(b)), to_base, "forward"
        to_data = self._rows(parts.to_data)
        if parts.to_base is None:
            starts = 1.5 * normal_points(2048, self.dim)
            forward = self._inverse_of(lambda u: to_data(base.from_normal(u)), starts, "inverse")
            return to_data, lambda x: base.from_normal(forward(x)), "inverse"
        return to_data, self._rows(parts.to_base), None

    def _inverse_of(self, function: Map, starts: FloatArray, name: str) -> NumericalInverse:
        return NumericalInverse(function, starts, function(starts), self.precision, name)

    def _data_points(self) -> FloatArray:
        """Return points where the data may be."""
        if self.parts.sample is not None:
            return self._drawn(self.parts.sample, 2048)
        return np.concatenate([scale * normal_points(1024, self.dim) for scale in (1.0, 4.0)])

    def _density(self, to_data: Map, to_base: Map, numerical: str | None, base: NormalBase | UniformBase) -> Map:
        """Return the log density from the base and the Jacobian of whichever map is the model's own."""
        step = self.precision ** (1 / 3)
        if numerical == "forward":

            def latents(x: FloatArray) -> FloatArray:
                return base.to_normal(to_base(x))

            return lambda x: log_normal(latents(x)) + log_abs_det(latents, x, step)
        if self.parts.log_det is not None and self.parts.base_log_prob is not None:
            base_log_prob, log_det = self._rows(self.parts.base_log_prob), self._rows(self.parts.log_det)

            def log_prob(x: FloatArray) -> FloatArray:
                b = to_base(x)
                return base_log_prob(b) - log_det(b)

            return log_prob

        def by_differences(x: FloatArray) -> FloatArray:
            u = base.to_normal(to_base(x))
            return log_normal(u) - log_abs_det(lambda v: to_data(base.from_normal(v)), u, step)

        return by_differences

    def _from_density(self) -> KnotheFlow:
        if self.dim not in (2, 3):
            raise FlowError(
                f"flow: {self.parts.library} has a density and no maps; a map by quadrature needs dimension 2 or 3, "
                f"got {self.dim}. Pass forward= or inverse= to eulerot.flow."
            )
        log_prob = self._rows(self.parts.log_prob)  # type: ignore[arg-type]
        if self.parts.sample is None:
            return knothe_flow(log_prob, dim=self.dim)
        samples = self._drawn(self.parts.sample, 1024)
        return knothe_flow(log_prob, dim=self.dim, center=np.median(samples, axis=0), scale=samples.std(axis=0))


def _dimension(parts: Parts) -> int:
    """Return the dimension from samples of the base or of the model."""
    sample = parts.base_sample or parts.sample
    if sample is None:
        raise FlowError("flow: expected a model that can be sampled, or its dimension; got neither. Pass dim=.")
    shape = np.shape(parts.arrays.call(sample, 2, 0))
    if len(shape) != 2 or shape[0] != 2:
        raise FlowError(
            f"flow: expected two samples of shape (2, d); got {shape}. Only flows of vectors can be rearranged: "
            "flatten the data, or pass maps of vectors to eulerot.flow."
        )
    return int(shape[1])
