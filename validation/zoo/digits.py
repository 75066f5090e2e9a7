"""Draw the target in ten dimensions: latents of a small autoencoder of scikit-learn's digits, 1797 images of 8 x 8.

The autoencoder knows nothing of transport either. Its latents are whitened, so that each has mean zero and unit
variance and none is correlated with another, and a normal of standard deviation 0.3 is added: a density in place of
1797 points. The decoder, with the whitening undone in its first layer, goes to `decoder.npz` beside this file, for
pictures.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from torch import nn

__all__ = ["DECODER", "DIM", "digits", "held_out_digits"]

DIM, HIDDEN, NOISE = 10, 96, 0.3
DECODER = Path(__file__).with_name("decoder.npz")
FloatArray = NDArray[np.float64]


def _images() -> tuple[torch.Tensor, torch.Tensor]:
    """Return images to train with and held-out images, pixels from 0 to 1."""
    images = torch.from_numpy(load_digits().data / 16).float()
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(images)))
    return images[order[300:]], images[order[:300]]


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


@cache
def _latents() -> tuple[FloatArray, FloatArray]:
    """Train the autoencoder; return whitened latents of training and held-out images; keep the decoder."""
    images, held = _images()
    encoder, decoder = _trained_autoencoder(images, held)
    with torch.no_grad():
        known, unknown = (encoder(batch).double().numpy() for batch in (images, held))
    mean = known.mean(axis=0)
    factor = np.linalg.cholesky(np.cov(known.T))  # latents = mean + factor . whitened
    arrays = {}
    for depth, layer in enumerate(layer for layer in decoder if isinstance(layer, nn.Linear)):
        arrays[f"weight_{depth}"], arrays[f"bias_{depth}"] = (p.detach().numpy() for p in (layer.weight, layer.bias))
    arrays["bias_0"] = (arrays["bias_0"] + arrays["weight_0"] @ mean).astype(np.float32)
    arrays["weight_0"] = (arrays["weight_0"] @ factor).astype(np.float32)
    np.savez_compressed(DECODER, **arrays)
    return tuple(np.linalg.solve(factor, (rows - mean).T).T for rows in (known, unknown))


def _noisy(rows: FloatArray, n: int, rng: np.random.Generator) -> FloatArray:
    return (rows[rng.integers(0, len(rows), n)] + NOISE * rng.standard_normal((n, DIM))) / np.sqrt(1 + NOISE**2)


def digits(n: int, rng: np.random.Generator) -> FloatArray:
    """Draw noisy latents of training images."""
    return _noisy(_latents()[0], n, rng)


def held_out_digits(n: int, rng: np.random.Generator) -> FloatArray:
    """Draw noisy latents of images that neither the autoencoder nor the flow was trained with."""
    return _noisy(_latents()[1], n, rng)
