"""What holds for every bank of filters."""

import torch

from deeprestore_lab.signal import filters
from refusals import refused

WIDE = torch.float64


def test_all_but_framelets_and_steerable_ones_have_norm_one():
    for bank in (
        filters.cosine_filters(4),
        filters.oriented_derivatives(5),
        filters.gabor_filters(3),
        filters.random_filters(7, size=3),
    ):
        torch.testing.assert_close(filters.norms(bank), torch.ones(len(bank)))


def test_random_filters_have_seeds():
    assert torch.equal(filters.random_filters(2, seed=3), filters.random_filters(2, seed=3))
    assert not torch.equal(filters.random_filters(2, seed=3), filters.random_filters(2, seed=4))
    assert torch.equal(filters.random_filters(2, seed=3), filters.random_filters(5, seed=3)[:2])


def test_joined_banks_keep_their_transfer_functions():
    from deeprestore_lab.signal.convolution import transfer_function

    banks = [torch.rand(2, 2, 5, dtype=WIDE), torch.rand(1, 3, 4, dtype=WIDE), filters.impulse(dtype=WIDE)]
    joined = transfer_function(filters.join(*banks), (9, 10))
    torch.testing.assert_close(joined, torch.cat([transfer_function(bank, (9, 10)) for bank in banks]))


def test_a_joined_bank_keeps_the_widest_precision():
    third = torch.full((1, 1, 1), 1 / 3, dtype=WIDE)
    joined = filters.join(torch.ones(1, 1, 1), third)
    assert joined.dtype == WIDE and float(joined[1]) == 1 / 3


def test_averages_are_the_filters_without_negative_taps():
    bank = filters.join(filters.cosine_filters(3), filters.impulse(), filters.framelets(2))
    assert filters.averages(bank).nonzero().flatten().tolist() == [0, 9, 10]


test_bad_arguments_are_refused = refused(
    (lambda: filters.random_filters(0), "count must be"),
    (lambda: filters.unit_norm(torch.zeros(1, 2, 2)), "filter of zeros"),
    (lambda: filters.join(), "at least one bank"),
    (lambda: filters.check_bank(torch.ones(2, 2)), "bank must be"),
)
