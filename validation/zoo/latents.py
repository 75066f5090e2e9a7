"""Draw the targets in ten dimensions: latents of small autoencoders of images that scikit-learn ships.

``digits`` are its 1797 images of 8 x 8, ``china`` and ``flower`` patches of 8 x 8 of its two photographs, in grey, and
``components`` the first ten principal components of the digits, as long as they are. The autoencoders know nothing of
transport. The latents of the digits and of ``china`` are whitened: each has mean zero and unit variance and none is
correlated with another. Those of ``flower`` and the components have one scale for all. A normal of deviation 0.3 is
added: a density in place of single points. The decoder of the digits, with the whitening undone in its first layer,
goes to `decoder.npz` beside this file, for pictures.
"""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from sklearn.datasets import load_digits, load_sample_image
from targets import Target
from torch import nn

__all__ = ["DECODER", "DIM", "LATENTS"]

DIM, HIDDEN, NOISE = 10, 96, 0.3
DECODER = Path(__file__).with_name("decoder.npz")
FloatArray = NDArray[np.float64]


def _images(name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return images to train with and held-out images, pixels from 0 to 1."""
    if name in ("digits", "components"):
        images, held = load_digits().data / 16, 300
    else:
        grey = load_sample_image(f"{name}.jpg").mean(axis=2) / 255
        images, held = sliding_window_view(grey, (8, 8))[::3, ::3].reshape(-1, 64), 3000
    rows = torch.from_numpy(images).float()
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(rows)))
    return rows[order[held:]], rows[order[:held]]


def _network(first: int, last: int) -> nn.Sequential:
    layers = [nn.Linear(first, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, last)]
    return nn.Sequential(*layers)


def _trained_autoencoder(images: torch.Tensor, held: torch.Tensor) -> tuple[nn.Sequential, nn.Sequential]:
    torch.manual_seed(0)
    encoder, decoder = _network(64, DIM), _network(DIM, 64)
    optimiser = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=2e-3, weight_decay=1e-6)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=4000)
    for _ in range(4000):
        batch = images[torch.randint(len(images), (256,))]
        latents = encoder(batch)
        # latents that a little noise does not spoil lie in the plain, not scattered
        loss = torch.mean((decoder(latents + 0.1 * torch.randn_like(latents)) - batch) ** 2)
        loss = loss + 1e-3 * torch.mean(latents**2)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        error = torch.mean((decoder(encoder(held)) - held) ** 2) / torch.mean((held - images.mean(0)) ** 2)
    print(f"autoencoder: {1 - error.item():.1%} of the held-out images' variance explained")
    return encoder, decoder


def _principal(images: torch.Tensor, held: torch.Tensor) -> tuple[FloatArray, FloatArray]:
    """Return the first ten principal components of images, those of the others by the same axes."""
    known, unknown = images.double().numpy(), held.double().numpy()
    axes = np.linalg.svd(known - known.mean(axis=0), full_matrices=False)[2][:DIM]
    return (known - known.mean(axis=0)) @ axes.T, (unknown - known.mean(axis=0)) @ axes.T


def _keep(decoder: nn.Sequential, mean: FloatArray, factor: FloatArray) -> None:
    """Write a decoder of latents before the noise."""
    arrays = {}
    for depth, layer in enumerate(layer for layer in decoder if isinstance(layer, nn.Linear)):
        arrays[f"weight_{depth}"], arrays[f"bias_{depth}"] = (p.detach().numpy() for p in (layer.weight, layer.bias))
    arrays["bias_0"] = (arrays["bias_0"] + arrays["weight_0"] @ mean).astype(np.float32)
    arrays["weight_0"] = (arrays["weight_0"] @ factor).astype(np.float32)
    np.savez_compressed(DECODER, **arrays)


@cache
def _latents(name: str) -> tuple[FloatArray, FloatArray]:
    """Return latents of training and held-out images, whitened or in units of their common deviation."""
    images, held = _images(name)
    if name == "components":
        known, unknown = _principal(images, held)
    else:
        encoder, decoder = _trained_autoencoder(images, held)
        with torch.no_grad():
            known, unknown = (encoder(batch).double().numpy() for batch in (images, held))
    mean, covariance = known.mean(axis=0), np.cov(known.T)
    if name in ("digits", "china"):
        factor = np.linalg.cholesky(covariance)  # latents = mean + factor . whitened
    else:
        factor = np.sqrt(np.trace(covariance) / DIM) * np.eye(DIM)
    if name == "digits":
        _keep(decoder, mean, factor)
    return tuple(np.linalg.solve(factor, (rows - mean).T).T for rows in (known, unknown))


def _noisy(name: str, held: bool, n: int, rng: np.random.Generator) -> FloatArray:
    """Draw latents of training or of held-out images, with noise, in units of the spread of both."""
    rows = _latents(name)[int(held)]
    return (rows[rng.integers(0, len(rows), n)] + NOISE * rng.standard_normal((n, DIM))) / np.sqrt(1 + NOISE**2)


LATENTS = {
    name: Target(
        partial(_noisy, name, False), "not computed", DIM, transforms=3, bins=8, held_out=partial(_noisy, name, True)
    )
    for name in ("digits", "components", "china", "flower")
}
