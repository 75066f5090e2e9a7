"""Errors of a flow's own code, what is given in place of a flow, lost precision, and directions."""

import pathlib
import warnings

import numpy as np
import pytest
from flow_models import nflows_flow, own_torch, perturbed, zuko_flow

import eulerot
from eulerot import pages
from eulerot.latent.source import log_normal

pytestmark = pytest.mark.slow

FLOWS = [pytest.mark.flows, pytest.mark.filterwarnings("ignore")]


class Doubled:
    """``f(z) = 2 z``, to be spoiled by tests."""

    dim = 2

    def forward(self, z):
        return 2 * z

    def inverse(self, x):
        return x / 2

    def log_prob(self, x):
        return log_normal(x / 2) - 2 * np.log(2)

    def sample(self, n):
        return self.forward(np.random.default_rng(0).standard_normal((n, 2)))


class AssertsNear(Doubled):
    def forward(self, z):
        assert np.abs(z).max() < 3.5
        return 2 * z


class InfiniteBeyond(Doubled):
    def forward(self, z):
        return np.where(np.abs(z).max(axis=1, keepdims=True) > 3, np.inf, 2 * z)


class Picky(Doubled):
    def inverse(self, x):
        if (np.abs(x) > 4).any():
            raise KeyError("no such bin")
        return x / 2


class NanBeyond(Doubled):
    def inverse(self, x):
        return np.where(np.abs(x).max(axis=1, keepdims=True) > 8, np.nan, x / 2)


def test_the_error_of_the_model_is_the_cause_and_its_row_is_named():
    message = (
        r"forward \(latents to data\) of the model \(AssertsNear\) failed on row \d+ of 4096, \[ ?-?\d.* It raised "
        r"AssertionError.* Other rows work"
    )
    with pytest.raises(eulerot.FlowError, match=message) as caught:
        eulerot.rearrange(AssertsNear(), n_pairs=4096, modes=3)
    assert isinstance(caught.value.__cause__, AssertionError)
    flow = eulerot.flow(AssertsNear())
    with pytest.raises(eulerot.FlowError, match=r"failed on row 2 of 3, \[0\. 4\.\]"):
        flow.forward([[0.0, 1.0], [2.0, 1.0], [0.0, 4.0]])
    small = eulerot.flow(AssertsNear(), batch_size=2)
    with pytest.raises(eulerot.FlowError, match=r"failed on row 2 of 3, \[0\. 4\.\]"):
        small.forward([[0.0, 1.0], [2.0, 1.0], [0.0, 4.0]])


def test_an_error_of_the_check_is_explained_too():
    message = r"inverse \(data to latents\) of the model \(Picky\) failed on row \d+ of 128, .*KeyError: 'no such bin'"
    with pytest.raises(eulerot.FlowError, match=message) as caught:
        eulerot.flow(Picky())
    assert isinstance(caught.value.__cause__, KeyError)


def test_an_error_on_every_row():
    message = r"failed on row 0 of 2, .* and on all others that were tried\. It raised ZeroDivisionError.*pass context="
    with pytest.raises(eulerot.FlowError, match=message):
        eulerot.flow(forward=lambda z: 1 / 0, dim=2)


def test_data_that_are_not_finite():
    message = r"NaN or infinity for \d+ of 4096 latents, the first in row \d+, z = \[.*at least 3\.\d+ away.*%"
    with pytest.raises(eulerot.FlowError, match=message) as caught:
        eulerot.rearrange(InfiniteBeyond(), n_pairs=4096, modes=3)
    assert "Drop" not in str(caught.value)
    twin = eulerot.RearrangedFlow(eulerot.flow(InfiniteBeyond()), eulerot.Rearrangement.identity(2))
    with pytest.raises(eulerot.FlowError, match="NaN or infinity for 1 of 2 latents"):
        twin.forward([[0.0, 0.0], [3.2, 0.0]])
    twin = eulerot.RearrangedFlow(eulerot.flow(NanBeyond()), eulerot.Rearrangement.identity(2))
    with pytest.raises(eulerot.FlowError, match=r"NaN or infinity for 1 of 2 data, .* row 1, x = \[9\. 0\.\]"):
        twin.inverse([[0.0, 0.0], [9.0, 0.0]])


def test_newton_survives_a_map_that_fails_far_out():
    def forward(z):
        if (np.abs(z) > 5).any():
            raise FloatingPointError("overflow")
        return z + 0.2 * np.sinh(z)

    flow = eulerot.flow(forward=forward, dim=1, check=False)
    z = np.linspace(-4, 4, 33)[:, None]
    assert np.abs(flow.inverse(forward(z)) - z).max() < 1e-7


NO_MODELS = {
    "path": ("flow.pt", r"got the path 'flow\.pt'\. Load the model first"),
    "pathlib": (pathlib.Path("flow.pt"), r"Load the model first"),
    "state_dict": ({"layer.weight": np.zeros(2)}, r"keys 'layer\.weight'\. If it is a state_dict, .* load it first"),
    "checkpoint": ({"epoch": 1, "state_dict": {}}, r"keys 'epoch', 'state_dict'.*load it first"),
    "class": (Doubled, r"got the class Doubled\. Pass an instance"),
    "function": (lambda z: z, r"got the function <lambda>\. Say which one it is: eulerot\.flow\(forward="),
    "array": (np.zeros((5, 2)), r"got an array of shape \(5, 2\)\. .*eulerot\.fit\(z, x\)"),
    "list": ([Doubled(), Doubled()], r"got a list of 2\. Pass one flow"),
    "number": (3, r"int offers no forward, inverse or log_prob"),
}


@pytest.mark.parametrize("name", NO_MODELS)
def test_what_is_no_model(name):
    thing, message = NO_MODELS[name]
    with pytest.raises(eulerot.FlowError, match=message):
        eulerot.rearrange(thing)


def test_advice_suits_rearrange():
    class Mapless:
        def forward(self, z):
            return 2 * z

    with pytest.raises(eulerot.FlowError, match=r"dim= to eulerot\.flow, and what it returns to eulerot\.rearrange"):
        eulerot.rearrange(Mapless())


def steep(z):
    """Ten decimal digits of the second coordinate are needed to invert this."""
    return np.stack([z[:, 0], z[:, 1] + 1e5 * z[:, 0]], axis=1)


def unsteep(x):
    return np.stack([x[:, 0], x[:, 1] - np.asarray(1e5, x.dtype) * x[:, 0]], axis=1)


def single(function):
    return lambda rows: function(rows.astype(np.float32))


def steep_log_prob(x):
    return log_normal(unsteep(x))


def test_lost_precision_is_told_from_a_wrong_base_and_a_wrong_direction():
    eulerot.flow(forward=steep, inverse=unsteep, log_prob=steep_log_prob, dim=2)
    functions = {"forward": single(steep), "inverse": single(unsteep), "log_prob": steep_log_prob, "dim": 2}
    with pytest.raises(eulerot.FlowError, match=r"lost precision, and neither the base nor the direction.*1e-07"):
        eulerot.flow(**functions)
    # well conditioned in single precision, and wrong
    gentle, back = single(lambda z: 2 * z), single(lambda x: x / 2)
    with pytest.raises(eulerot.FlowError, match="swapped direction"):
        eulerot.flow(forward=back, inverse=gentle, log_prob=Doubled().log_prob, dim=2)
    with pytest.raises((eulerot.FlowError, eulerot.SourceError), match=r"base of mean .* and covariance"):
        eulerot.flow(forward=gentle, inverse=back, log_prob=lambda x: log_normal(x / 6) - 2 * np.log(6), dim=2)


@pytest.mark.parametrize(
    ("dim", "transforms", "hidden", "scale"),
    [pytest.param(4, 5, 64, 0.3, marks=FLOWS), pytest.param(10, 3, 32, 0.35, marks=FLOWS)],
)
def test_a_random_flow_in_single_precision(dim, transforms, hidden, scale):
    import torch
    import zuko

    torch.manual_seed(0)
    model = perturbed(zuko.flows.MAF(features=dim, transforms=transforms, hidden_features=(hidden, hidden)), scale)
    with pytest.raises(eulerot.FlowError, match=r"lost precision, and neither the base nor the direction.*double"):
        eulerot.rearrange(model)
    if dim == 4:
        eulerot.flow(model.double())
    else:  # no precision helps here
        with pytest.raises(eulerot.FlowError, match=r"lost precision.*too steep even for double precision"):
            eulerot.flow(model.double())


def test_half_precision_is_refused():
    with pytest.raises(eulerot.FlowError, match=r"single or double precision; .* rounding unit of 1e-03"):
        eulerot.flow(forward=lambda z: (2 * z).astype(np.float16), dim=2)


@pytest.mark.parametrize("dtype", [pytest.param(dtype, marks=FLOWS) for dtype in ("float16", "bfloat16")])
def test_half_precision_models_are_refused(dtype):
    import torch

    for model in (zuko_flow("MAF"), nflows_flow(), own_torch()):
        with pytest.raises(eulerot.FlowError, match=f"single or double precision; got {dtype}"):
            eulerot.rearrange(model.to(getattr(torch, dtype)))


@pytest.mark.flows
@pytest.mark.filterwarnings("ignore")
def test_wrapped_modules_are_unwrapped():
    import torch

    z = np.array([[0.3, -0.2]])
    for model in (zuko_flow("MAF"), nflows_flow(), own_torch()):
        flow = eulerot.flow(torch.compile(model))
        assert np.array_equal(flow.forward(z), eulerot.flow(model).forward(z))
        assert np.array_equal(eulerot.flow(torch.nn.DataParallel(model)).forward(z), flow.forward(z))


@pytest.mark.flows
@pytest.mark.filterwarnings("ignore")
def test_saturated_data_name_their_row():
    from nflows.transforms import InputOutsideDomain, InverseTransform, Tanh

    model = nflows_flow()
    model._transform._transforms.insert(0, InverseTransform(Tanh()))
    flow = eulerot.flow(model, check=False)
    message = r"failed on row 1 of 2, \[0\.5 1\. \]\. It raised InputOutsideDomain"
    with pytest.raises(eulerot.FlowError, match=message) as caught:
        flow.inverse([[0.5, 0.5], [0.5, 1.0]])
    assert isinstance(caught.value.__cause__, InputOutsideDomain)


def nflows_bases():
    import torch
    from nflows import distributions
    from nflows.distributions.uniform import BoxUniform

    diagonal = distributions.DiagonalNormal([2])
    with torch.no_grad():
        diagonal.mean_ += torch.tensor([1.0, -2.0])
        diagonal.log_std_ += torch.tensor([0.5, -1.0])
    conditional = distributions.ConditionalDiagonalNormal([2], torch.nn.Linear(3, 4))
    box = BoxUniform(torch.tensor([-1.0, 0.0]), torch.tensor([2.0, 3.0]))
    mixture = distributions.MADEMoG(2, 8, None, num_mixture_components=2)
    return {"diagonal": diagonal, "conditional": conditional, "box": box, "mixture": mixture}


@pytest.mark.flows
@pytest.mark.filterwarnings("ignore")
def test_bases_of_nflows():
    bases = nflows_bases()
    diagonal = eulerot.flow(nflows_flow(base=bases["diagonal"]))
    parameters = (bases["diagonal"].mean_ + 0, bases["diagonal"].log_std_.exp())
    mean, deviation = (value.detach().numpy()[0] for value in parameters)
    assert np.allclose(diagonal.base.mean, mean, atol=1e-4)
    assert np.allclose(diagonal.base.factor, np.diag(deviation), atol=1e-4)
    assert diagonal.sample(5, seed=0).shape == (5, 2)
    box = eulerot.flow(nflows_flow(base=bases["box"]))
    assert np.allclose(box.base.low, [-1, 0], atol=1e-5) and np.allclose(box.base.high, [2, 3], atol=1e-5)
    conditional = nflows_flow(base=bases["conditional"], context=3)
    a, b = (eulerot.flow(conditional, context=c).base.mean for c in ((0.0, 0.0, 0.0), (1.0, 2.0, 3.0)))
    assert np.abs(a - b).max() > 0.1
    with pytest.raises(eulerot.FlowError, match="conditional"):
        eulerot.flow(conditional)
    with pytest.raises(eulerot.SourceError, match="normal or uniform on a box"):
        eulerot.rearrange(nflows_flow(base=bases["mixture"]))


@pytest.mark.flows
@pytest.mark.filterwarnings("ignore")
def test_a_truncated_normal_base_is_refused():
    import torch
    import zuko

    def truncated(mean, deviation):
        return torch.distributions.Independent(
            zuko.distributions.Truncated(torch.distributions.Normal(mean, deviation), -1.0, 1.0), 1
        )

    base = zuko.lazy.UnconditionalDistribution(truncated, torch.zeros(2), torch.ones(2), buffer=True)
    with pytest.raises(eulerot.SourceError, match=r"normal or uniform on a box; .* not finite everywhere"):
        eulerot.rearrange(zuko.lazy.Flow([zuko_flow("MAF").transform], base))


class ToNoise:
    """Takes data to noise by ``forward``, as block neural autoregressive flows do; nothing else is known."""

    def forward(self, x):
        return np.stack([1.5 * x[:, 0] + 0.5 * np.tanh(x[:, 0]), 0.7 * x[:, 1] + np.sin(2 * x[:, 0])], axis=1)


class ToNoiseAndBack(ToNoise):
    def inverse(self, z):
        x = z[:, 0] / 1.5
        for _ in range(60):
            x = (z[:, 0] - 0.5 * np.tanh(x)) / 1.5
        return np.stack([x, (z[:, 1] - np.sin(2 * x)) / 0.7], axis=1)


class WithSamples(ToNoiseAndBack):
    def sample(self, n):
        return self.inverse(np.random.standard_normal((n, 2)))  # noqa: NPY002


class WithDensity(ToNoise):
    def log_prob(self, x):
        return log_normal(self.forward(x)) + np.log(0.7 * (1.5 + 0.5 / np.cosh(x[:, 0]) ** 2))


def right_density(x):
    return WithDensity().log_prob(x)


@pytest.mark.parametrize("make", [ToNoise, ToNoiseAndBack])
def test_an_unconfirmed_direction_is_warned_of(make):
    with pytest.warns(UserWarning, match=r"nothing confirms that forward of ToNoise.* direction='to_latent'"):
        wrong = eulerot.flow(make(), dim=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        right = eulerot.flow(make(), dim=2, direction="to_latent")
        said = eulerot.flow(make(), dim=2, direction="to_data")
        eulerot.rearrange(right, n_pairs=256, modes=2)
    z = np.random.default_rng(0).standard_normal((50, 2))
    x = right.forward(z)
    assert np.abs(make().forward(x) - z).max() < 1e-6
    assert np.abs(right.log_prob(x) - right_density(x)).max() < 1e-4
    assert np.array_equal(wrong.forward(z), make().forward(z)) and np.array_equal(said.forward(z), wrong.forward(z))
    with pytest.warns(UserWarning, match="nothing confirms"):

        class WithDim(make):
            dim = 2

        eulerot.rearrange(WithDim(), n_pairs=256, modes=2)


def test_samples_confirm_or_refute_a_direction():
    with pytest.raises(eulerot.FlowError, match=r"samples of WithSamples are not what its forward makes.*'to_latent'"):
        eulerot.rearrange(WithSamples())
    z = np.array([[0.3, -0.2]])
    assert np.allclose(eulerot.flow(WithSamples(), direction="to_latent").forward(z), ToNoiseAndBack().inverse(z))

    class Turned(WithSamples):
        forward, inverse = ToNoiseAndBack.inverse, ToNoise.forward

        def sample(self, n):
            return self.forward(np.random.standard_normal((n, 2)))  # noqa: NPY002

    eulerot.flow(Turned())  # warnings are errors here: its samples confirm it


def test_a_density_confirms_or_refutes_a_direction():
    with pytest.raises(eulerot.FlowError, match=r"swapped direction.*direction='to_latent'"):
        eulerot.flow(WithDensity(), dim=2)
    flow = eulerot.flow(WithDensity(), dim=2, direction="to_latent")
    x = flow.sample(50, seed=0)
    assert np.abs(WithDensity().forward(flow.forward([[0.1, 0.2]])) - [[0.1, 0.2]]).max() < 1e-6
    assert np.array_equal(flow.log_prob(x), right_density(x))


def test_where_direction_has_no_say():
    with pytest.raises(ValueError, match="direction: expected 'to_data' or 'to_latent'; got 'backwards'"):
        eulerot.flow(ToNoise(), dim=2, direction="backwards")
    with pytest.raises(ValueError, match="direction: expected a model with a forward method; got functions"):
        eulerot.flow(forward=lambda z: z, dim=2, direction="to_data")


@pytest.mark.flows
@pytest.mark.filterwarnings("ignore")
def test_directions_of_libraries_are_known():
    with pytest.raises(ValueError, match="direction: expected none, for the directions of a MAF are known"):
        eulerot.flow(zuko_flow("MAF"), direction="to_latent")
    flow = eulerot.flow(own_torch(flipped=True), direction="to_latent")
    z = np.array([[0.3, -0.2]])
    assert np.array_equal(flow.forward(z), eulerot.flow(own_torch()).forward(z))


@pytest.mark.flows
@pytest.mark.filterwarnings("ignore")
def test_objects_that_hold_modules():
    import torch

    class OfTensors:
        dim = 2

        def __init__(self):
            self.net = own_torch().train()

        def forward(self, z):
            return self.net.to_data(z)[0]

        def inverse(self, x):
            return self.net.to_latents(x)[0]

        def log_prob(self, x):
            return self.net.log_prob(x)

    class OfArrays(OfTensors):
        def forward(self, z):
            return super().forward(torch.from_numpy(z).float()).detach().numpy()

        def inverse(self, x):
            return super().inverse(torch.from_numpy(x).float()).detach().numpy()

        def log_prob(self, x):
            return super().log_prob(torch.from_numpy(x).float()).detach().numpy()

    z = np.array([[0.3, -0.2]])
    for make in (OfTensors, OfArrays):
        model = make()
        assert np.array_equal(eulerot.flow(model).forward(z), eulerot.flow(own_torch()).forward(z))
        assert model.net.training


class Trained(Doubled):
    factor = 2.0

    def forward(self, z):
        return self.factor * z

    def inverse(self, x):
        return x / self.factor

    def log_prob(self, x):
        return log_normal(x / self.factor) - 2 * np.log(self.factor)


def test_a_twin_of_a_model_trained_further_says_so():
    model = Trained()
    twin = eulerot.rearrange(model, n_pairs=256, modes=2)
    assert twin.flow_change == 0 and "has changed" not in str(twin.report(64))
    model.factor = 2.5
    report = twin.report(64)
    # data 2 z have become 2.5 z: half of the root mean square of the fixed latents, some 1.4 in the plane
    assert 0.5 < report.flow_change < 0.9 and report.flow_change == twin.flow_change
    assert "the flow has changed since its rearrangement was fitted: its data moved by 0." in str(report)
    assert report.changed in pages.flow_page(twin, report).html()
    x = twin.sample(20, seed=0)
    assert np.array_equal(twin.log_prob(x), model.log_prob(x))
    assert "has changed" not in str(eulerot.rearrange(model, n_pairs=256, modes=2).report(64))
    plain = eulerot.RearrangedFlow(twin.flow, twin.rearrangement)
    assert np.isnan(plain.flow_change) and "has changed" not in str(plain.report(64))
