"""The guide pages: their code runs, and the twin that it makes is what they say."""

import re
from pathlib import Path

import numpy as np
import pytest

from eulerot.transport.cost import transport_cost

GUIDES = sorted((Path(__file__).parent.parent / "docs" / "guides").glob("*.md"))


def run(page):
    names = {}
    for block in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL):
        exec(compile(block, page.name, "exec"), names)
    twin, x, y = names["twin"], names["x"], names["y"]
    assert x.dtype == y.dtype == np.float64 and x.shape == y.shape == (1000, twin.dim)
    assert np.array_equal(twin.log_prob(x), twin.flow.log_prob(x))
    z = twin.flow.inverse(x)
    before, after = (transport_cost(latents, x, domain=twin.domain) for latents in (z, y))
    assert after < 1.01 * before
    if "there" in names:  # the twin in the library of the flow
        density = names["there"].log_prob(x.astype(np.float32) if "jax" in names else names["torch"].tensor(x).float())
        density = np.asarray(density if "jax" in names else density.detach())
        assert page.stem == "flowjax" or np.quantile(np.abs(density - twin.log_prob(x)), 0.9) < 1e-2  # trained on there
    lines = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)[-1].strip().splitlines()
    assert len([line for line in lines if line]) <= 6


@pytest.mark.flows
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("page", [page for page in GUIDES if page.stem != "own"], ids=lambda page: page.stem)
def test_guide_of_a_library(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # sbi writes its logs into the folder where it trains
    run(page)


@pytest.mark.slow
def test_guide_of_own_flows():
    run(next(page for page in GUIDES if page.stem == "own"))


def test_every_library_has_a_page():
    pages = {"angles", "dihedral", "distrax", "flowjax", "nflows", "normflows", "own", "sbi", "torch_pyro", "zuko"}
    assert {page.stem for page in GUIDES} == pages | {"jax_map", "torch_map", "velocity"}
