"""Models of nflows and normflows: where they keep their maps, their base and their density.

The transform of an nflows flow takes data to the base; the flows of a normflows model take values of the base to data.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from eulerot.errors import FlowError
from eulerot.flows.adapters.arrays import TorchArrays
from eulerot.flows.adapters.parts import Parts

__all__ = ["NflowsFlow", "read_nflows", "read_normflows"]


@dataclass(frozen=True)
class NflowsFlow:
    """The functions of an nflows flow, its context embedded once a call.

    Attributes
    ----------
    library : str
        Whose model it is.
    arrays : TorchArrays
        How its functions are called.
    model : nflows.flows.Flow
        The flow.
    context : torch.Tensor or None
        The context of a conditional flow, with a leading axis of length one.
    depth : int
        How many bases lie between the flow and the base of `to_data`; zero for its own base.
    """

    library: str
    arrays: TorchArrays
    model: Any
    context: Any
    depth: int = 0

    @property
    def dim(self) -> int | None:
        """The dimension of the data, where the base or a layer tells it."""
        base = self.model._distribution
        shape: tuple[int, ...] = getattr(base, "_shape", getattr(base, "event_shape", ()))
        sizes = [shape[0]] if len(shape) == 1 else []
        sizes += [module.features for module in self.model._transform.modules() if hasattr(module, "features")]
        return next((int(size) for size in sizes if isinstance(size, int)), None)

    def to_data(self, b: Any) -> Any:
        """Return the data of values of the base."""
        return self.data_and_log_det(b)[0]

    def to_base(self, x: Any) -> Any:
        """Return the values of the base of data."""
        return self.base_and_log_det(x)[0]

    def log_prob(self, x: Any) -> Any:
        """Return the log density of data, as ``Flow.log_prob`` does, for bases that take no context too."""
        values, log_det = self.base_and_log_det(x)
        return self.base_log_prob(values) + log_det

    def log_det(self, b: Any) -> Any:
        """Return ``log |det D to_data|`` at values of the base."""
        return self.data_and_log_det(b)[1]

    def sample(self, n: int) -> Any:
        """Return samples."""
        return self.model.sample(n, context=self.context).reshape(n, -1)

    def base_log_prob(self, b: Any) -> Any:
        """Return the log density of values of the base."""
        _, base, context = self.unnested()
        if hasattr(base, "event_shape"):  # a distribution of torch, such as nflows' BoxUniform
            return base.log_prob(b)
        return base.log_prob(b, context=_repeated(context, len(b)))

    def base_sample(self, n: int) -> Any:
        """Return samples of the base."""
        _, base, context = self.unnested()
        if hasattr(base, "event_shape"):
            return base.sample((n,))
        return base.sample(n, context=context).reshape(n, -1)

    def deeper(self) -> Parts | None:
        """Return the parts for the base of the base, if the base is a flow itself."""
        with self.arrays.session():
            base = self.unnested()[1]
        return Parts.of(replace(self, depth=self.depth + 1)) if hasattr(base, "_transform") else None

    def unnested(self) -> tuple[list[tuple[Any, Any]], Any, Any]:
        """Return the transforms with their contexts, from the data to the base, and the base with its context."""
        law, context, transforms = self.model, self.context, []
        for _ in range(self.depth + 1):
            if context is not None and hasattr(law, "_embedding_net"):
                context = law._embedding_net(context)
            transforms.append((law._transform, context))
            law = law._distribution
        return transforms, law, context

    def data_and_log_det(self, b: Any) -> tuple[Any, Any]:
        """Return the data of values of the base, and the log-determinant of the map to them."""
        transforms, _, _ = self.unnested()
        total: Any = 0.0
        for transform, context in reversed(transforms):
            b, log_det = transform.inverse(b, context=_repeated(context, len(b)))
            total = total + log_det
        return b, total

    def base_and_log_det(self, x: Any) -> tuple[Any, Any]:
        """Return the values of the base of data, and the log-determinant of the map to them."""
        transforms, _, _ = self.unnested()
        total: Any = 0.0
        for transform, context in transforms:
            x, log_det = transform(x, context=_repeated(context, len(x)))
            total = total + log_det
        return x, total


def _repeated(context: Any, n: int) -> Any:
    """Return `n` rows of a context of one row."""
    return None if context is None else context.expand(n, *context.shape[1:])


def read_nflows(model: Any, context: np.ndarray | None) -> Parts:
    """Return the parts of an nflows model."""
    conditional = any(
        getattr(module, name, None) is not None
        for module in model.modules()
        for name in ("context_layer", "_context_encoder")
    )
    if conditional and context is None:
        raise FlowError(
            "flow: this nflows model is conditional, and would silently ignore that no context is given. Pass "
            "context=, one vector."
        )
    arrays = TorchArrays.of(model)
    reader = NflowsFlow("nflows", arrays, model, None if context is None else arrays.native(context[None]))
    return Parts.of(reader, dim=reader.dim)


@dataclass(frozen=True)
class NormflowsModel:
    """The functions of a normflows model, see `NflowsFlow` for the attributes."""

    library: str
    arrays: TorchArrays
    model: Any
    context: Any
    depth: int = 0

    def to_data(self, b: Any) -> Any:
        """Return the data of values of the base."""
        for model in reversed(self.models()):
            b = model.forward(b, **self.rows(len(b)))
        return b

    def to_base(self, x: Any) -> Any:
        """Return the values of the base of data."""
        for model in self.models():
            x = model.inverse(x, **self.rows(len(x)))
        return x

    def log_prob(self, x: Any) -> Any:
        """Return the log density of data."""
        return self.model.log_prob(x, **self.rows(len(x)))

    def log_det(self, b: Any) -> Any:
        """Return ``log |det D to_data|`` at values of the base."""
        total: Any = 0.0
        for model in reversed(self.models()):
            b, log_det = model.forward_and_log_det(b, **self.rows(len(b)))
            total = total + log_det
        return total

    def sample(self, n: int) -> Any:
        """Return samples."""
        return self.model.sample(n, **self.rows(n))

    def base_log_prob(self, b: Any) -> Any:
        """Return the log density of values of the base."""
        return self.models()[-1].q0.log_prob(b, **self.rows(len(b)))

    def base_sample(self, n: int) -> Any:
        """Return samples of the base."""
        return self.models()[-1].q0(n, **self.rows(n))

    def deeper(self) -> Parts | None:
        """Return the parts for the base of the base, if the base is a flow itself."""
        return Parts.of(replace(self, depth=self.depth + 1)) if hasattr(self.models()[-1].q0, "q0") else None

    def models(self) -> list[Any]:
        """Return the model and those of its bases that are models, from the data to the base."""
        models = [self.model]
        for _ in range(self.depth):
            models.append(models[-1].q0)
        return models

    def rows(self, n: int) -> dict[str, Any]:
        """Return the context as an argument of a call on `n` rows."""
        return {} if self.context is None else {"context": self.context.expand(n, -1)}


def read_normflows(model: Any, context: np.ndarray | None) -> Parts:
    """Return the parts of a normflows model."""
    if not hasattr(model.q0, "log_prob"):
        raise FlowError(
            "flow: expected one latent vector; this normflows model has a list of bases, its latents in several "
            "pieces. Pass maps of their concatenation to eulerot.flow(forward=, inverse=, ...)."
        )
    arrays = TorchArrays.of(model)
    return Parts.of(NormflowsModel("normflows", arrays, model, None if context is None else arrays.native(context)))
