"""The twin of a jax flow in its own library."""

from __future__ import annotations

from typing import Any

from eulerot.errors import FlowError
from eulerot.flows.adapters.adapted import AdaptedFlow
from eulerot.flows.adapters.arrays import JaxArrays
from eulerot.flows.adapters.bases import NormalBase
from eulerot.flows.adapters.jax_models import DistraxModel, FlowjaxModel
from eulerot.flows.angles import AngleFlow
from eulerot.flows.exports.jax_base import Units

__all__ = ["jax_twin"]


def jax_twin(flow: Any, rearrangement: Any) -> Any:
    """Return ``f o s^-1`` as a flow of the library of ``f``.

    Parameters
    ----------
    flow : Flow
        The flow ``f``, made of a model of jax.
    rearrangement : Rearrangement or TabulatedRearrangement
        The map of its latents.

    Raises
    ------
    FlowError
        If the flow is not of a model of flowjax, distrax or tfp.
    """
    angles = isinstance(flow, AngleFlow)
    adapted = flow.model if angles else flow
    reader = adapted.reader if isinstance(adapted, AdaptedFlow) else None
    if not isinstance(reader, FlowjaxModel | DistraxModel) or not isinstance(reader.arrays, JaxArrays):
        what = adapted.library if isinstance(adapted, AdaptedFlow) else type(flow).__name__
        raise FlowError(
            f"to_jax: expected the twin of a flow of flowjax, distrax or tfp on jax; got that of {what}. Its map alone "
            "goes there: twin.rearrangement.to_jax()."
        )
    base = adapted.base
    units = None if isinstance(base, NormalBase) and base.is_standard else Units(base, angles=angles)
    if isinstance(reader, FlowjaxModel):
        from eulerot.flows.exports.jax_flowjax import flowjax_twin

        return flowjax_twin(reader, adapted.model, rearrangement.to_jax(library="flowjax"), units)
    from eulerot.flows.exports.jax_distrax import distrax_twin

    return distrax_twin(reader, rearrangement.to_jax(library="distrax"), units)
