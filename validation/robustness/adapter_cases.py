"""Define random cases of models that become flows: faults, directions, side effects, batches and nesting.

They complete those of `random_cases.py` and `habits.py`; `fuzz.py` runs them. Nested laws need torch, and are left out
where it is not installed.
"""

from __future__ import annotations

import copy
import importlib.util
import pickle
import warnings
from collections.abc import Callable

import numpy as np
from hypothesis import strategies as st

import eulerot
from eulerot.latent.source import log_normal

__all__ = ["ADAPTERS"]


class Affine:
    """The flow ``z M^T + b`` as somebody's class, in a precision of its own, that counts and remembers its calls."""

    def __init__(self, seed: int, dim: int, dtype: str = "float64") -> None:
        rng = np.random.default_rng(seed)
        left, right = (np.linalg.qr(rng.standard_normal((dim, dim)))[0] for _ in range(2))
        self.dim, self.dtype, self.calls, self.seen = dim, dtype, 0, {"last": np.zeros(1)}
        self.matrix, self.shift = (left * rng.uniform(0.3, 3.0, dim)) @ right, rng.standard_normal(dim)

    def _touch(self, rows: np.ndarray) -> None:
        self.calls += 1
        self.seen["last"] = rows

    def forward(self, z: np.ndarray) -> np.ndarray:
        """Return data of latents."""
        self._touch(z)
        return (np.asarray(z, float) @ self.matrix.T + self.shift).astype(self.dtype)

    def inverse(self, x: np.ndarray) -> np.ndarray:
        """Return latents of data."""
        self._touch(x)
        return (np.asarray(x, float) - self.shift) @ np.linalg.inv(self.matrix).T.astype(self.dtype)

    def log_prob(self, x: np.ndarray) -> np.ndarray:
        """Return the log density of data."""
        return (log_normal(self.inverse(x)) - np.linalg.slogdet(self.matrix)[1]).astype(self.dtype)

    def sample(self, n: int) -> np.ndarray:
        """Return data of latents of NumPy's own generator."""
        return self.forward(np.random.standard_normal((n, self.dim)))  # noqa: NPY002


def _affine(data: st.DataObject, dtypes: tuple[str, ...] = ("float64", "float32")) -> Affine:
    return Affine(data.draw(st.integers(0, 10**6)), data.draw(st.integers(1, 4)), data.draw(st.sampled_from(dtypes)))


def faults_far_out(data: st.DataObject) -> None:
    """Check that an error of the model far out is the cause of a FlowError that names its first row."""
    model, radius = _affine(data), data.draw(st.floats(5.0, 8.0))
    kind = data.draw(st.sampled_from([AssertionError, KeyError, ZeroDivisionError, RuntimeError, "nan", "inf"]))
    batch, right = data.draw(st.integers(1, 40)), model.forward

    def forward(z: np.ndarray) -> np.ndarray:
        far = np.linalg.norm(z, axis=1) > radius
        if far.any() and isinstance(kind, type):
            raise kind("too far out")
        return np.where(far[:, None], np.nan if kind == "nan" else np.inf, right(z)) if far.any() else right(z)

    model.forward = forward
    twin = eulerot.RearrangedFlow(eulerot.flow(model, batch_size=batch), eulerot.Rearrangement.identity(model.dim))
    n = data.draw(st.integers(1, 60))
    row, z = data.draw(st.integers(0, n - 1)), np.random.default_rng(0).standard_normal((n, model.dim))
    z *= np.minimum(1.0, 4.5 / np.linalg.norm(z, axis=1, keepdims=True))
    assert np.isfinite(twin.forward(z)).all()
    z[row] = data.draw(st.sampled_from([-9.0, 9.0]))
    try:
        twin.forward(z)
    except eulerot.FlowError as error:
        if isinstance(kind, type):
            assert isinstance(error.__cause__, kind) and f"row {row} of {n}" in str(error)
            assert kind.__name__ in str(error)
        else:
            assert f"1 of {n} latents" in str(error) and f"row {row}," in str(error)
    else:
        raise AssertionError("accepted")


def directions(data: st.DataObject) -> None:
    """Check that the direction of a map is taken as said, or found from samples and densities, or warned of."""
    model = _affine(data, ("float64",))
    if np.abs(model.matrix @ model.matrix - np.eye(model.dim)).max() < 1.0:
        return  # both directions are nearly the same map
    shown = data.draw(st.sampled_from(["nothing", "log_prob", "both"]))
    turned, said = data.draw(st.booleans()), data.draw(st.sampled_from([None, "to_data", "to_latent"]))
    body = {"dim": model.dim, "forward": lambda self, z: model.forward(z), "inverse": lambda self, x: model.inverse(x)}
    if turned:
        body["forward"], body["inverse"] = body["inverse"], body["forward"]
    if shown != "nothing":
        body["log_prob"] = lambda self, x: model.log_prob(x)
    if shown == "both":
        body["sample"] = lambda self, n: model.sample(n)
    theirs, truth = type("Theirs", (), body)(), "to_latent" if turned else "to_data"
    z = np.random.default_rng(1).standard_normal((20, model.dim))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            flow = eulerot.flow(theirs, **({} if said is None else {"direction": said}))
        except eulerot.FlowError:
            assert shown != "nothing" and truth != (said or "to_data")
            return
    warned = any("nothing confirms" in str(one.message) for one in caught)
    assert warned == (said is None and shown == "nothing")
    if shown == "nothing":  # what is said is believed
        expected = model.forward(z) if truth == (said or "to_data") else model.inverse(z)
    else:
        assert truth == (said or "to_data"), "a wrong direction was accepted"
        expected = model.forward(z)
    assert np.abs(flow.forward(z) - expected).max() < 1e-9


def models_left_alone(data: st.DataObject) -> None:
    """Check that a model is as it was after it was wrapped, and that batches and copies give the same bits."""
    model = _affine(data)
    before, state = pickle.dumps(model.__dict__), np.random.get_state()[1].copy()  # noqa: NPY002
    flow, n = eulerot.flow(model), data.draw(st.integers(1, 50))
    assert pickle.dumps(model.__dict__) == before
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    z = np.random.default_rng(2).standard_normal((n, model.dim))
    x, small = flow.forward(z), eulerot.flow(model, batch_size=data.draw(st.integers(1, 60)))
    tolerance = 1e-5 if model.dtype == "float32" else 1e-12
    assert np.abs(small.forward(z) - x).max() <= tolerance and np.abs(small.inverse(x) - z).max() < 100 * tolerance
    copied = data.draw(st.sampled_from([copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))]))(flow)
    for name, rows in (("forward", z), ("inverse", x), ("log_prob", x)):
        assert getattr(copied, name)(rows).tobytes() == getattr(flow, name)(rows).tobytes()


def no_models(data: st.DataObject) -> None:
    """Check that what is no flow is refused by a sentence."""
    thing = data.draw(
        st.one_of(
            st.none(),
            st.integers(),
            st.text(max_size=5),
            st.lists(st.floats(), max_size=3),
            st.sampled_from([np.sin, len, dict, object(), np.zeros(3), Affine, {"forward": len}]),
        )
    )
    try:
        eulerot.flow(thing)
    except (eulerot.FlowError, TypeError) as error:
        assert "expected" in str(error)
    else:
        raise AssertionError(f"accepted: {thing!r}")


def nested_laws(data: st.DataObject) -> None:
    """Check that affine maps of affine maps of a base are one flow, with the bases and transforms of torch."""
    import torch
    from torch import distributions as laws
    from torch.distributions import transforms

    rng, dim = np.random.default_rng(data.draw(st.integers(0, 10**6))), data.draw(st.integers(1, 3))
    mean, deviation = (torch.tensor(v) for v in (rng.standard_normal(dim), rng.uniform(0.5, 2.0, dim)))
    base = data.draw(st.sampled_from(["normal", "multivariate", "uniform", "laplace"]))
    law: laws.Distribution = {
        "normal": lambda: laws.Independent(laws.Normal(mean, deviation), 1),
        "multivariate": lambda: laws.MultivariateNormal(mean, torch.diag(deviation**2)),
        "uniform": lambda: laws.Independent(laws.Uniform(mean, mean + deviation), 1),
        "laplace": lambda: laws.Independent(laws.Laplace(mean, deviation), 1),
    }[base]()
    reference = law
    shift, scale = np.zeros(dim), np.ones(dim)
    for _ in range(data.draw(st.integers(1, 4))):
        b, a = rng.standard_normal(dim), rng.uniform(0.5, 2.0, dim)
        affine = transforms.AffineTransform(torch.tensor(b), torch.tensor(a), event_dim=1)
        law = laws.TransformedDistribution(law, [affine])
        shift, scale = b + a * shift, a * scale
    flow = eulerot.flow(law)  # another base than these is refused by a SourceError: a ValueError, counted as refused
    assert base != "laplace", "accepted: laplace"
    z = np.random.default_rng(3).standard_normal((20, dim))
    x = flow.forward(z)
    inner = torch.tensor((x - shift) / scale)
    assert np.allclose(flow.log_prob(x), reference.log_prob(inner).numpy() - np.log(scale).sum(), atol=1e-9)
    assert np.abs(flow.inverse(x) - z).max() < 1e-9
    if base != "uniform":
        assert np.allclose(x, shift + scale * (mean.numpy() + deviation.numpy() * z), atol=1e-9)


# The targets, and the number of cases of each
ADAPTERS: dict[str, tuple[Callable[[st.DataObject], None], int]] = {
    target.__name__: (target, cases)
    for target, cases in [
        (faults_far_out, 500), (directions, 600), (models_left_alone, 500), (no_models, 300), (nested_laws, 200),
    ]
    if target is not nested_laws or importlib.util.find_spec("torch") is not None
}  # fmt: skip
