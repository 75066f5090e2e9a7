"""The worked examples of the documentation: small versions run, and what they measure is what they say."""

import sys
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

import eulerot
from eulerot.flows.linear import LinearFlow

EXAMPLES = Path(__file__).parent.parent / "docs" / "examples"
LIBRARIES = [pytest.mark.flows, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def script(monkeypatch, request):
    """Return the example of that name as a module."""
    monkeypatch.syspath_prepend(EXAMPLES)
    yield __import__(request.param)
    del sys.modules[request.param]


def of(name):
    return pytest.mark.parametrize("script", [name], indirect=True)


def table(text):
    """Return the cells of a Markdown table, head first."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if "|" in line]
    assert len({len(row) for row in rows}) == 1
    return [rows[0], *rows[2:]]


def recorded(name, printed):
    """Return whether the page has a table with the head that the script prints, and the picture is there."""
    page = (EXAMPLES / f"{name}.md").read_text(encoding="utf-8")
    picture = EXAMPLES.parent / "images" / f"{name}.png"
    return printed.splitlines()[0] in page and f"images/{name}.png" in page and picture.exists()


@of("interpolation")
def test_a_rotation_of_latents_leaves_their_lines_as_they_are(script):
    matrix = np.array([[2.0, 1.0], [0.0, 1.0]])
    flow = LinearFlow(matrix, [1.0, 0.0])
    a, b = flow.sample(50, seed=1), flow.sample(50, seed=2)
    turned = eulerot.RearrangedFlow(flow, eulerot.Rearrangement(np.array([[0.0, -1.0], [1.0, 0.0]]), ()))
    before, after = (script.measured(each, a, b, steps=8) for each in (flow, turned))
    assert np.allclose(before.length, np.linalg.norm(b - a, axis=1), rtol=1e-12)
    assert all(np.allclose(left, right, atol=1e-12) for left, right in zip(before[:3], after[:3], strict=True))
    assert np.all(before.back == 0)  # the symmetric part of the matrix is positive
    assert set(script.measured(LinearFlow(-matrix, [0.0, 0.0]), a, b, steps=8).back) == {1.0}


@pytest.mark.slow
@of("interpolation")
def test_interpolation(script, tmp_path, capsys):
    picture = tmp_path / "two.png"
    script.main(["--flows", "two_moons", "--paths", "50", "--picture", str(picture)], n_pairs=512, modes=4)
    printed = capsys.readouterr().out
    head, row = table(printed)
    assert row[0] == "two_moons" and picture.stat().st_size > 10_000 and recorded("interpolation", printed)
    backwards = [float(row[column].split()[0]) for column in (head.index("backwards, flow"), -1)]
    assert backwards[1] < backwards[0]


class TestReflow:
    pytestmark = LIBRARIES

    @of("reflow")
    def test_plans_are_the_best_ones(self, script):
        z, x = np.random.default_rng(0).standard_normal((2, 6, 2))
        order = script.optimal(z, x)
        least = min(np.sum((x[list(each)] - z) ** 2) for each in permutations(range(6)))
        assert np.sum((x[order] - z) ** 2) == pytest.approx(least, rel=1e-12)

    @of("reflow")
    def test_the_sliced_distance_of_a_shift(self, script):
        x = np.random.default_rng(0).standard_normal((100, 2))
        # the mean of (c . direction)^2 over all directions is |c|^2 / 2
        assert script.distance(script.slices(x), script.slices(x + np.array([3.0, 4.0]))) == pytest.approx(
            5 / 2**0.5, rel=1e-12
        )

    @of("reflow")
    def test_enough_steps_are_enough_from_there_on(self, script):
        noise = 1 / script.ENOUGH
        assert script.enough(np.array([3, 0.5, 2, 1, 1, 0.9, 1.0]), noise) == "8"
        assert script.enough(np.full(7, 0.5), noise) == "1"
        assert script.enough(np.array([0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 2]), noise) == "more than 64"

    @of("reflow")
    def test_training_repeats_bit_by_bit(self, script):
        flow, settings = script.load("pinwheel, exchanged"), script.Settings(iterations=3, batch=16, pool=64)
        twin = eulerot.RearrangedFlow(flow, eulerot.Rearrangement.identity(2))
        for coupling in script.COUPLINGS:
            pairs = [script.Pairs(flow, twin, settings, seed=0) for _ in range(2)]
            first, again = (script.trained(each, coupling, settings, seed=0) for each in pairs)
            moved = [script.integrated(each, pairs[0].z, 3) for each in (first, again)]
            assert np.array_equal(*moved) and not np.array_equal(moved[0], pairs[0].z)
        assert np.array_equal(pairs[0].x, eulerot.zoo.load("pinwheel").forward(pairs[0].z[:, ::-1]))

    @of("reflow")
    def test_it_runs(self, script, tmp_path, capsys):
        small = script.Settings(iterations=150, batch=64, pool=1024, fresh=500, n_pairs=512, modes=4)
        script.main(small, ["--flows", "two_moons", "--seeds", "0", "--picture", str(tmp_path / "steps.png")])
        printed = capsys.readouterr().out
        _, *rows = table(printed)
        one_step = {row[1]: float(row[2]) for row in rows}
        assert list(one_step) == list(script.COUPLINGS) and recorded("reflow", printed)
        assert one_step["twin"] < 0.6 * one_step["independent"] and (tmp_path / "steps.png").exists()


class TestInference:
    pytestmark = LIBRARIES

    @of("inference")
    def test_the_zoo_in_zuko_is_the_zoo(self, script):
        import torch

        zoo, flow = eulerot.zoo.load("pinwheel"), script.in_zuko("pinwheel")
        z = np.random.default_rng(0).standard_normal((100, 2))
        x = zoo.forward(z)
        with torch.no_grad():
            assert np.abs(flow().log_prob(torch.tensor(x)).numpy() - zoo.log_prob(x)).max() < 1e-10
            assert np.abs(flow().transform.inv(torch.tensor(z)).numpy() - x).max() < 1e-10

    @of("inference")
    def test_the_evidence_is_the_mean_likelihood(self, script):
        import torch

        x = torch.tensor(eulerot.zoo.load("two_moons").sample(20_000, seed=0))
        observed = x[:4]
        means = [script.log_likelihood(x, each).exp().mean().log().item() for each in observed]
        found = script.log_evidence(script.in_zuko("two_moons"), observed)
        assert np.allclose(found.numpy(), means, atol=0.05)

    @of("inference")
    def test_gaussian_posteriors_leave_no_gap(self, script):
        import torch

        matrix = torch.tensor([[1.0, 0.5], [0.0, 0.5]], dtype=torch.float64)
        observed = torch.tensor([[1.0, -0.5], [0.0, 1.0]], dtype=torch.float64)
        covariance = matrix @ matrix.T + script.NOISE**2 * torch.eye(2, dtype=torch.float64)
        law = torch.distributions.MultivariateNormal(torch.zeros(2, dtype=torch.float64), covariance)
        # the bound leaves out no constant: at the posterior itself each draw gives the evidence
        settings = script.Settings(iterations=500, samples=64, measured=4096)
        fit = script.fitted(lambda z: z @ matrix.T, observed, law.log_prob(observed), settings)
        assert np.abs(fit.gap).max() < 2e-3 and fit.noise.shape == (2,)

    @of("inference")
    def test_descent_ends_where_it_says(self, script):
        import torch

        x = torch.tensor([[1.0, 2.0], [0.0, 0.0], [-3.0, 1.0]], dtype=torch.float64)  # where it begins, too
        stretch = torch.tensor([1.0, 4.0], dtype=torch.float64)
        one, four = (script.descended(forward, x, 200) for forward in (lambda z: 2 * z, lambda z: stretch * z))
        assert one[1] == four[1] == 0 and 0 < one.max() < 12
        assert script.descended(lambda z: z, x, 200).tolist() == [0, 0, 0]
        assert np.all(four[[0, 2]] > one[[0, 2]]) and four.max() < 200
        assert script.descended(lambda z: stretch * z, x, 2).tolist() == [2, 0, 2]
        assert np.allclose(script.condition(lambda z: stretch * z, x), 4.0)

    @of("inference")
    def test_it_runs(self, script, tmp_path, capsys):
        picture = tmp_path / "descent.png"
        small = script.Settings(8, iterations=5, samples=1, measured=8, most=10, n_pairs=512, modes=4)
        script.main(small, ["--flows", "pinwheel", "--picture", str(picture)])
        printed = capsys.readouterr().out
        head, row = table(printed)
        assert row[0] == "pinwheel" and recorded("inference", printed) and picture.exists()
        condition, iterations = (head.index(f"{name}, flow") for name in ("condition", "iterations"))
        assert all(float(row[column]) > 1 for column in (condition, condition + 1))
        assert all(0 < float(row[column]) <= small.most for column in (iterations, iterations + 1))
