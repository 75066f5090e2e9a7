"""The exceptions and the one warning of the package."""

from __future__ import annotations

__all__ = ["FlowError", "FormatError", "ResolutionError", "SampleWarning", "SourceError"]


class SourceError(ValueError):
    """Latents that are not distributed as the source they claim to be."""


class FlowError(ValueError):
    """A flow whose forward map, inverse map and ``log_prob`` contradict each other."""


class ResolutionError(ValueError):
    """A step or a truncation that is too coarse for the field."""


class FormatError(ValueError):
    """A file that is not a complete, unaltered and readable eulerot file."""


class SampleWarning(UserWarning):
    """Samples that can be worked with, but should be trusted less: clipped, few, repeated or heavy-tailed ones."""
