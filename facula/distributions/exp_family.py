"""Exponential families."""

from __future__ import annotations

import facula as torch

from .distribution import Distribution

__all__ = ["ExponentialFamily"]


class ExponentialFamily(Distribution):
    """Densities exp(<t(x), n> - F(n) + k(x)) with natural parameters n and log normalizer F.

    The entropy follows from F by differentiation (F. Nielsen and R. Nock, "Entropies and cross-entropies of
    exponential families", 2010).
    """

    @property
    def _natural_params(self) -> tuple:
        """The natural parameters."""
        raise NotImplementedError

    def _log_normalizer(self, *natural_params):
        """F of the natural parameters."""
        raise NotImplementedError

    @property
    def _mean_carrier_measure(self) -> float:
        """The mean of k(x)."""
        raise NotImplementedError

    def _with_gradients(self):
        """Natural parameters cut off from their history, F of them, and its gradients."""
        parameters = [p.detach().requires_grad_() for p in self._natural_params]
        normalizer = self._log_normalizer(*parameters)
        return parameters, normalizer, torch.autograd.grad(normalizer.sum(), parameters, create_graph=True)

    def entropy(self):
        parameters, normalizer, gradients = self._with_gradients()
        result = normalizer - self._mean_carrier_measure
        for parameter, gradient in zip(parameters, gradients):
            result = result - (parameter * gradient).reshape(self._batch_shape + (-1,)).sum(-1)
        return result
