"""A prior made outside the library gets calibrated weights by a power law of its own."""

import pytest
import torch

from deeprestore_lab.priors import Prior, TotalVariation, base, register_calibration


@pytest.fixture(autouse=True)
def nothing_stays(monkeypatch):
    monkeypatch.setattr(base, "REGISTERED", {})


class Contrast(Prior):
    def value(self, x):
        return x.flatten(1).var(1)


class Sharper(Contrast):
    pass


class Powered(Prior):
    """Its weight depends on a setting, so it names a key for each."""

    def __init__(self, power):
        self.power = power

    @property
    def calibration_key(self):
        return f"powered/{self.power}"

    def value(self, x):
        return x.abs().pow(self.power).flatten(1).sum(1)


X = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
SIGMAS = torch.tensor([0.05, 0.2], dtype=torch.float64)


def test_a_class_is_given_a_power_law_for_each_number_of_channels():
    with pytest.raises(ValueError, match="contrast with these settings has no calibrated weight"):
        Contrast().calibrated(0.1)
    register_calibration(Contrast, coefficient=3.0, exponent=-0.5)
    torch.testing.assert_close(Contrast().calibrated(SIGMAS)(X), 3 / SIGMAS.sqrt() * X.flatten(1).var(1))
    with pytest.raises(ValueError, match="no calibrated weight"):
        Contrast().calibrated(0.1, channels=1)
    register_calibration(Contrast, coefficient=2, exponent=0, channels=1)
    assert Contrast().calibrated(0.1, channels=1).weighted[0][0] == 2
    with pytest.raises(ValueError, match="sharper with these settings has no calibrated weight"):
        Sharper().calibrated(0.1)  # another prior
    register_calibration(Contrast, coefficient=1.0, exponent=1.0)
    assert Contrast().calibrated(0.25).weighted[0][0] == 0.25


def test_a_weight_that_depends_on_settings_is_given_by_key():
    register_calibration("powered/3", coefficient=5.0, exponent=2.0)
    assert Powered(3).calibrated(0.1).weighted[0][0] == pytest.approx(0.05)
    with pytest.raises(ValueError, match="powered with these settings has no calibrated weight.*powered/3"):
        Powered(4).calibrated(0.1)


def test_a_subclass_with_a_value_of_its_own_has_not_the_weight_of_what_it_changes():
    class Same(TotalVariation):
        pass

    class Louder(TotalVariation):
        def value(self, x):
            return 100 * super().value(x)

    class Fitted(Louder):
        calibration_key = "louder"

    assert Same().calibrated(0.1).weighted[0][0] == TotalVariation().calibrated(0.1).weighted[0][0]
    with pytest.raises(ValueError, match="Louder has a value of its own, which the weight of TotalVariation was not"):
        Louder().calibrated(0.1)
    register_calibration("louder", coefficient=2.0, exponent=1.0)
    assert Fitted().calibrated(0.5).weighted[0][0] == 1


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: register_calibration("total_variation/isotropic/joint", coefficient=1, exponent=1), "fitted by this"),
        (lambda: register_calibration(TotalVariation, coefficient=1, exponent=1), "keys by its settings"),
        (lambda: register_calibration(Contrast(), coefficient=1, exponent=1), "a class of priors or"),
        (lambda: register_calibration(int, coefficient=1, exponent=1), "a class of priors or"),
        (lambda: register_calibration(Contrast, coefficient=0, exponent=1), "coefficient must be"),
        (lambda: register_calibration(Contrast, coefficient=1, exponent=float("inf")), "exponent must be"),
        (lambda: register_calibration(Contrast, coefficient=1, exponent=1, channels=2), "channels=2"),
    ],
)
def test_bad_arguments_are_named(act, message):
    with pytest.raises(ValueError, match=message):
        act()
    assert base.REGISTERED == {}
