"""The representation error: its closed form, and what it refuses."""

import pytest
import torch

from deeprestore_lab.energies import RepresentationError
from deeprestore_lab.operators.base import Identity
from small_operators import Half, Network, images


def test_quadratic_form_gives_the_same_value():
    x, y = images(seed=1), images(seed=2)[:, :, :2]
    energy = RepresentationError(Half(), y)
    form = energy.quadratic()
    value = form.precision / 2 * (form.operator(x) - form.target).square().flatten(1).sum(1)
    torch.testing.assert_close(value, energy(x))


def test_it_is_the_squared_distance_over_the_squared_norm_of_the_target():
    x, target = images(seed=1), images(seed=2)[:1]
    expected = [float((one - target[0]).norm() ** 2 / target.norm() ** 2) for one in x]
    assert RepresentationError(Identity(), target)(x).tolist() == pytest.approx(expected, rel=1e-12)


def test_wrong_targets_are_refused():
    with pytest.raises(ValueError, match="not be all zero"):
        RepresentationError(Identity(), torch.zeros(1, 1, 2, 2))
    with pytest.raises(ValueError, match="the target has shape"):
        RepresentationError(Identity(), images()[:, :, :1, :1])(images())
    with pytest.raises(ValueError, match="target must be a float tensor"):
        RepresentationError(Identity(), 3)


def test_a_network_with_a_layer_called_linear_is_not_a_linear_operator():
    phi = Network()
    error = RepresentationError(phi, images())
    assert error.quadratic() is None and (error @ phi).quadratic() is None


def test_the_error_has_the_precision_of_the_image():
    assert RepresentationError(Identity(), images(seed=1))(images().float()).dtype == torch.float32


def test_the_normaliser_is_what_it_is_divided_by():
    x, target = images(seed=1), images(seed=2)[:1]
    squared = torch.stack([(one - target[0]).norm() ** 2 for one in x])
    for normaliser, count in (("values", target[0].numel()), ("none", 1)):
        energy = RepresentationError(Identity(), target, normaliser=normaliser)
        torch.testing.assert_close(energy(x), squared / count)
        form = energy.quadratic()
        torch.testing.assert_close(form.precision / 2 * squared, energy(x))
    assert (
        float(RepresentationError(Identity(), torch.zeros(1, 1, 2, 2), normaliser="none")(torch.ones(1, 1, 2, 2))) == 4
    )
    with pytest.raises(ValueError, match="'target', 'values', 'none'; got 'mean'"):
        RepresentationError(Identity(), target, normaliser="mean")
