"""Energies add, scale, divide and stand on representations, whatever their value."""

import pytest
import torch

from deeprestore_lab.energies import Energy, GaussianLikelihood, WeightedSum, weighted_terms
from deeprestore_lab.operators import FourierMask, RandomProjection
from deeprestore_lab.operators.base import Identity
from deeprestore_lab.priors import PoweredVariation, Tikhonov, TotalVariation
from small_operators import Half, Network, Square, images


class Sum(Energy):
    """The sum of x: the simplest energy there is."""

    def value(self, x):
        return x.flatten(1).sum(1)


def test_sums_weights_and_shares():
    x, weights = images(3), torch.tensor([0.0, 1.0, 2.0], dtype=torch.float64)
    data = GaussianLikelihood(Identity(), images(seed=9)[:1], sigma=0.5)
    total = 2 * (data + weights * Sum()) + Sum()
    expected = 2 * data(x) + (2 * weights + 1) * x.flatten(1).sum(1)
    torch.testing.assert_close(total(x), expected)
    shares = total.terms(x)
    assert list(shares) == ["gaussian likelihood", "sum", "sum 2"]
    torch.testing.assert_close(sum(shares.values()), expected)
    assert len(weighted_terms(total)) == 3 and isinstance(total, WeightedSum)


def test_weights_of_different_lengths_are_refused():
    torch.testing.assert_close((torch.ones(3) * (torch.full((3,), 2.0) * Sum()))(images(3)), 2 * Sum()(images(3)))
    with pytest.raises(ValueError, match="must be as many, got 2 and 3"):
        torch.ones(2) * (torch.ones(3) * Sum())


def test_an_energy_on_a_representation():
    x = images()
    torch.testing.assert_close((Sum() @ Square())(x), x.square().flatten(1).sum(1))
    torch.testing.assert_close((Sum() @ (lambda image: 3 * image))(x), 3 * Sum()(x))
    form = (GaussianLikelihood(Identity(), 2 * x[:, :, ::2], sigma=1.0) @ Half()).quadratic()
    assert form is not None and (form.operator(x) - form.target).abs().max() == 0


@pytest.mark.parametrize("weight", [-1, float("nan"), float("inf"), "1", torch.tensor([[1.0]]), torch.tensor([-1.0])])
def test_a_wrong_weight_is_refused(weight):
    with pytest.raises(ValueError, match="weight must be"):
        WeightedSum([(1.0, Sum())]) * weight


@pytest.mark.parametrize("value", [lambda x: x.sum(), lambda x: x.flatten(1).sum(1, keepdim=True), lambda x: 1.0])
def test_a_value_that_is_not_one_number_per_image_is_refused(value):
    wrong = type("Wrong", (Energy,), {"value": lambda self, x: value(x)})()
    for energy in (wrong, 2 * wrong + Sum(), wrong @ Identity()):
        with pytest.raises(ValueError, match="Wrong.value must give one number per image"):
            energy(images())


def test_a_sum_on_a_representation_is_the_sum_of_its_terms_there():
    x, data = images(), GaussianLikelihood(Identity(), images(seed=3)[:, :, ::2], sigma=0.5)
    both = (2.0 * data + Sum()) @ Half()
    torch.testing.assert_close(both(x), 2 * data(Half()(x)) + Sum()(Half()(x)))
    (weight, term), _ = both.weighted
    assert weight == 2.0 and term.quadratic() is not None and len(both.terms(x)) == 2


def test_energies_add_up_with_sum():
    x = images()
    torch.testing.assert_close(sum([Sum(), 2 * Sum()])(x), 3 * Sum()(x))
    with pytest.raises(TypeError):
        1 + Sum()


def test_a_representation_need_not_be_a_picture():
    class Length(Energy):
        def value(self, x):
            return x.square().flatten(1).sum(1)

    x = images()
    torch.testing.assert_close((Length() @ (lambda image: image.mean((2, 3))))(x), x.mean((2, 3)).square().sum(1))


@pytest.mark.parametrize("prior", [TotalVariation(), TotalVariation(smoothing=0.1), Tikhonov(), PoweredVariation()])
@pytest.mark.parametrize("phi", [RandomProjection((3, 4, 5), 16), lambda x: x.mean(2)], ids=["(N, M)", "(N, C, W)"])
def test_a_prior_of_neighbours_is_refused_where_images_would_be_neighbours(prior, phi):
    with pytest.raises(ValueError, match=r"differences between neighbours take \(N, C, H, W\)"):
        (prior @ phi)(images().float())


def test_an_energy_of_real_values_is_refused_complex_ones():
    phi = FourierMask(torch.ones(4, 5))
    with pytest.raises(ValueError, match="sum is made for real values, and sum @ fourier mask gives it complex ones"):
        (Sum() @ phi)(images())


def test_a_weight_of_length_1_stands_for_all():
    x, weights = images(), torch.tensor([1.0, 2.0], dtype=torch.float64)
    torch.testing.assert_close((weights * (torch.tensor([3.0]) * Sum()))(x), 3 * weights * Sum()(x))
    torch.testing.assert_close((torch.tensor([3.0]) * (weights * Sum()))(x), 3 * weights * Sum()(x))
    found = (weights * TotalVariation().calibrated(torch.tensor([0.1])))(x)
    torch.testing.assert_close(found, weights * TotalVariation().calibrated(0.1)(x))


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match="3 weights were given for a batch of 2"):
        (torch.ones(3) * Sum())(images(2))
    with pytest.raises(ValueError, match="float tensor of shape"):
        Sum()(torch.ones(2, 3))
    with pytest.raises(ValueError, match="product of two energies"):
        Sum() * Sum()


def test_on_a_network_with_a_layer_called_linear_an_energy_is_not_split():
    energy = Sum() @ Network()
    assert energy.split()[1] is energy
    assert (GaussianLikelihood(Identity(), images(), sigma=0.1) @ Network()).quadratic() is None


@pytest.mark.parametrize("divisor", [2, 0.25, torch.tensor([1, 4])])
def test_an_energy_is_divided_by_a_number(divisor):
    x = images()
    for energy in (Sum(), 3 * Sum() + Sum()):
        torch.testing.assert_close((energy / divisor)(x), energy(x) / divisor)
    assert (Sum() / 2).weighted[0][0] == 0.5


@pytest.mark.parametrize("divisor", [0, -1, float("nan"), "2", torch.tensor([1.0, 0.0])])
def test_a_wrong_divisor_is_refused(divisor):
    with pytest.raises(ValueError, match="divisor must be"):
        Sum() / divisor


def test_energies_do_not_divide():
    with pytest.raises(ValueError, match="quotient of two energies"):
        Sum() / Sum()
    with pytest.raises(TypeError):
        2 / Sum()


def test_an_energy_with_parameters_stands_before_the_module():
    class Scaled(Energy, torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = torch.nn.Parameter(torch.tensor(3.0, dtype=torch.float64))

        def value(self, x):
            return self.scale * x.flatten(1).sum(1)

    energy, x = Scaled(), images()
    torch.testing.assert_close(energy(x), 3 * Sum()(x))
    energy(x).sum().backward()
    torch.testing.assert_close(energy.scale.grad, x.sum())
    for bases in ((torch.nn.Module, Energy), (torch.nn.Linear, Sum)):
        names = rf"class Wrong\({bases[1].__name__}, {'nn.Module' if bases[0] is torch.nn.Module else 'Linear'}\)"
        with pytest.raises(TypeError, match=names):
            type("Wrong", bases, {})
