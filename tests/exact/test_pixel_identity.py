import pytest
import torch

from course_lib.exact import identities


def summed(x, shift=1):
    """Logit i is the sum of the entries before it in raster order, channels inside a pixel."""
    flat = x.permute(0, 2, 3, 1).flatten(1)
    before = flat.cumsum(1) - flat if shift else flat.cumsum(1)
    return before.unflatten(1, (*x.shape[2:], x.shape[1])).permute(0, 3, 1, 2)


@pytest.mark.parametrize("shape", [(1, 3, 2), (2, 2, 3), (3, 1, 2)])
def test_an_autoregressive_sum_holds_both(shape):
    for found in identities.pixels_follow_their_order(summed, torch.zeros(2, *shape)):
        assert found.holds
    assert identities.probabilities_of_all_images_sum_to_one(summed, shape).residual < 1e-13


def test_an_entry_that_sees_itself_is_found_by_both():
    def leaky(x):
        return summed(x, shift=0)

    later, before = identities.pixels_follow_their_order(leaky, torch.zeros(1, 1, 2, 2))
    assert not later.holds
    assert before.holds
    assert not identities.probabilities_of_all_images_sum_to_one(leaky, (1, 2, 2)).holds


def test_a_small_leak_is_found():
    def leaky(x):
        return summed(x) + 1e-6 * x.flip(-1)

    later, _ = identities.pixels_follow_their_order(leaky, torch.zeros(1, 1, 2, 2))
    assert later.left == pytest.approx(1e-6)
    assert not identities.probabilities_of_all_images_sum_to_one(leaky, (1, 2, 2)).holds


def test_a_blind_spot_is_counted_and_keeps_the_probabilities():
    def blind(x):
        return summed(x) - torch.nn.functional.pad(x, (2, 0))[..., :-2]

    later, before = identities.pixels_follow_their_order(blind, torch.zeros(1, 1, 2, 3))
    assert later.holds
    assert before.right == 15
    assert before.left == 13
    assert identities.probabilities_of_all_images_sum_to_one(blind, (1, 2, 3)).holds


def test_channels_in_another_order_are_found():
    def planes_first(x):
        return (x.flatten(1).cumsum(1) - x.flatten(1)).view_as(x)

    later, _ = identities.pixels_follow_their_order(planes_first, torch.zeros(1, 2, 1, 2))
    assert not later.holds


def test_a_pair_counts_if_any_image_connects_it():
    x = torch.tensor([[[[0.0, 0.0]]], [[[-1.0, 0.0]]], [[[2.0, 0.0]]]])

    def gated(x):
        return torch.nn.functional.pad(torch.relu(x), (1, 0))[..., :-1]

    assert identities.pixels_follow_their_order(gated, x[:2])[1].left == 0
    assert identities.pixels_follow_their_order(gated, x)[1].holds


def test_slopes_of_two_images_do_not_cancel():
    x = torch.tensor([[[[1.0, 0.0]]], [[[-1.0, 0.0]]]])

    def squared(x):
        return torch.nn.functional.pad(x.square(), (1, 0))[..., :-1]

    assert identities.pixels_follow_their_order(squared, x)[1].holds
    later, _ = identities.pixels_follow_their_order(torch.square, x)
    assert later.left == 2


@pytest.mark.parametrize("shape", [(1, 5, 5), (3, 3), (1, 0, 2)])
def test_too_many_images_are_refused(shape):
    with pytest.raises(ValueError, match=r"shape: expected \(channels, height, width\) of 1 to 16"):
        identities.probabilities_of_all_images_sum_to_one(summed, shape)


def test_networks_of_another_kind_are_refused():
    with pytest.raises(ValueError, match=r"logits: expected shape \(2, 1, 2, 3\)"):
        identities.pixels_follow_their_order(lambda x: x[:, 0], torch.zeros(2, 1, 2, 3))
    with pytest.raises(ValueError, match="network: expected the logits to depend on x"):
        identities.pixels_follow_their_order(torch.zeros_like, torch.zeros(2, 1, 2, 3))
    with pytest.raises(ValueError, match=r"x: expected shape \(n, channels, height, width\)"):
        identities.pixels_follow_their_order(summed, torch.zeros(2, 3))
    with pytest.raises(ValueError, match=r"logits: expected shape \(64, 1, 2, 3\)"):
        identities.probabilities_of_all_images_sum_to_one(lambda x: x[:1], (1, 2, 3))
