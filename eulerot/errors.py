"""The exceptions and the one warning of the package."""

from __future__ import annotations

__all__ = ["FlowError", "FormatError", "ResolutionError", "SampleWarning", "SourceError"]


class SourceError(ValueError):
    """Latents that are not distributed as the source they claim to be.

    See Also
    --------
    eulerot.FlowError : A flow that contradicts itself.

    Examples
    --------
    >>> import numpy as np, eulerot
    >>> try:
    ...     eulerot.fit(np.ones((400, 2)), np.ones((400, 2)))
    ... except eulerot.SourceError as error:
    ...     print(str(error).partition(":")[0])
    z
    """


class FlowError(ValueError):
    """A flow whose forward map, inverse map and ``log_prob`` contradict each other.

    See Also
    --------
    eulerot.SourceError : Latents that are not standard normal.
    eulerot.flows.protocol.check_flow : Check that maps and density belong together.

    Examples
    --------
    >>> import eulerot
    >>> issubclass(eulerot.FlowError, ValueError)
    True
    """


class ResolutionError(ValueError):
    """A step or a truncation that is too coarse for the field.

    See Also
    --------
    eulerot.Grid : Domain and truncation.
    eulerot.Geodesic : A geodesic and its flow map.

    Examples
    --------
    >>> import numpy as np, eulerot
    >>> grid = eulerot.Grid((16, 16))
    >>> try:
    ...     eulerot.solve_euler(np.cos(7 * grid.mesh()[0]), grid, time=1.0)
    ... except eulerot.ResolutionError as error:
    ...     print("refused")
    refused
    """


class FormatError(ValueError):
    """A file that is not a complete, unaltered and readable eulerot file.

    See Also
    --------
    eulerot.files.read_arrays : Read such a file.

    Examples
    --------
    >>> import eulerot
    >>> issubclass(eulerot.FormatError, ValueError)
    True
    """


class SampleWarning(UserWarning):
    """Samples that can be worked with, but should be trusted less: clipped, few, repeated or heavy-tailed ones.

    See Also
    --------
    eulerot.fit : Fit a map to pairs.

    Examples
    --------
    >>> import warnings, eulerot
    >>> warnings.simplefilter("ignore", eulerot.SampleWarning)
    """
