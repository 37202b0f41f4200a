"""Families of marginals against SciPy's densities and fits, censored data included."""

import numpy as np
import pytest
import torch
from scipy import stats

from deeprestore_lab.measures.feature_statistics import FAMILIES, RECTIFIED, fit_marginal, fit_rectified

LAWS = {"gauss": stats.norm(0.3, 2), "laplace": stats.laplace(0.3, 2), "logistic": stats.logistic(0.3, 2)}
LAWS["student"] = stats.t(3, 0.3, 2)
CUT = {"rectified_gauss": stats.norm, "rectified_laplace": stats.laplace, "rectified_logistic": stats.logistic}


def drawn(law, count: int = 1500, seed: int = 0) -> np.ndarray:
    return law.rvs(count, random_state=seed)


@pytest.mark.parametrize("name", FAMILIES)
def test_no_other_parameters_are_likelier_and_scipy_agrees(name: str) -> None:
    values = drawn(LAWS[name])
    theta = fit_marginal(name, torch.from_numpy(values)[None])
    law = LAWS[name].dist
    order = [2, 0, 1] if name == "student" else [0, 1]
    own = [float(theta[0, i].exp()) if i else float(theta[0, i]) for i in order]
    ours = float(FAMILIES[name].log_density(theta, torch.from_numpy(values)[None]).mean())
    assert ours == pytest.approx(law(*own).logpdf(values).mean(), abs=1e-9)  # the density is SciPy's
    assert ours >= law(*law.fit(values)).logpdf(values).mean() - 1e-6


def test_channels_are_fitted_each_by_itself() -> None:
    both = torch.stack([torch.from_numpy(drawn(LAWS["student"], seed=seed)) for seed in (1, 2)])
    both[1] = 50 + 20 * both[1]
    together = fit_marginal("student", both)
    alone = torch.cat([fit_marginal("student", row[None]) for row in both])
    assert torch.allclose(together, alone, atol=2e-3)


def test_the_family_that_made_the_values_is_the_likeliest_on_others() -> None:
    for name, law in LAWS.items():
        train, test = (torch.from_numpy(drawn(law, 6000, seed)).reshape(1, -1) for seed in (0, 1))
        scores = {
            family: float(FAMILIES[family].log_density(fit_marginal(family, train), test).mean()) for family in FAMILIES
        }
        assert max(scores, key=scores.get) == name or (name == "gauss" and scores["student"] - scores["gauss"] < 1e-3)


@pytest.mark.parametrize("name", CUT)
def test_cut_families_against_censored_fits(name: str) -> None:
    values = drawn(CUT[name](0.4, 1.5), 800).clip(min=0)
    law = CUT[name]
    data = stats.CensoredData(uncensored=values[values > 0], left=np.zeros((values == 0).sum()))
    location, scale = law.fit(data)
    found = fit_rectified(name, torch.from_numpy(values)[None])
    ours = float(found.log_density(torch.from_numpy(values)[None]).mean())

    def likelihood(location: float, scale: float) -> float:
        positive = law.logpdf(values[values > 0], location, scale).sum()
        return (positive + (values == 0).sum() * law.logcdf(0, location, scale)) / len(values)

    assert ours == pytest.approx(likelihood(float(found.theta[0, 0]), float(found.theta[0, 1].exp())), abs=1e-9)
    assert ours >= likelihood(location, scale) - 1e-6


@pytest.mark.parametrize(
    ("name", "law"),
    [("exponential", stats.expon(0, 2)), ("gamma", stats.gamma(0.6, 0, 2)), ("half_student", stats.t(3, 0, 2))],
)
def test_a_point_mass_and_a_density_above(name: str, law) -> None:
    positive = np.abs(drawn(law, 1500))
    values = torch.from_numpy(np.concatenate([positive, np.zeros(500)]))[None]
    found = fit_rectified(name, values)
    share = 500.5 / 2001
    if name == "gamma":
        shape, _, scale = stats.gamma.fit(positive, floc=0)
        inner = stats.gamma(shape, 0, scale).logpdf(positive).mean()
    elif name == "exponential":
        inner = stats.expon(0, positive.mean()).logpdf(positive).mean()
    else:  # folding a symmetric law doubles its density
        nu, _, scale = stats.t.fit(np.concatenate([positive, -positive]), floc=0)
        inner = stats.t(nu, 0, scale).logpdf(positive).mean() + np.log(2)
    expected = 0.25 * np.log(share) + 0.75 * (np.log(1 - share) + inner)
    assert float(found.log_density(values).mean()) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("name", RECTIFIED)
def test_densities_have_mass_one(name: str) -> None:
    law = stats.gamma(0.8, 0, 1)
    values = torch.from_numpy(np.concatenate([drawn(law, 600), np.zeros(300)]))[None]
    found = fit_rectified(name, values)
    log_grid = torch.linspace(-40, 7, 40001).double()
    mass = torch.trapezoid((found.log_density(log_grid.exp()[None])[0] + log_grid).exp(), log_grid)
    total = float(mass + found.log_density(torch.zeros(1, 1).double()).exp())
    assert total == pytest.approx(1, abs=3e-3)


def test_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="family"):
        fit_marginal("cauchy", torch.randn(1, 9))
    with pytest.raises(ValueError, match="at least 0"):
        fit_rectified("gamma", torch.tensor([[-1.0, 2.0]]))
    with pytest.raises(ValueError, match="above"):
        fit_rectified("gamma", torch.zeros(1, 4))
    with pytest.raises(ValueError, match="finite"):
        fit_marginal("gauss", torch.tensor([[1.0, float("nan")]]))
    with pytest.raises(ValueError, match="all equal"):
        fit_marginal("laplace", torch.tensor([[1.0, 2.0], [3.0, 3.0]]))


def test_gaussian_values_leave_student_at_its_bound_a_thousandth_behind() -> None:
    values = torch.from_numpy(np.random.default_rng(0).uniform(-1, 1, (1, 1500)))
    gauss, student = (
        float(FAMILIES[name].log_density(fit_marginal(name, values), values).mean()) for name in ("gauss", "student")
    )
    assert 0 <= gauss - student < 1e-3
