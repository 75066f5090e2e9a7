"""Put what a model offers together into a flow of the standard normal; what is missing is found numerically."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from eulerot._jacobian import log_abs_det
from eulerot._types import FloatArray
from eulerot.errors import FlowError, SourceError
from eulerot.flows.adapters.adapted import AdaptedFlow, Map
from eulerot.flows.adapters.bases import NormalBase, UniformBase, standardised
from eulerot.flows.adapters.calls import Composed, Draw, Rows
from eulerot.flows.adapters.density import DensityOfInverse, DensityOfLogDet
from eulerot.flows.adapters.inversion import NumericalInverse
from eulerot.flows.adapters.parts import Parts
from eulerot.flows.knothe.flow import KnotheFlow, knothe_flow
from eulerot.latent.source import log_normal, normal_points

__all__ = ["Assembly"]

# What libraries raise where a transform has no inverse; pyro's planar flow misses a key of its cache
_NO_INVERSE = {"NotImplementedError", "InverseNotAvailable", "KeyError"}
COARSEST = 1e-4  # the rounding unit of half precision is 1e-3


@dataclass(frozen=True)
class Assembly:
    """The parts of a model, called in batches, and what is known of it by trying.

    Attributes
    ----------
    parts : Parts
        The functions of the model; those that do not work are None.
    dim, batch_size : int
        The dimension, and the largest number of rows in one call.
    base : NormalBase or UniformBase
        The base of the model.
    precision : float
        The rounding unit of what comes back.
    """

    parts: Parts
    dim: int
    batch_size: int
    base: NormalBase | UniformBase
    precision: float

    @classmethod
    def of(cls, parts: Parts, dim: int | None, batch_size: int) -> Assembly:
        """Return the assembly of a model, its functions tried on two rows each.

        Where the base is neither normal nor uniform, and is a flow itself, its own base is taken, at any depth.
        """
        if not (parts.to_data or parts.to_base or parts.log_prob):
            raise _nothing_to_call(parts.library)
        dim = int(dim if dim is not None else parts.dim or _dimension(parts))
        level = cls(parts, dim, batch_size, NormalBase.standard(dim), parts.arrays.rounding_unit)
        while True:
            try:
                base = level._standardised_base()
                break
            except (SourceError, FlowError):  # the density of a base that is a flow may ask for an inverse it lacks
                deeper = None if level.parts.deeper is None else level.parts.deeper()
                if deeper is None:
                    raise
                level = replace(level, parts=replace(deeper, dim=dim, note=parts.note))
        return replace(level, base=base)._tried()

    def flow(self) -> AdaptedFlow | KnotheFlow:
        """Return the flow."""
        parts = self.parts
        if parts.to_data is None and parts.to_base is None:
            return self._from_density()
        to_data, to_base, numerical = self._maps()
        words = [f"the maps of the model ({parts.library})"]
        if numerical is not None:
            words.append(f"its {numerical} map found numerically, by Newton's method")
        if parts.log_prob is None:
            words.append("its density from its Jacobian")
        words += [str(self.base), parts.note] if parts.note else [str(self.base)]
        return AdaptedFlow(
            dim=self.dim,
            library=parts.library,
            map="; ".join(words),
            base=self.base,
            precision=self.precision,
            numerical=numerical,
            to_data=to_data,
            to_base=to_base,
            log_density=self.rows("log_prob") if parts.log_prob else self._density(to_data, to_base, numerical),
            _sample=None if parts.sample is None else self.draw("sample"),
            base_given=parts.base_log_prob is not None,
            reader=parts.reader,
        )

    def restoring(self, *models: Any) -> Assembly:
        """Return the assembly of models that are put back as they were after each call."""
        return replace(self, parts=replace(self.parts, arrays=replace(self.parts.arrays, restored=models)))

    def rows(self, name: str) -> Rows:
        """Return a function of the model as one of float64 rows."""
        return Rows(getattr(self.parts, name), self.parts.arrays, name, self.parts.library, self.batch_size)

    def draw(self, name: str) -> Draw:
        """Return a sampler of the model as a function of a number and a seed."""
        return Draw(getattr(self.parts, name), self.parts.arrays, name, self.parts.library, self.dim)

    def _tried(self) -> Assembly:
        """Return the assembly without the functions that are not implemented, and with its precision."""
        parts = replace(
            self.parts,
            base_sample=self._working_sampler("base_sample"),
            sample=self._working_sampler("sample"),
        )
        draft = replace(self, parts=parts)
        rows = draft.draw("base_sample")(2) if parts.base_sample else normal_points(2, self.dim)
        data = draft._values("to_data", rows)
        working: dict[str, Any] = {"to_data": None if data is None else parts.to_data}
        given = data
        if given is None:
            given = draft.draw("sample")(2) if parts.sample else rows
        found = [data]
        for name in ("to_base", "log_prob"):
            found.append(draft._values(name, given.astype(np.float64)))
            working[name] = None if found[-1] is None else getattr(parts, name)
        precisions = [_rounding_unit(values) for values in found if values is not None]
        if not precisions:
            raise _nothing_to_call(parts.library)
        if precisions[0] > COARSEST:
            raise FlowError(
                f"flow: expected a model in single or double precision; {parts.library} returns numbers with a "
                f"rounding unit of {precisions[0]:.0e}, too coarse for a map that is to be inverted. Convert the model."
            )
        return replace(draft, parts=replace(parts, **working), precision=precisions[0])

    def _working_sampler(self, name: str) -> Any:
        """Return a sampler of the model, or None where it is not implemented, or fails and can be done without.

        nflows cannot sample in double precision, for example, and its DiagonalNormal not at all: their maps and
        densities serve alone.
        """
        sample = getattr(self.parts, name)
        if sample is None:
            return None
        try:
            self.parts.arrays.draw(sample, 2, 0)
        except Exception as error:
            if name == "sample" and self.parts.to_data is None and not _is_not_implemented(error):
                self.draw(name)(2)  # raises the same error, explained
            return None
        return sample

    def _values(self, name: str, rows: FloatArray) -> np.ndarray | None:
        """Return what a function of the model gives, or None where it is not implemented."""
        if getattr(self.parts, name) is None:
            return None
        try:
            return self.rows(name).batch(rows)
        except FlowError as error:
            if error.__cause__ is not None and _is_not_implemented(error.__cause__):
                return None
            raise

    def _standardised_base(self) -> NormalBase | UniformBase:
        """Return the base of the model; the standard normal if the model does not say."""
        if self.parts.base_log_prob is None:
            return NormalBase.standard(self.dim)
        has_sampler = self._working_sampler("base_sample") is not None
        samples = self.draw("base_sample")(256) if has_sampler else normal_points(256, self.dim)
        return standardised(self.rows("base_log_prob"), samples, precision=self.precision)

    def _maps(self) -> tuple[Map, Map, str | None]:
        """Return the maps from the base to the data and back, and which of them is numerical."""
        base = self.base
        if self.parts.to_data is None:
            to_base = self.rows("to_base")
            backward = self._inverse_of(Composed((to_base, base.to_normal)), self._data_points(), "forward")
            return Composed((base.to_normal, backward)), to_base, "forward"
        to_data = self.rows("to_data")
        if self.parts.to_base is None:
            starts = 1.5 * normal_points(2048, self.dim)
            forward = self._inverse_of(Composed((base.from_normal, to_data)), starts, "inverse")
            return to_data, Composed((forward, base.from_normal)), "inverse"
        return to_data, self.rows("to_base"), None

    def _inverse_of(self, function: Map, starts: FloatArray, name: str) -> NumericalInverse:
        return NumericalInverse.from_starts(function, starts, self.precision, name)

    def _data_points(self) -> FloatArray:
        """Return points where the data may be."""
        if self.parts.sample is not None:
            return self.draw("sample")(2048)
        return np.concatenate([scale * normal_points(1024, self.dim) for scale in (1.0, 4.0)])

    def _density(self, to_data: Map, to_base: Map, numerical: str | None) -> Map:
        """Return the log density from the base and the Jacobian of whichever map is the model's own."""
        step = self.precision ** (1 / 3)
        to_normal = Composed((to_base, self.base.to_normal))
        if numerical == "forward":
            return DensityOfInverse(to_normal, step)
        if self.parts.log_det is not None and self.parts.base_log_prob is not None:
            return DensityOfLogDet(to_base, self.rows("base_log_prob"), self.rows("log_det"))
        log_det = partial(log_abs_det, Composed((self.base.from_normal, to_data)), step=step)
        return DensityOfLogDet(to_normal, log_normal, log_det)

    def _from_density(self) -> KnotheFlow:
        if self.dim not in (2, 3):
            raise FlowError(
                f"flow: {self.parts.library} has a density and no maps; a map by quadrature needs dimension 2 or 3, "
                f"got {self.dim}. Pass forward= or inverse= to eulerot.flow."
            )
        if self.parts.sample is None:
            return knothe_flow(self.rows("log_prob"), dim=self.dim)
        samples = self.draw("sample")(1024)
        center, scale = np.median(samples, axis=0), samples.std(axis=0)
        return knothe_flow(self.rows("log_prob"), dim=self.dim, center=center, scale=scale)


def _nothing_to_call(library: str) -> FlowError:
    return FlowError(
        f"flow: expected a model with maps or a density; {library} offers no forward, inverse or log_prob that can be "
        "called. Pass functions to eulerot.flow(forward=, inverse=, log_prob=)."
    )


def _is_not_implemented(error: BaseException) -> bool:
    return bool(_NO_INVERSE & {kind.__name__ for kind in type(error).__mro__})


def _rounding_unit(values: np.ndarray) -> float:
    """Return the rounding unit of numbers; that of double precision for whole ones."""
    return float(np.finfo(values.dtype if values.dtype.kind == "f" else np.float64).eps)


def _dimension(parts: Parts) -> int:
    """Return the dimension from samples of the base or of the model, or of the base of the base."""
    failure: FlowError | None = None
    level: Parts | None = parts
    while level is not None:
        for name in ("base_sample", "sample"):
            sample = getattr(level, name)
            if sample is None:
                continue
            try:
                return Draw(sample, parts.arrays, name, parts.library, None)(2).shape[1]
            except FlowError as error:
                failure = failure or error
        level = None if level.deeper is None else level.deeper()
    raise failure or FlowError(
        "flow: expected a model that can be sampled, or its dimension; got neither. Pass dim= to eulerot.flow, and "
        "what it returns to eulerot.rearrange."
    )
