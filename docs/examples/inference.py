"""Find latents by gradients through flows and through their twins, in torch: by descent, by variational inference.

    python docs/examples/inference.py --picture docs/images/inference.png

Needs torch and zuko. Latents of given data are found by gradient descent, as of a decoder without an inverse. A
Gaussian in the latents is fitted to the posterior of each noisy observation; flow and twin have the same law, so that
the evidence is the same, and the gaps between it and the bound are comparable.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
import zuko

import eulerot
from eulerot import plotting

FLOWS = ("two_moons", "eight_gaussians", "pinwheel")
NOISE = 0.5  # of an observation, its standard deviation
Map = Callable[[torch.Tensor], torch.Tensor]


class Settings(NamedTuple):
    """How much is fitted and measured; a test takes less."""

    observations: int = 48
    iterations: int = 150  # of Adam
    samples: int = 4
    measured: int = 256
    most: int = 150  # iterations of gradient descent
    n_pairs: int = 4096
    modes: int = 8


def in_zuko(name: str) -> zuko.flows.NSF:
    """Return a flow of the zoo as the zuko flow that it was trained as, in double precision."""
    zoo = eulerot.zoo.load(name)
    bins = (zoo.transforms[0].layers[-1][0].shape[0] // zoo.dim + 1) // 3
    flow = zuko.flows.NSF(
        zoo.dim, transforms=len(zoo.transforms), bins=bins, hidden_features=(64, 64), activation=torch.nn.SiLU
    )
    for theirs, ours in zip(flow.transform.transforms, zoo.transforms, strict=True):
        masked = [layer for layer in theirs.hyper if hasattr(layer, "mask")]
        for layer, (weight, bias) in zip(masked, ours.layers, strict=True):
            layer.weight.data, layer.bias.data = torch.tensor(weight), torch.tensor(bias)
    return flow.double().eval()


def log_likelihood(x: torch.Tensor, observed: torch.Tensor) -> torch.Tensor:
    """Return the log density of observations given data, normal errors of standard deviation `NOISE`."""
    return -0.5 * ((x - observed) ** 2).sum(-1) / NOISE**2 - math.log(2 * math.pi * NOISE**2)


def log_evidence(flow: zuko.flows.NSF, observed: torch.Tensor, nodes: int = 61) -> torch.Tensor:
    """Return the log evidence of each observation, by quadrature of the flow's density around it."""
    line = torch.linspace(-6 * NOISE, 6 * NOISE, nodes, dtype=torch.float64)
    offsets = torch.cartesian_prod(line, line)
    with torch.no_grad():
        terms = [flow().log_prob(x + offsets) + log_likelihood(x + offsets, x) for x in observed]
    return torch.logsumexp(torch.stack(terms), dim=1) + 2 * math.log(float(line[1] - line[0]))


class Gaussians:
    """One Gaussian in the latents for each observation: its mean, and its factor by logarithms of the diagonal."""

    def __init__(self, n: int) -> None:
        self.parameters = [torch.zeros(n, k, dtype=torch.float64, requires_grad=True) for k in (2, 2, 1)]

    def elbo(self, forward: Map, observed: torch.Tensor, draws: torch.Tensor) -> torch.Tensor:
        """Return the evidence lower bound for each draw and observation, shape ``(samples, n)``."""
        mean, log_scale, below = self.parameters
        u, v = draws.unbind(-1)
        scale = log_scale.exp()
        z = mean + torch.stack([scale[:, 0] * u, below[:, 0] * u + scale[:, 1] * v], dim=-1)
        log_q = -0.5 * (draws**2).sum(-1) - log_scale.sum(-1)
        x = forward(z.reshape(-1, 2)).reshape(z.shape)
        return log_likelihood(x, observed) - 0.5 * (z**2).sum(-1) - log_q


class Fit(NamedTuple):
    """How far the bound of each observation is from its evidence, and the noise of its gradient, shape ``(n,)``."""

    gap: np.ndarray
    noise: np.ndarray


def fitted(forward: Map, observed: torch.Tensor, evidence: torch.Tensor, settings: Settings) -> Fit:
    """Fit the Gaussians by Adam from the prior, flow and twin with the same draws."""
    n, generator = len(observed), torch.Generator().manual_seed(1)

    def draws(samples: int) -> torch.Tensor:
        return torch.randn(samples, n, 2, generator=generator, dtype=torch.float64)

    posterior = Gaussians(n)
    optimiser = torch.optim.Adam(posterior.parameters, lr=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.iterations)
    for _ in range(settings.iterations):
        optimiser.zero_grad()
        (-posterior.elbo(forward, observed, draws(settings.samples)).mean(dim=0).sum()).backward()
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        bound = posterior.elbo(forward, observed, draws(settings.measured)).mean(dim=0)
    gradients = []  # of one draw each
    for _ in range(32):
        parts = torch.autograd.grad(posterior.elbo(forward, observed, draws(1)).sum(), posterior.parameters)
        gradients.append(torch.cat(parts, dim=1).numpy())
    return Fit((evidence - bound).numpy(), np.sqrt(np.var(gradients, axis=0, ddof=1).sum(axis=1)))


def descended(forward: Map, x: torch.Tensor, most: int, close: float = 1e-3) -> np.ndarray:
    """Return the iterations that gradient descent from `x` itself takes to latents whose data are close to `x`.

    The step of each row is doubled, then halved until the squared distance falls by a quarter of what its slope says;
    none is longer than 4, which is as far as latents are from each other.
    """
    z, steps = x.clone(), torch.ones(len(x), 1, dtype=x.dtype)
    taken, left = np.full(len(x), most), torch.arange(len(x))
    for iteration in range(most):
        here = z[left].requires_grad_(True)
        loss = 0.5 * ((forward(here) - x[left]) ** 2).sum(-1)
        slope = torch.autograd.grad(loss.sum(), here)[0]
        far = loss.detach() > 0.5 * close**2
        taken[left[~far].numpy()] = iteration
        left, loss, slope = left[far], loss.detach()[far], slope[far]
        if not len(left):
            break
        steps[left] = torch.minimum(2 * steps[left], 4 / slope.norm(dim=-1, keepdim=True))
        trying = torch.ones(len(left), dtype=torch.bool)
        while trying.any():
            rows = left[trying]
            moved = z[rows] - steps[rows] * slope[trying]
            with torch.no_grad():
                falls = loss[trying] - 0.5 * ((forward(moved) - x[rows]) ** 2).sum(-1)
            good = falls >= 0.25 * steps[rows, 0] * (slope[trying] ** 2).sum(-1)
            z[rows[good]] = moved[good]
            steps[rows[~good]] /= 2
            trying[trying.clone()] = ~good
    return taken


def condition(forward: Map, z: torch.Tensor) -> np.ndarray:
    """Return the condition number of the Jacobian at latents, shape ``(n,)``."""
    z = z.clone().requires_grad_(True)
    x = forward(z)
    rows = [torch.autograd.grad(x[:, i].sum(), z, retain_graph=True)[0] for i in range(2)]
    values = torch.linalg.svdvals(torch.stack(rows, dim=1))
    return (values[:, 0] / values[:, 1]).numpy()


class Side(NamedTuple):
    """What is found through a flow, or through its twin."""

    fit: Fit
    iterations: np.ndarray
    condition: np.ndarray


def compared(name: str, settings: Settings) -> dict[str, Side]:
    """Return what is found of the same data and observations through a flow and through its twin."""
    flow, rng = in_zuko(name), np.random.default_rng(0)
    twin = eulerot.rearrange(flow, n_pairs=settings.n_pairs, modes=settings.modes)
    z = rng.standard_normal((settings.observations, 2))
    latents = {"flow": torch.tensor(z), "twin": torch.tensor(twin.rearrangement.forward(z))}
    maps: dict[str, Map] = {"flow": flow().transform.inv, "twin": twin.to_torch().forward}
    data = torch.tensor(twin.flow.forward(z))
    observed = data + NOISE * torch.tensor(rng.standard_normal(z.shape))
    evidence = log_evidence(flow, observed)
    return {
        key: Side(
            fitted(forward, observed, evidence, settings),
            descended(forward, data, settings.most),
            condition(forward, latents[key]),
        )
        for key, forward in maps.items()
    }


def row(name: str, found: dict[str, Side], most: int) -> str:
    """Return the line of the table of one flow; latents that took `most` iterations were not found."""
    flow, twin = found["flow"], found["twin"]
    gain, shorter = flow.fit.gap - twin.fit.gap, np.log(twin.iterations / flow.iterations)
    cells = [
        name,
        *(f"{np.median(side.condition):.1f}" for side in (flow, twin)),
        *(f"{np.median(side.iterations):.0f}" for side in (flow, twin)),
        f"{np.exp(shorter.mean()):.2f} x/ {np.exp(shorter.std(ddof=1) / math.sqrt(len(shorter))):.2f}",
        *(f"{100 * np.mean(side.iterations == most):.0f} %" for side in (flow, twin)),
        *(f"{np.median(side.fit.noise):.1f}" for side in (flow, twin)),
        *(f"{side.fit.gap.mean():.2f}" for side in (flow, twin)),
        f"{gain.mean():.2f} ± {gain.std(ddof=1) / math.sqrt(len(gain)):.2f}",
    ]
    return f"| {' | '.join(cells)} |"


def draw(results: dict[str, dict[str, Side]], picture: str) -> None:
    """Draw the iterations of each datum through the flow and through the twin, one panel a flow."""
    with plotting.figure(picture, columns=len(results), shared=True) as axes:
        for ax, (name, found) in zip(axes, results.items(), strict=True):
            flow, twin = (found[key].iterations for key in ("flow", "twin"))
            ax.loglog(flow, twin, "o", markersize=4, alpha=0.6)
            ax.axline((10, 10), (100, 100), color="grey", linewidth=1)
            ax.set(title=name.replace("_", " "), xlabel="iterations, flow", aspect="equal")
        axes[0].set_ylabel("iterations, twin")


def main(settings: Settings = Settings(), arguments: list[str] | None = None) -> None:  # noqa: B008
    """Print the table and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flows", nargs="+", default=FLOWS)
    parser.add_argument("--picture")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    columns = "condition, flow", "twin", "iterations, flow", "twin", "ratio", "not found, flow", "twin"
    columns += "gradient noise, flow", "twin", "gap, flow", "twin", "difference"
    print(f"| flow | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")
    results = {}
    for name in options.flows:
        results[name] = compared(name, settings)
        print(row(name, results[name], settings.most), flush=True)
    if options.picture:
        draw(results, options.picture)


if __name__ == "__main__":
    main()
