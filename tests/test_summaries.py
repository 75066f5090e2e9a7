"""What results say of themselves: printed, in a line, and in notebooks."""

import numpy as np
import pytest

import eulerot
from eulerot._summary import Shown
from eulerot.flows.linear import LinearFlow
from eulerot.flows.rearranged import RearrangedFlow
from eulerot.rearrangement.sweep import Sweep

GRID = eulerot.Grid((8, 8), "cube")
STILL = eulerot.Geodesic(np.zeros((8, 8)), GRID)
TURN = np.array([[0.0, -1.0], [1.0, 0.0]])
Z = np.random.default_rng(0).standard_normal((40, 2))


def fitted(z, x):
    with pytest.warns(eulerot.SampleWarning, match="held_out"):
        return eulerot.fit(z, x, modes=1, geodesics=1, regularisation=1e-3)


def results():
    yield eulerot.transport_report(Z, 2 * Z)
    yield eulerot.dual_bound(Z, 2 * Z)
    yield STILL.certificate()
    yield eulerot.Rearrangement(np.eye(2), (Sweep((STILL,), np.eye(2)),)).certificate()
    yield fitted(Z, Z @ TURN)
    yield eulerot.solve_euler(np.zeros((8, 8)), GRID, time=1.0)
    twin = RearrangedFlow(LinearFlow(2 * np.eye(2), np.zeros(2)), eulerot.Rearrangement(TURN))
    yield twin
    yield twin.report(40)


@pytest.mark.slow
def test_notebooks_show_what_is_printed():
    names = set()
    for result in results():
        text = str(result)
        names.add(type(result).__name__)
        shown = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("'", "&#x27;")
        assert shown in result._repr_html_() and f"<strong>{type(result).__name__}</strong>" in result._repr_html_()
        assert len(text) < 1500 and "array(" not in text
    assert names == {each.__name__ for each in Shown.__subclasses__()} - {"PairsReport"}


def test_a_map_says_what_it_is_made_of():
    sweep = Sweep((STILL,), np.eye(2))
    for made, words in [
        (eulerot.Rearrangement.identity(3), "the identity of 3 latents"),
        (eulerot.Rearrangement(TURN, (sweep, sweep)), "a rotation, 2 geodesics of 2 latents"),
        (eulerot.Rearrangement(np.diag([1.0, -1.0]), (sweep,)), "a reflection, 1 geodesic of 2 latents"),
        (eulerot.Rearrangement(np.eye(2), shift=[1.0, 0.0]), "a shift of 2 angles"),
    ]:
        assert str(made) == words and repr(made) == f"<Rearrangement: {words}>"


def test_twins_and_fits_say_how_they_were_found():
    result = fitted(Z, Z @ TURN)
    assert str(result).startswith(f"{result.status}: {result.message}\n") and "35 to fit to, 5 held out" in str(result)
    assert f"{result.cost_before:.5f} before" in str(result) and repr(result).startswith("<FitResult: ")
    twin = RearrangedFlow(LinearFlow(2 * np.eye(2), np.zeros(2)), result.rearrangement, result)
    assert str(twin).startswith("a flow rearranged by ") and result.status in str(twin) and "LinearFlow" in str(twin)
    assert repr(twin) == f"<RearrangedFlow: a flow rearranged by {result.rearrangement}>"


def test_a_solution_says_how_far_it_came():
    x, y = eulerot.Grid((16, 16)).mesh()
    saved = {"particles": [[1.0, 1.0]], "save_at": [0.0, 1.0]}
    text = str(eulerot.solve_euler(np.cos(x) + np.cos(2 * y), eulerot.Grid((16, 16)), time=1.0, steps=9, **saved))
    assert text.splitlines()[0] == "completed at time 1 after 9 steps, vorticity on 16 x 16 points of the torus"
    for words in ("energy     0.3125, kept to", "particles  1", "saved      at [0.0, 1.0]"):
        assert words in text
