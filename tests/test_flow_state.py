"""Models are left exactly as they were, flows pickle and copy wherever their models do, and threads do not matter."""

import copy
import pickle
import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from flow_models import CASES, nflows_flow, normflows_flow, own_torch, pyro_flow, zuko_flow

import eulerot
from eulerot.flows.adapters.state import State
from eulerot.latent.source import log_normal, normal_points

pytestmark = pytest.mark.slow

FLOWS = [pytest.mark.flows, pytest.mark.filterwarnings("ignore")]


class Scaled:
    """A flow of one's own that does something besides whenever it is called."""

    dim = 2

    def __init__(self):
        self.scale, self.calls, self.seen = np.array([2.0, 0.5]), 0, {}

    def touch(self, rows):
        self.calls += 1
        self.seen["last"] = rows

    def forward(self, z):
        self.touch(z)
        return self.scale * z

    def inverse(self, x):
        self.touch(x)
        return x / self.scale

    def log_prob(self, x):
        self.touch(x)
        return log_normal(x / self.scale) - np.log(self.scale).sum()

    def sample(self, n):
        return self.forward(np.random.standard_normal((n, 2)))  # noqa: NPY002


class FirstBatch(Scaled):
    """Takes its scale from the first batch, as ActNorm does."""

    def touch(self, rows):
        if self.calls == 0:
            self.scale = 1 / rows.std(axis=0)
        super().touch(rows)


class FirstBatchInPlace(Scaled):
    def touch(self, rows):
        if self.calls == 0:
            self.scale[:] = 1 / rows.std(axis=0)
        super().touch(rows)


def test_a_model_that_counts_its_calls_is_put_back():
    model = Scaled()
    before = np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    flow = eulerot.flow(model)
    flow.forward(flow.sample(5, seed=0))
    assert model.calls == 0 and model.seen == {}
    assert np.array_equal(flow.model_samples(5, 1), flow.model_samples(5, 1))
    assert not np.array_equal(flow.model_samples(5, 1), flow.model_samples(5, 2))
    after = np.random.get_state()[1], random.getstate()  # noqa: NPY002
    assert np.array_equal(before[0], after[0]) and before[1] == after[1]


@pytest.mark.parametrize("make", [FirstBatch, FirstBatchInPlace])
@pytest.mark.parametrize("check", [True, False])
def test_a_model_that_sets_itself_up_is_refused_and_put_back(make, check):
    model = make()
    with pytest.raises(eulerot.FlowError, match=r"changes when it is called for the first time.* \(.*scale.*ActNorm"):
        eulerot.rearrange(model, check=check)
    assert model.calls == 0 and np.array_equal(model.scale, [2.0, 0.5])
    model.forward(normal_points(64, 2))
    assert eulerot.flow(model).forward([[1.0, 1.0]]).shape == (1, 2)


def test_state_sees_and_restores_what_is_deep_inside():
    class Box:
        pass

    inner, outer = Box(), Box()
    inner.values, inner.items, outer.inner = np.zeros(3), [1, 2], {"it": (inner,)}
    outer.itself = outer
    state = State(outer)
    inner.values[1], inner.new = np.nan, 5
    inner.items.append(3)
    assert state.changes() == ["inner['it'][0].new", "inner['it'][0].items", "inner['it'][0].values"]
    state.restore()
    assert not inner.values.any() and inner.items == [1, 2] and not hasattr(inner, "new") and state.changes() == []


def snapshot(model):
    import torch

    modules = list(model.modules())
    return {
        "values": {name: value.clone() for name, value in model.state_dict().items()},
        "identities": [id(tensor) for tensor in (*model.parameters(), *model.buffers())],
        "storage": [tensor.data_ptr() for tensor in (*model.parameters(), *model.buffers())],
        "training": [module.training for module in modules],
        "requires_grad": [parameter.requires_grad for parameter in model.parameters()],
        "grads": [parameter.grad for parameter in model.parameters()],
        "hooks": [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in modules],
        "attributes": [sorted(vars(module)) for module in modules],
        "random": [torch.random.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()],  # noqa: NPY002
    }


def assert_same(before, after):
    import torch

    assert before.keys() == after.keys()
    assert before["values"].keys() == after["values"].keys()
    assert all(torch.equal(before["values"][name], after["values"][name]) for name in before["values"])
    for name in before.keys() - {"values", "random"}:
        assert before[name] == after[name], name
    assert torch.equal(before["random"][0], after["random"][0])
    assert np.array_equal(before["random"][1], after["random"][1]) and before["random"][2] == after["random"][2]


def act_norm(trained=False):
    import normflows as nf
    import torch

    model = normflows_flow("realnvp")
    model.flows.insert(2, nf.flows.ActNorm((2,)))
    model.flows.append(nf.flows.ActNorm((2,)))
    if trained:
        model.log_prob(torch.randn(64, 2))
    return model


def nflows_act_norm():
    from nflows.transforms import ActNorm

    model = nflows_flow()
    model._transform._transforms.append(ActNorm(2))
    return model


def partly_frozen():
    model = zuko_flow("MAF")
    next(model.parameters()).requires_grad_(False)
    model().log_prob(next(zuko_flow("MAF").parameters()).new_zeros(4, 2)).sum().backward()
    return model


MODELS = {
    "normflows ActNorm, untrained": (act_norm, True),
    "normflows ActNorm, trained": (lambda: act_norm(True), False),
    "nflows ActNorm, untrained": (nflows_act_norm, False),
    "nflows batch norm, in training": (lambda: nflows_flow(batch_norm=True), False),
    "normflows residual": (lambda: normflows_flow("residual"), False),
    "zuko, partly frozen, with gradients": (partly_frozen, False),
    "own, in training": (own_torch, False),
}


@pytest.mark.parametrize("name", [pytest.param(name, marks=FLOWS) for name in MODELS])
def test_torch_models_are_left_as_they_were(name):
    make, refused = MODELS[name]
    model = make().train()
    before = snapshot(model)
    if refused:
        with pytest.raises(eulerot.FlowError, match=r"flows\.2\.data_dep_init_done.*untrained ActNorm"):
            eulerot.rearrange(model)
    else:
        flow = eulerot.flow(model)
        assert_same(before, snapshot(model))
        flow.sample(10, seed=0), flow.model_samples(10), flow.log_prob(flow.forward([[0.0, 1.0]]))
    assert_same(before, snapshot(model))


@pytest.mark.flows
@pytest.mark.filterwarnings("ignore")
def test_hooks_and_old_spectral_norm_are_left():
    import torch
    from torch import nn

    class Sheared(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = nn.utils.spectral_norm(nn.Linear(1, 1))

        def forward(self, z):
            return torch.stack([z[:, 0], z[:, 1] + torch.tanh(self.net(z[:, :1]))[:, 0]], dim=1)

        def inverse(self, x):
            return torch.stack([x[:, 0], x[:, 1] - torch.tanh(self.net(x[:, :1]))[:, 0]], dim=1)

        def log_prob(self, x):
            return -0.5 * (self.inverse(x) ** 2).sum(dim=1) - float(np.log(2 * np.pi))

    model = Sheared().train()
    seen = []
    model.net.register_forward_hook(lambda *_: seen.append(1))
    before, weight = snapshot(model), model.net.weight
    eulerot.flow(model, dim=2)
    assert_same(before, snapshot(model))
    assert model.net.weight is weight and seen


@pytest.mark.flows
@pytest.mark.filterwarnings("ignore")
def test_statistics_of_the_batch_are_refused():
    import normflows as nf

    model = normflows_flow("realnvp")
    model.flows.append(nf.flows.BatchNorm())
    with pytest.raises(eulerot.FlowError, match=r"differs in other company.*statistics of the batch"):
        eulerot.rearrange(model)


def test_an_own_flow_with_statistics_of_the_batch_is_refused():
    flow = {"forward": lambda z: 2 * (z - z.mean(axis=0)) / z.std(axis=0), "inverse": lambda x: x / 2, "dim": 2}
    with pytest.raises(eulerot.FlowError, match=r"differs in other company, by \d.*statistics of the batch"):
        eulerot.flow(**flow)


def same(first, second):
    z = normal_points(20, first.dim)
    x = first.forward(z)
    return all(
        np.array_equal(a, b)
        for a, b in (
            (x, second.forward(z)),
            (first.inverse(x), second.inverse(x)),
            (first.log_prob(x), second.log_prob(x)),
            (first.sample(5, seed=1), second.sample(5, seed=1)),
        )
    )


# flowjax, distrax and tfp hold local functions here; torch's inverse transforms lose their other half in a pickle
PICKLING = [case for case in CASES if not case.name.startswith(("flowjax", "distrax", "tfp", "own", "torch"))]


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name, marks=FLOWS) for case in PICKLING])
def test_flows_pickle_and_copy(case):
    flow = eulerot.flow(case.make(), context=case.context, check=False)
    assert same(flow, copy.deepcopy(flow))
    assert same(flow, pickle.loads(pickle.dumps(flow)))


COPYING = [case for case in CASES if case.name.startswith(("flowjax", "distrax", "own torch"))]


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name, marks=FLOWS) for case in COPYING])
def test_flows_copy_whose_models_do_not_pickle(case):
    cloudpickle = pytest.importorskip("cloudpickle")

    model = case.make()
    with pytest.raises((AttributeError, pickle.PicklingError, TypeError)):
        pickle.dumps(model)
    flow = eulerot.flow(model, context=case.context, check=False)
    assert same(flow, copy.deepcopy(flow))
    if flow.library != "flowjax":  # its models do not survive cloudpickle themselves
        assert same(flow, cloudpickle.loads(cloudpickle.dumps(flow)))  # as joblib and Dask send it


def test_own_flows_pickle_and_copy():
    flow = eulerot.flow(Scaled())
    for again in (copy.deepcopy(flow), pickle.loads(pickle.dumps(flow))):
        assert same(flow, again) and np.array_equal(flow.model_samples(4), again.model_samples(4))
        assert again.model is not flow.model and again.to_data.function.__self__ is again.model


def test_twins_pickle_and_copy():
    twin = eulerot.rearrange(Scaled(), n_pairs=256, modes=3)
    assert same(twin, copy.deepcopy(twin))
    again = pickle.loads(pickle.dumps(twin))
    assert same(twin, again) and again.flow_change == 0


def doubled(z):
    return 2 * z


def density(x):
    return log_normal(x / 2) - 2 * np.log(2)


def shifted_density(x):
    return density(x) + 1.5


@pytest.mark.parametrize(
    "make",
    [
        lambda: eulerot.flow(forward=doubled, dim=2),
        lambda: eulerot.flow(inverse=doubled, dim=2),
        lambda: eulerot.flow(inverse=doubled, log_prob=lambda_free_log_prob, dim=2),
        lambda: eulerot.flow(log_prob=density, dim=2),
        lambda: eulerot.knothe_flow(shifted_density, dim=2, points=64, normalised=False),
    ],
)
def test_numerical_maps_pickle_and_copy(make):
    flow = make()
    assert same(flow, copy.deepcopy(flow)) and same(flow, pickle.loads(pickle.dumps(flow)))


def lambda_free_log_prob(x):
    return log_normal(2 * x) + 2 * np.log(2)


@pytest.mark.flows
@pytest.mark.filterwarnings("ignore")
def test_angle_flows_pickle_and_copy():
    from eulerot.flows.angles import on_angles

    flow = on_angles(eulerot.flow(zuko_flow("NCSF")))
    assert same(flow, copy.deepcopy(flow)) and same(flow, pickle.loads(pickle.dumps(flow)))


@pytest.mark.flows
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("make", [own_torch, lambda: nflows_flow(batch_norm=True), lambda: pyro_flow("spline")])
def test_threads_get_what_one_gets_alone(make):
    model = make()
    if hasattr(model, "train"):
        model.train()
    flow = eulerot.flow(model, check=False)
    seeds = range(24)
    alone = [(flow.sample(64, seed=s), flow.model_samples(64, s)) for s in seeds]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda s: (flow.sample(64, seed=s), flow.model_samples(64, s)), seeds))
    assert np.array_equal(np.array(alone), np.array(together))
    assert not hasattr(model, "training") or model.training
