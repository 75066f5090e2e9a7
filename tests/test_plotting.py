"""Pictures: what is drawn, where, and what is refused."""

import base64
import io
import sys

import numpy as np
import pytest

from eulerot import Grid, pages, plotting, solve_euler
from eulerot.rearrangement.composition import Rearrangement
from eulerot.transport.report import transport_report

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")

Z = np.random.default_rng(0).standard_normal((40, 3))
X = 2 * Z + 1
ANGLE = np.linspace(0, 1, 6)[:, None] + np.arange(4)
TRACKS = np.stack([np.cos(ANGLE), np.sin(ANGLE)], axis=2)
FIELD = np.outer([1.0, 2.0, 3.0], [0.0, 1.0, 0.0, -0.5])
BEFORE, AFTER = transport_report(Z, X[::-1]), transport_report(Z, X)
DRAW = {
    "samples": lambda **where: plotting.samples(X, Z, **where),
    "arrows": lambda **where: plotting.arrows(Z, X, **where),
    "vorticity": lambda **where: plotting.vorticity(FIELD, extent=(0, 3, 0, 4), **where),
    "velocity": lambda **where: plotting.velocity(np.stack([FIELD, -FIELD]), extent=(0, 3, 0, 4), **where),
    "field": lambda **where: plotting.field(FIELD, np.stack([FIELD, -FIELD]), sides=(3.0, 4.0), **where),
    "path": lambda **where: plotting.path(TRACKS, **where),
    "history": lambda **where: plotting.history([1e-3, 1e-4], [2.0, 1.5], [2.1, 1.6], **where),
    "costs": lambda **where: plotting.costs([1.0, 1.0], [0.5, 0.0], [0.9, 0.9], **where),
    "spectrum": lambda **where: plotting.spectrum([0, 1, 2, 3], [0, 2.0, 0.5, 0], **where),
    "convergence": lambda **where: plotting.convergence([8, 16], [1e-3, 1e-4], order=4, **where),
    "report": lambda **where: BEFORE.plot(**where),
}


@pytest.fixture
def ax():
    yield plt.figure().add_subplot()
    plt.close("all")


@pytest.mark.parametrize("draw", DRAW.values(), ids=DRAW)
def test_draws_into_the_given_axes_or_a_new_figure(draw, ax):
    assert draw(ax=ax) is ax and ax.has_data()
    assert len(plt.get_fignums()) == 1
    new = draw()
    assert new.figure is not ax.figure and new.has_data()
    assert len(plt.get_fignums()) == 2
    new.figure.canvas.draw()


def test_samples_are_coloured_by_their_latents(ax):
    latents = Z.copy()
    latents[1] = latents[0]
    (drawn,) = plotting.samples(X, latents, ax=ax, title="a flow").collections
    assert np.array_equal(drawn.get_offsets(), X[:, :2])
    assert len(np.unique(drawn.get_facecolors(), axis=0)) == len(X) - 1
    assert np.array_equal(drawn.get_facecolors()[0], drawn.get_facecolors()[1])
    assert ax.get_title() == "a flow" and ax.get_aspect() == 1.0
    plotting.samples(X, ax=ax)
    assert len(ax.collections[1].get_facecolors()) == 1


@pytest.mark.parametrize("n", [10, 400])
def test_arrows_join_the_first_pairs_the_longest_on_top(n, ax):
    plotting.arrows(Z, X, n=n, ax=ax)
    (drawn,) = (artist for artist in ax.collections if isinstance(artist, matplotlib.quiver.Quiver))
    order = np.argsort(np.linalg.norm((X - Z)[:n, :2], axis=1))
    assert np.array_equal(drawn.get_offsets(), Z[order, :2])
    assert np.array_equal(np.stack([drawn.U, drawn.V], axis=1), (X - Z)[order, :2])
    assert ax.dataLim.xmin <= X[:n, 0].min() and X[:n, 0].max() <= ax.dataLim.xmax


def test_vorticity_has_x_to_the_right_and_counter_clockwise_red(ax):
    plotting.vorticity(FIELD, extent=(0, 3, -2, 2), ax=ax)
    (image,) = ax.images
    assert np.array_equal(image.get_array(), FIELD.T) and image.origin == "lower"
    assert image.get_clim() == (-3.0, 3.0) and list(image.get_extent()) == [0, 3, -2, 2]
    (red, _, blue, _), white, (_, _, blue_below, _) = image.to_rgba([3.0, 0.0, -3.0])
    assert red > 2 * blue and blue_below > blue and white.min() > 0.95
    plotting.vorticity(np.zeros((3, 4)), extent=(0, 1, 0, 1), ax=ax)
    assert len(ax.images) == 2 and len(ax.child_axes) == 2  # a colour bar each


def test_velocity_arrows_stand_where_the_field_does(ax):
    x, y = np.meshgrid(np.arange(40) + 0.5, np.arange(20) + 0.5, indexing="ij")
    plotting.velocity(np.stack([y, -x]), extent=(0, 40, 0, 20), ax=ax)
    (drawn,) = ax.collections
    places = drawn.get_offsets()
    assert len(places) == 13 * 10  # every third of forty, every second of twenty
    assert np.array_equal(drawn.U, places[:, 1]) and np.array_equal(drawn.V, -places[:, 0])
    assert drawn.scale == np.hypot(x, y).max() / 2  # the longest is as long as the nearest are apart
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_aspect()) == ("x", "y", 1.0)


def test_couplings_have_one_colour_scale_and_one_view(tmp_path):
    latents = {"before": Z, "after": 0.5 * Z}
    with plotting.figure(tmp_path / "arrows.png", columns=2, shared=True) as axes:
        plotting.couplings(latents, X, axes=axes, n=30)
    limits = []
    for ax, (name, points) in zip(axes, latents.items(), strict=True):
        (drawn,) = (artist for artist in ax.collections if isinstance(artist, matplotlib.quiver.Quiver))
        assert ax.get_title() == name and len(drawn.U) == 30
        assert np.isclose(drawn.get_array().max(), np.linalg.norm((X - points)[:30, :2], axis=1).max())
        limits.append((drawn.get_clim(), ax.get_xlim(), ax.get_ylim()))
    assert limits[0] == limits[1]


def test_path_of_angles_does_not_cross_the_picture(ax):
    tracks = np.array([[[3.0, 0.0], [1.0, 1.0]], [[-3.0, 0.0], [1.5, 1.0]], [[-2.5, 0.0], [2.0, 1.0]]])
    plotting.path(tracks, domain="torus", ax=ax)
    assert [len(lines.get_segments()) for lines in ax.collections[:2]] == [1, 2]
    plotting.path(tracks, ax=ax)
    assert [len(lines.get_segments()) for lines in ax.collections[3:5]] == [2, 2]


def test_path_draws_every_step_of_every_trajectory(ax):
    plotting.path(TRACKS, ax=ax)
    lines = [artist for artist in ax.collections if isinstance(artist, matplotlib.collections.LineCollection)]
    assert [len(line.get_segments()) for line in lines] == [4] * 5
    assert np.allclose(lines[2].get_segments()[3], TRACKS[2:4, 3])
    assert np.all(np.diff([line.get_alpha() for line in lines]) > 0)
    (ends,) = (artist for artist in ax.collections if artist not in lines)
    assert np.array_equal(ends.get_offsets(), TRACKS[-1])
    assert np.array_equal(ends.get_facecolors()[:, :3], lines[0].get_colors()[:, :3])


@pytest.mark.parametrize("exact", [None, 1.2])
def test_history_rings_the_best_held_out_weight(exact, ax):
    weights, training, held_out = [1e-3, 1e-4, 1e-5], [2.0, 1.5, 1.4], [2.1, 1.6, 1.7]
    plotting.history(weights, training, held_out, exact=exact, ax=ax)
    first, second, ring, *rest = ax.lines
    assert first.get_ydata().tolist() == training and second.get_ydata().tolist() == held_out
    assert ring.get_xydata().tolist() == [[1e-4, 1.6]]
    assert [line.get_ydata()[0] for line in rest] == ([] if exact is None else [exact])
    assert ax.get_xscale() == "log" and ax.xaxis_inverted()
    assert len(ax.get_legend().get_texts()) == 2 + len(rest)


def test_costs_stack_the_excess_on_the_optimum(ax):
    plotting.costs([2.0, 3.0], [0.5, 0.25], [1.5, 2.5], labels=("f", "g"), ax=ax)
    bars = [(bar.get_y(), bar.get_height()) for bar in ax.patches]
    assert bars == [(0, 2.0), (0, 3.0), (2.0, 0.5), (3.0, 0.25)]
    (bounds,) = ax.collections
    assert [line[0, 1] for line in bounds.get_segments()] == [1.5, 2.5]
    assert [text.get_text() for text in ax.texts] == ["2.5", "3.25"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["f", "g"]


def test_a_report_draws_its_own_costs(ax):
    BEFORE.plot(ax=ax)
    assert [(bar.get_y(), bar.get_height()) for bar in ax.patches] == [(0, BEFORE.exact), (BEFORE.exact, BEFORE.excess)]
    assert ax.collections[0].get_segments()[0][0, 1] == BEFORE.lower_bound


def test_spectrum_leaves_empty_shells_out(ax):
    plotting.spectrum([0, 1, 2, 3, 4], [5.0, 2.0, 0.5, 0.0, 1e-30], ax=ax, label="end")
    assert ax.lines[0].get_xydata().tolist() == [[1, 2.0], [2, 0.5]]
    assert ax.get_xscale() == ax.get_yscale() == "log" and ax.get_legend().get_texts()[0].get_text() == "end"


def test_convergence_has_the_slope_of_its_order(ax):
    plotting.convergence([32, 8, 16], [1e-6, 1e-3, 4e-5], order=3, ax=ax)
    errors, slope = ax.lines
    assert errors.get_xydata().tolist() == [[32, 1e-6], [8, 1e-3], [16, 4e-5]]
    assert np.allclose(slope.get_ydata() / slope.get_ydata()[1], [4.0**-3, 1, 2.0**-3])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["32", "8", "16"]


def solution_of(points, domain, quantity):
    grid = Grid(points, domain)
    mesh = [scale * axis for scale, axis in zip(grid.scales, grid.mesh(), strict=True)]
    shape = grid.points if (grid.dim, quantity) == (2, "vorticity") else (grid.dim, *grid.points)
    field = np.zeros(shape)
    if grid.dim == 2 and quantity == "vorticity":
        field += np.sin(mesh[0]) * np.sin(mesh[1]) + np.sin(2 * mesh[0]) * np.sin(mesh[1])
    elif grid.dim == 2:
        field[0], field[1] = np.sin(mesh[1]), np.sin(2 * mesh[0])
    else:
        field[0] = np.sin(mesh[0]) * np.cos(mesh[1])
        field[1] = -np.cos(mesh[0]) * np.sin(mesh[1])
    particles = np.random.default_rng(0).uniform(0.2, 0.8, (20, grid.dim)) * grid.sides
    options = {"quantity": quantity, "particles": particles, "save_at": [0.0, 0.2, 0.4], "tail_limit": None}
    return solve_euler(field, grid, time=0.5, **options)


CASES = [((16, 12), "torus", "vorticity"), ((16, 12), "torus", "velocity"), ((8, 8, 8), "cube", "velocity")]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_solution_is_drawn_at_a_time_that_was_saved(case, ax):
    solution = solution_of(*case)
    for number, at in enumerate((0.0, 0.4)):
        solution.plot(at=at, ax=ax)
        drawn = ax.images[number].get_array().T
        assert drawn.shape == solution.grid.points[:2]
        if solution.quantity == "vorticity":
            assert np.allclose(drawn, solution.saved.fields[2 * number], atol=1e-12)
    solution.plot(ax=ax)
    assert len(ax.images) == 3
    if solution.grid.dim == 2:
        assert np.abs(ax.images[2].get_array() - ax.images[1].get_array()).max() > 1e-3  # the end is another time
        vorticity = ax.images[1].get_array().T
        at_end = solve_euler(vorticity, solution.grid, time=0.1, tail_limit=None).field
        assert np.allclose(ax.images[2].get_array().T, at_end, atol=1e-5)
    with pytest.raises(ValueError, match=r"^at: expected one of the times that were saved, \[0.0, 0.2, 0.4\].*got 0.3"):
        solution.plot(at=0.3, ax=ax)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_animation_has_a_frame_for_each_time(case, tmp_path):
    from PIL import Image, ImageSequence

    solution, file = solution_of(*case), tmp_path / "film.gif"
    solution.animate(file, dpi=40)
    with Image.open(file) as film:
        frames = [np.array(frame.convert("RGB"), dtype=int) for frame in ImageSequence.Iterator(film)]
    assert len(frames) == 3 and frames[0].shape[:2] == (192, 224)
    changed = np.abs(frames[2] - frames[0]).max(axis=2) > 60
    assert changed.any() and changed.mean() < 0.5  # particles and the time, not the frame around them
    assert plt.get_fignums() == []


def test_an_animation_needs_two_times(tmp_path):
    solution = solve_euler(np.zeros((8, 8)), Grid((8, 8)), time=0.1, save_at=[0.1])
    with pytest.raises(ValueError, match=r"saved at two times at least; got 1\. Pass save_at"):
        solution.animate(tmp_path / "none.gif")
    with pytest.raises(ValueError, match=r"^times: expected two at least"):
        plotting.film(tmp_path / "none.gif", np.zeros((1, 8, 8)), [0.0], sides=(1, 1), bound=1.0)
    with pytest.raises(ValueError, match=r"^dpi: expected a whole number of at least 20"):
        plotting.film(tmp_path / "none.gif", np.zeros((2, 8, 8)), [0.0, 1.0], sides=(1, 1), bound=1.0, dpi=3)
    assert not (tmp_path / "none.gif").exists()


def test_page_holds_all_that_it_shows(tmp_path):
    page = pages.Page("a < b")
    page.text("x & y", heading=True)
    page.table(["", "cost"], [["<before>", "1.5"]])
    with page.figure("dots") as (axes,):
        plotting.samples(X, ax=axes)
    page.write(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    for part in ("<title>a &lt; b</title>", "<h2>x &amp; y</h2>", "<td>&lt;before&gt;</td><td>1.5</td>", 'alt="dots"'):
        assert part in text
    picture = base64.b64decode(text.split("data:image/png;base64,")[1].split('"')[0])
    assert plt.imread(io.BytesIO(picture)).ndim == 3 and plt.get_fignums() == []


@pytest.mark.parametrize("dim", [1, *(pytest.param(dim, marks=pytest.mark.slow) for dim in (2, 3))])
def test_page_of_pairs_in_any_dimension(dim):
    z = np.random.default_rng(1).standard_normal((30, dim))
    identity = Rearrangement.identity(dim)
    before = transport_report(z, 2 * z)
    text = pages.pairs_page(z, 2 * z, identity).html()
    assert text.count(f"{before.cost:.5f}") == 6  # twice the latents: cost, optimum and bound are one, before and after
    assert text.count("<img") == (1 if dim == 1 else 3)
    assert pages.pairs_page(z, 2 * z).html().count("after") == 0


def test_bad_input_opens_no_figure():
    for message, draw in [
        ("points: expected at least two columns", lambda: plotting.samples(Z[:, :1])),
        ("latents: expected 40 rows, one a point; got 3", lambda: plotting.samples(X, Z[:3])),
        (r"end: expected the shape of start, \(40, 3\); got \(5, 3\)", lambda: plotting.arrows(Z, X[:5])),
        ("start: expected at least two columns", lambda: plotting.arrows(Z[:, :1], X[:, :1])),
        ("values: expected finite", lambda: plotting.vorticity(FIELD * np.nan, extent=(0, 1, 0, 1))),
        (
            r"velocities of shape \(2, nx, ny\); got shape \(3, 4\)",
            lambda: plotting.velocity(FIELD, extent=(0, 1, 0, 1)),
        ),
        ("x: expected the shape of latents", lambda: plotting.couplings({"a": Z}, X[:5], axes=())),
        (r"trajectories: expected .*; got shape \(40, 3\)", lambda: plotting.path(Z)),
        (r"trajectories: expected .*; got shape \(1, 4, 2\)", lambda: plotting.path(TRACKS[:1])),
        ("trajectories: expected finite", lambda: plotting.path(TRACKS * np.nan)),
        (r"got shapes \(2,\), \(2,\), \(1,\)", lambda: plotting.history([1, 2], [1, 2], [1])),
        ("energies: expected a shell with energy", lambda: plotting.spectrum([0, 1], [1.0, 0.0])),
        (r"got shapes \(2,\), \(1,\)", lambda: plotting.spectrum([0, 1], [1.0])),
        ("steps, errors: expected positive", lambda: plotting.convergence([1, 2], [0.1, 0.0])),
        ("weights: expected positive .*; got -1", lambda: plotting.history([1, -1], [1, 2], [1, 2])),
    ]:
        with pytest.raises(ValueError, match=message):
            draw()
    assert plt.get_fignums() == []


def test_figure_is_saved_without_a_display(tmp_path, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    file = tmp_path / "three.png"
    with plotting.figure(file, columns=3) as axes:
        plotting.samples(X, ax=axes[0])
        assert len(axes) == 3 and not file.exists()
    height, width, _ = plt.imread(file).shape
    assert width > 2 * height and plt.get_fignums() == []


@pytest.mark.parametrize("missing", ["matplotlib", "matplotlib.pyplot"])
def test_without_matplotlib_the_remedy_is_named(missing, tmp_path, monkeypatch):
    plotting.require()
    monkeypatch.setitem(sys.modules, missing, None)
    for draw in (plotting.require, DRAW["samples"], plotting.figure(tmp_path / "none.png").__enter__):
        with pytest.raises(ImportError, match=r"pip install eulerot\[plot\]"):
            draw()
