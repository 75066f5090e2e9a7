"""Estimators and posteriors of sbi: the flow has their samples and their density, embedding and z-scoring included."""

from functools import cache

import numpy as np
import pytest
from flow_models import perturbed
from scipy.stats import ks_2samp

import eulerot

pytestmark = [pytest.mark.flows, pytest.mark.filterwarnings("ignore")]

FLOWS = ("maf", "nsf", "maf_rqs", "zuko_nice", "zuko_maf", "zuko_nsf", "zuko_ncsf", "zuko_sospf", "zuko_naf", "zuko_gf")


@cache
def simulations():
    """Return parameters and data far from mean zero and variance one, so that a forgotten z-score shows."""
    import torch

    generator = torch.Generator().manual_seed(0)
    theta = torch.rand(300, 2, generator=generator) * 4 - 2
    x = torch.cat([theta, theta.prod(dim=1, keepdim=True)], dim=1) + 0.1 * torch.randn(300, 3, generator=generator)
    return 3 * theta + 5, 7 * x - 30


def embedding():
    import torch

    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 4))


@cache
def estimator(kind, **options):
    import torch
    from sbi.neural_nets import posterior_nn

    torch.manual_seed(0)
    build = posterior_nn(kind, hidden_features=16, num_transforms=2, embedding_net=embedding(), **options)
    model = build(*simulations())
    scores = {id(b) for b in model.buffers()}
    for parameter in model.parameters():
        if id(parameter) not in scores and parameter.requires_grad:
            perturbed(torch.nn.ParameterList([parameter]), 0.1)
    return model


@pytest.mark.parametrize("kind", FLOWS)
def test_estimators(kind):
    import torch

    model, x_o = estimator(kind), simulations()[1][:1]
    flow = eulerot.flow(model, context=x_o[0])
    mine = flow.sample(2000, seed=0)
    with torch.no_grad():
        torch.manual_seed(0)
        theirs = model.eval().sample((2000,), x_o)[:, 0].numpy()
        density = model.log_prob(torch.tensor(mine[:100, None], dtype=torch.float32), x_o)[:, 0].numpy()
    assert max(ks_2samp(mine[:, i], theirs[:, i]).statistic for i in range(2)) < 0.06
    assert np.allclose(flow.log_prob(mine[:100]), density, atol=1e-4)
    assert flow.dim == 2 and flow.library.startswith("sbi")


@pytest.mark.parametrize("shape", ["vector", "row", "list"])
def test_an_observation_in_any_form(shape):
    x_o = simulations()[1][0]
    given = {"vector": x_o, "row": x_o[None].numpy(), "list": x_o.tolist()}[shape]
    z = np.array([[0.3, -0.2]])
    assert np.array_equal(
        eulerot.flow(estimator("nsf"), context=given).forward(z),
        eulerot.flow(estimator("nsf"), context=x_o).forward(z),
    )


def test_observations_that_are_images():
    import torch
    from sbi.neural_nets import posterior_nn

    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 3))
    theta, x = simulations()[0], torch.randn(300, 1, 4, 4)
    for kind in ("maf", "zuko_maf"):
        model = posterior_nn(kind, hidden_features=8, num_transforms=1, embedding_net=net)(theta, x).eval()
        flow = eulerot.flow(model, context=x[3])
        mine = flow.sample(20, seed=0)
        with torch.no_grad():
            density = model.log_prob(torch.tensor(mine[:, None], dtype=torch.float32), x[3:4])[:, 0].numpy()
        assert np.allclose(flow.log_prob(mine), density, atol=1e-4)


def test_bounded_parameters():
    import torch
    from sbi.neural_nets import posterior_nn
    from sbi.utils import BoxUniform

    theta, x = simulations()
    prior = BoxUniform(torch.tensor([-1.5, -1.5]), torch.tensor([11.5, 11.5]))
    build = posterior_nn("zuko_nsf", z_score_theta="transform_to_unconstrained", x_dist=prior)
    flow = eulerot.flow(build(theta, x), context=x[0])
    assert (flow.sample(500, seed=0) > -1.5).all() and (flow.sample(500, seed=0) < 11.5).all()


def posterior(kind="nsf"):
    import torch
    from sbi.inference.posteriors import DirectPosterior
    from sbi.utils import BoxUniform

    return DirectPosterior(estimator(kind), BoxUniform(torch.tensor([-1.0, -1.0]), torch.tensor([11.0, 7.0])))


def test_a_posterior_states_its_leakage():
    import torch

    model, x_o = posterior(), simulations()[1][0]
    with pytest.raises(eulerot.FlowError, match=r"no default x. Pass context=x_o"):
        eulerot.rearrange(model)
    model.set_default_x(x_o)
    twin = eulerot.rearrange(model, n_pairs=256, modes=3, max_iterations=10)
    words = twin.map
    assert "not rejected" in words and words in str(twin.report(200))
    share = float(words.split("posterior estimator: ")[1].split("%")[0]) / 100
    torch.manual_seed(1)
    drawn = model.sample((20000,), reject_outside_prior=False, show_progress_bars=False)
    inside = model.prior.support.check(drawn)
    assert 0.01 < share < 0.9 and abs(share - float(1 - inside.double().mean())) < 0.03
    x = twin.sample(200, seed=0)
    theirs = model.log_prob(torch.tensor(x, dtype=torch.float32), norm_posterior=False).numpy()
    allowed = np.isfinite(theirs)
    assert allowed.any() and not allowed.all()
    assert np.allclose(twin.log_prob(x)[allowed], theirs[allowed], atol=1e-4)


def test_context_takes_the_place_of_the_default_x():
    model, x = posterior(), simulations()[1]
    model.set_default_x(x[0])
    a, b, c = (eulerot.flow(model, context=given).forward([[0.0, 0.0]]) for given in (None, x[0], x[1]))
    assert np.array_equal(a, b) and np.abs(a - c).max() > 1e-3


def test_refusals():
    from sbi.inference.posteriors import MCMCPosterior

    x = simulations()[1]
    with pytest.raises(eulerot.FlowError, match=r"MixtureDensityEstimator, which has no map"):
        eulerot.rearrange(estimator("mdn"), context=x[0])
    with pytest.raises(eulerot.FlowError, match=r"MixtureDensityEstimator, which has no map"):
        eulerot.rearrange(posterior("mdn"), context=x[0])
    mcmc = MCMCPosterior(posterior().potential_fn, posterior().prior)
    with pytest.raises(eulerot.FlowError, match=r"MCMCPosterior, which has no map"):
        eulerot.rearrange(mcmc, context=x[0])
    with pytest.raises(eulerot.FlowError, match=r"conditional\. Pass context=, an observation of shape \(3,\)"):
        eulerot.rearrange(estimator("nsf"))
    with pytest.raises(ValueError, match=r"expected one finite observation, shape \(3,\); got shape \(2, 3\)"):
        eulerot.rearrange(estimator("nsf"), context=x[:2])
    with pytest.raises(eulerot.SourceError, match="normal or uniform on a box"):
        eulerot.rearrange(estimator("made"), context=x[0])
