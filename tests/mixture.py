"""Gaussian mixtures, whose marginals and conditionals are mixtures again: the Knothe-Rosenblatt map in closed form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp, ndtr, ndtri
from scipy.stats import multivariate_normal


@dataclass(frozen=True)
class Mixture:
    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray

    @classmethod
    def random(cls, dim: int, components: int, *, width: float, seed: int) -> Mixture:
        rng = np.random.default_rng(seed)
        factors = rng.normal(size=(components, dim, dim))
        covariances = width**2 * (factors @ factors.transpose(0, 2, 1) / dim + 0.3 * np.eye(dim))
        return cls(rng.dirichlet(np.full(components, 3.0)), 2 * rng.normal(size=(components, dim)), covariances)

    def log_prob(self, x: np.ndarray) -> np.ndarray:
        terms = [
            np.log(w) + np.atleast_1d(multivariate_normal(m, c).logpdf(x))
            for w, m, c in zip(self.weights, self.means, self.covariances, strict=True)
        ]
        return logsumexp(terms, axis=0)

    def sample(self, n: int, seed: int = 0) -> np.ndarray:
        rng = np.random.default_rng(seed)
        which = rng.choice(len(self.weights), n, p=self.weights)
        noise = rng.standard_normal((n, self.means.shape[1], 1))
        return self.means[which] + (np.linalg.cholesky(self.covariances)[which] @ noise)[..., 0]

    def latents(self, x: np.ndarray) -> np.ndarray:
        """Return the normal scores of the conditionals: weights of the components by the coordinates before."""
        z, log_weights = np.empty_like(x), np.tile(np.log(self.weights), (len(x), 1))
        for k in range(x.shape[1]):
            means, widths = np.empty_like(log_weights), np.empty(len(self.weights))
            for j, (m, c) in enumerate(zip(self.means, self.covariances, strict=True)):
                gain = np.linalg.solve(c[:k, :k], c[:k, k])
                means[:, j] = m[k] + (x[:, :k] - m[:k]) @ gain
                widths[j] = np.sqrt(c[k, k] - c[k, :k] @ gain)
            shares = np.exp(log_weights - logsumexp(log_weights, axis=1, keepdims=True))
            scores = (x[:, [k]] - means) / widths
            below, above = (np.sum(shares * ndtr(sign * scores), axis=1) for sign in (1, -1))
            z[:, k] = np.where(below < above, ndtri(below), -ndtri(above))
            log_weights = log_weights - 0.5 * scores**2 - np.log(widths)
        return z
