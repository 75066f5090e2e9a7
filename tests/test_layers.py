"""The floors of the house: every module imports only from those above it in this list, wherever the import stands."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# From the ground up; a folder stands for all that is in it and not named before or after
FLOORS = """
_types _version errors _extras _summary _progress checks.scalars checks.arrays checks _cached _compilers _compiled
_threads _linear_algebra _jacobian _ranks files
latent.circle latent.source latent.chart latent
plotting.canvas plotting.scatter plotting.curves plotting.fields plotting.film plotting
transport.cost transport.asymmetry transport.report transport._kernels_dual transport.convex_potential
transport.potential_training transport.dual transport
euler.sizes euler.grid euler.transforms._kernels euler.transforms.backends euler.transforms.exchange
euler.transforms.layout euler.transforms.passes euler.transforms.dense euler.shared_grid euler.embedding
euler.transforms.pointwise euler.transforms euler.equations._kernels euler.equations._kernels_box
euler.equations.spectral euler.equations.vorticity euler.equations.box euler.equations.velocity euler.equations
euler.invariants
euler.dormand_prince euler.integrators euler.diagnostics euler.dropped euler.stepping euler.adaptive euler.legs
euler.pressure euler.certificate
euler.particles._kernels_terms euler.particles._kernels_splines euler.particles._kernels_lanes
euler.particles._kernels_potential euler.particles._kernels_velocity euler.particles._kernels euler.particles.phases
euler.particles.mirrored euler.particles.potential
euler.particles.interpolant euler.particles.ordering euler.particles.schemes euler.particles.advection
euler.particles.watched euler.particles.nonuniform
euler.particles.steps euler.particles euler.trajectory
euler.interpolated euler.dataset euler.solution euler.store euler.run euler.solver euler.geodesic euler.resolution
euler.refinement euler
geometry.curvature geometry.jacobi geometry.conjugate geometry
rearrangement.rotations rearrangement.isometry rearrangement.sweep rearrangement._kernels_conditional
rearrangement.conditional rearrangement.pullback rearrangement.delivery rearrangement._kernels
rearrangement.tables rearrangement.exports.exact_map rearrangement.exports.splines
rearrangement.exports.torch_transform rearrangement.exports.torch_map rearrangement.exports.torch_tables
rearrangement.exports.jax_map rearrangement.exports.jax_flowjax rearrangement.exports.jax_distrax rearrangement.exports
rearrangement.tabulated rearrangement.archive rearrangement.composition rearrangement
shooting.options shooting.pairs shooting.reserve shooting.status shooting.parametrisation shooting.regression
shooting.potential shooting.polynomial_potential shooting.objective shooting.joint_objective shooting.retreat
shooting.journal shooting._kernels_slope
shooting.continuation shooting.initial_guess shooting.alignment shooting.sweep_axes shooting.torus_slope
shooting.sweep_planes shooting.sweep_settings shooting.selection shooting.geodesic_fit shooting.sweep_fit
shooting.conditional_training shooting.conditional_fit shooting.fit shooting
flows.diagnosis flows.protocol flows.linear flows.spline flows.zoo flows.knothe.box flows.knothe.conditional
flows.knothe.flow flows.knothe flows.adapters.state flows.adapters.arrays flows.adapters.parts flows.adapters.calls
flows.adapters.torch_laws flows.adapters.torch_modules flows.adapters.sbi_models flows.adapters.own_models
flows.adapters.jax_models flows.adapters.libraries flows.adapters.bases flows.adapters.inversion flows.adapters.density
flows.adapters.adapted flows.adapters.assembly flows.adapters.flow flows.adapters flows.velocity.fields
flows.velocity.flow flows.velocity flows.angles flows.exports.torch_base flows.exports.torch_velocity
flows.exports.torch_distributions flows.exports.torch_pyro flows.exports.torch_zuko flows.exports.torch_nflows
flows.exports.torch_normflows flows.exports.torch_twins flows.exports.jax_base flows.exports.jax_flowjax
flows.exports.jax_distrax flows.exports.jax_twins flows.exports flows.report flows.rearranged
flows.rearranging flows.pairs_report flows
pages.page pages.animation pages.reports pages
. validation benchmark
cli.streams cli.options cli.tables cli.formula cli.animate cli.apply cli.bench cli.completion cli.demo cli.fit cli.pairs
cli.report cli.solve cli.validate cli cli.__main__ __main__
""".split()  # noqa: SIM905
MODULES = {
    ".".join(file.relative_to(ROOT / "eulerot").with_suffix("").parts).removesuffix("__init__").rstrip(".") or ".": file
    for file in (ROOT / "eulerot").rglob("*.py")
}


def test_every_module_has_a_floor():
    assert sorted(MODULES) == sorted(FLOORS)


def imported(file):
    """Yield the names in ``MODULES`` that a file imports, at any level, types and lazy imports included."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            ours = [alias.name for alias in node.names if alias.name.split(".")[0] == "eulerot"]
            yield from (name.removeprefix("eulerot").lstrip(".") or "." for name in ours)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "eulerot":
            module = node.module.removeprefix("eulerot").lstrip(".")
            for alias in node.names:
                longer = f"{module}.{alias.name}".lstrip(".")
                yield longer if longer in MODULES else module or "."


@pytest.mark.parametrize("module", FLOORS)
def test_imports_point_down(module):
    above = [name for name in imported(MODULES[module]) if FLOORS.index(name) >= FLOORS.index(module)]
    assert not above
