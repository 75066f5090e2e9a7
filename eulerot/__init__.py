"""Transport-efficient normalizing flows by geodesics of the incompressible Euler equations."""

from eulerot._version import __version__
from eulerot.errors import FlowError, FormatError, ResolutionError, SampleWarning, SourceError
from eulerot.euler.certificate import Certificate, CompositionCertificate
from eulerot.euler.geodesic import Geodesic
from eulerot.euler.grid import Grid
from eulerot.euler.solver import EulerSolution, solve_euler
from eulerot.flows import zoo
from eulerot.flows.adapters.flow import flow
from eulerot.flows.knothe.flow import KnotheFlow, knothe_flow
from eulerot.flows.linear import LinearFlow
from eulerot.flows.rearranged import RearrangedFlow
from eulerot.flows.rearranging import rearrange
from eulerot.flows.report import FlowReport
from eulerot.flows.velocity.flow import VelocityFlow, velocity_flow
from eulerot.geometry.conjugate import ConjugatePoint, conjugate_time
from eulerot.geometry.curvature import sectional_curvature
from eulerot.geometry.jacobi import jacobi_field
from eulerot.rearrangement.composition import Rearrangement
from eulerot.rearrangement.conditional import ConditionalSweep
from eulerot.rearrangement.sweep import Sweep
from eulerot.rearrangement.tabulated import TabulatedRearrangement
from eulerot.shooting.continuation import FitStage
from eulerot.shooting.fit import FitResult, fit
from eulerot.transport.dual import DualBound, dual_bound
from eulerot.transport.report import TransportReport, transport_report

__all__ = [
    "Certificate",
    "CompositionCertificate",
    "ConditionalSweep",
    "ConjugatePoint",
    "DualBound",
    "EulerSolution",
    "FitResult",
    "FitStage",
    "FlowError",
    "FlowReport",
    "FormatError",
    "Geodesic",
    "Grid",
    "KnotheFlow",
    "LinearFlow",
    "RearrangedFlow",
    "Rearrangement",
    "ResolutionError",
    "SampleWarning",
    "SourceError",
    "Sweep",
    "TabulatedRearrangement",
    "TransportReport",
    "VelocityFlow",
    "__version__",
    "conjugate_time",
    "dual_bound",
    "fit",
    "flow",
    "jacobi_field",
    "knothe_flow",
    "rearrange",
    "sectional_curvature",
    "solve_euler",
    "transport_report",
    "velocity_flow",
    "zoo",
]
