"""The twin of a torch flow in its own library."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from eulerot._extras import check_installed
from eulerot.errors import FlowError
from eulerot.flows.adapters.adapted import AdaptedFlow
from eulerot.flows.adapters.arrays import TorchArrays
from eulerot.flows.adapters.calls import Rows
from eulerot.flows.adapters.torch_laws import TorchLaw
from eulerot.flows.adapters.torch_modules import NflowsFlow, NormflowsModel
from eulerot.flows.angles import AngleFlow
from eulerot.flows.exports.torch_base import in_units_of
from eulerot.flows.exports.torch_distributions import OwnTransform, law_twin, own_twin
from eulerot.flows.velocity.flow import VelocityFlow
from eulerot.rearrangement.exports.torch_transform import LatentTransform

__all__ = ["torch_twin"]


def torch_twin(flow: Any, s: LatentTransform) -> Any:
    """Return ``f o s^-1`` as a flow of the library of ``f``.

    Parameters
    ----------
    flow : Flow
        The flow ``f``, made of a torch model.
    s : LatentTransform
        The map of its latents.

    Raises
    ------
    FlowError
        If the flow is not of a torch model, or of one that has no density or lacks a map.
    """
    if isinstance(flow, VelocityFlow) and isinstance(flow.field.arrays, TorchArrays):
        check_installed("torchdiffeq", extra="flows", user="to_torch of a velocity")
        from eulerot.flows.exports.torch_velocity import VelocityTransform

        return own_twin(VelocityTransform(flow), s, flow.field.arrays.native(np.zeros(0)))
    angles = isinstance(flow, AngleFlow)
    adapted = flow.model if angles else flow
    if not isinstance(adapted, AdaptedFlow):
        raise _refusal(type(flow).__name__)
    reader, moved = adapted.reader, in_units_of(adapted.base, s, angles=angles)
    if isinstance(reader, NflowsFlow):
        from eulerot.flows.exports.torch_nflows import nflows_twin

        return nflows_twin(reader, moved)
    if isinstance(reader, NormflowsModel):
        from eulerot.flows.exports.torch_normflows import normflows_twin

        return normflows_twin(reader, moved)
    if isinstance(reader, TorchLaw) and "zuko" in reader.library:
        from eulerot.flows.exports.torch_zuko import zuko_twin

        return zuko_twin(reader, moved)
    if isinstance(reader, TorchLaw) and reader.library == "pyro":
        from eulerot.flows.exports.torch_pyro import PyroTwin

        return law_twin(reader, moved, PyroTwin)
    if isinstance(reader, TorchLaw):
        return law_twin(reader, moved)
    return own_twin(_own_transform(adapted), moved, _like(adapted))


def _own_transform(flow: AdaptedFlow) -> OwnTransform:
    """Return the maps of a module of one's own."""
    functions = [flow.to_data, flow.to_base, flow.log_density]
    for name, function in zip(("forward", "inverse", "log_prob"), functions, strict=True):
        if not isinstance(function, Rows) or not isinstance(function.arrays, TorchArrays):
            raise _refusal(flow.library)
        if function.name != {"forward": "to_data", "inverse": "to_base"}.get(name, name):
            raise _refusal(flow.library)
    return OwnTransform(*(function.function for function in functions))  # type: ignore[attr-defined]


def _like(flow: AdaptedFlow) -> torch.Tensor:
    """Return a tensor of the dtype and on the device of a model."""
    assert isinstance(flow.to_data, Rows) and isinstance(flow.to_data.arrays, TorchArrays)
    return torch.empty(0, dtype=flow.to_data.arrays.dtype, device=flow.to_data.arrays.device)


def _refusal(what: str) -> FlowError:
    return FlowError(
        "to_torch: expected the twin of a flow of zuko, nflows, normflows, torch, pyro or sbi, of a velocity in torch, "
        f"or of a module of your own with forward, inverse and log_prob; got that of {what}. Its map alone goes there: "
        "twin.rearrangement.to_torch()."
    )
