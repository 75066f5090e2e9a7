"""Train the zoo: neural spline flows by maximum likelihood, on toy densities with fresh samples at every step.

    pip install -e ".[flows]"
    python validation/zoo/train.py two_moons

The flow is zuko's NSF (Durkan, Bekasov, Murray, Papamakarios, 2019, arXiv:1906.04032): autoregressive transforms of
rational-quadratic splines on [-5, 5], two hidden layers of 64; `targets.py` says how many and of how many bins. Nothing
in its training knows of transport. The weights, masks applied, go to eulerot/flows/weights, with the negative
log-likelihood of 100,000 held-out samples. One thread and a fixed seed: the same weights on the same machine and
version of torch.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
import zuko
from targets import TARGETS, Target

WEIGHTS = Path(__file__).parents[2] / "eulerot" / "flows" / "weights"
# Flows that do not ship with the package: validation/fits/latent_flows.py fits to them
APART = Path(__file__).with_name("weights")
KEPT_APART = ("china", "components", "flower")
HIDDEN = (64, 64)


def target_of(name: str) -> Target:
    """Return a target; latents of images need scikit-learn, and their autoencoder is trained first."""
    if name in TARGETS:
        return TARGETS[name]
    from latents import LATENTS

    return LATENTS[name]


def untrained(target: Target) -> zuko.flows.NSF:
    """Return the flow before training."""
    return zuko.flows.NSF(
        target.dim, transforms=target.transforms, bins=target.bins, hidden_features=HIDDEN, activation=torch.nn.SiLU
    )


def trained(name: str, iterations: int, batch: int, seed: int) -> tuple[zuko.flows.NSF, float]:
    """Return the flow and its negative log-likelihood on held-out samples, in nats."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    target = target_of(name)
    flow = untrained(target)
    optimiser = torch.optim.Adam(flow.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=iterations)
    begun = time.perf_counter()
    for iteration in range(iterations):
        x = torch.from_numpy(target.sample(batch, rng)).float()
        loss = -flow().log_prob(x).mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(flow.parameters(), 5.0)
        optimiser.step()
        schedule.step()
        if iteration % 500 == 0:
            print(f"{name} {iteration:6d}  {loss.item():.4f}  {time.perf_counter() - begun:.0f} s", flush=True)
    flow = flow.double().eval()
    held_out = torch.from_numpy((target.held_out or target.sample)(100_000, np.random.default_rng(seed + 1)))
    with torch.no_grad():
        return flow, float(-flow().log_prob(held_out).mean())


def exported(flow: zuko.flows.NSF) -> dict[str, np.ndarray]:
    """Return the masked weights by the names that `eulerot.flows.spline` reads."""
    arrays = {}
    for number, transform in enumerate(flow.transform.transforms):
        layers = [layer for layer in transform.hyper if hasattr(layer, "mask")]
        for depth, layer in enumerate(layers):
            arrays[f"weight_{number}_{depth}"] = (layer.mask * layer.weight).detach().numpy().astype(np.float32)
            arrays[f"bias_{number}_{depth}"] = layer.bias.detach().numpy().astype(np.float32)
    return arrays


def reference(flow: zuko.flows.NSF) -> dict[str, np.ndarray]:
    """Return latents, data and log densities by zuko itself, for the test of the evaluation in NumPy."""
    dim = flow.transform.transforms[0].hyper[0].in_features
    z = torch.from_numpy(np.random.default_rng(0).standard_normal((64, dim)) * 1.5)
    with torch.no_grad():
        x = flow().transform.inv(z)
        return {"check_z": z.numpy(), "check_x": x.numpy(), "check_log_prob": flow().log_prob(x).numpy()}


def main() -> None:
    """Train, report and export one flow."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=sorted([*TARGETS, "digits", *KEPT_APART]))
    parser.add_argument("--iterations", type=int, default=8000)
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    flow, nll = trained(arguments.name, arguments.iterations, arguments.batch, arguments.seed)
    print(f"{arguments.name}: held-out negative log-likelihood {nll:.4f}, entropy {target_of(arguments.name).entropy}")
    folder = APART if arguments.name in KEPT_APART else WEIGHTS
    folder.mkdir(exist_ok=True)
    np.savez_compressed(folder / f"{arguments.name}.npz", nll=nll, **exported(flow), **reference(flow))


if __name__ == "__main__":
    main()
