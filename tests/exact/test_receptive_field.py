import itertools

import pytest
import torch

from course_lib.exact.receptive_field import (
    count_seen,
    earlier,
    masked_kernel,
    one_stack,
    seen_pixels,
    shift_down,
    shift_right,
    two_stacks,
)

DEEP = "A" + "B" * 7
SHAPE = (9, 9)
PLACES = list(itertools.product(range(9), range(9)))


@pytest.mark.parametrize("size", [1, 3, 5, 7])
def test_a_mask_shows_what_comes_before_the_centre_and_b_the_centre_too(size):
    centre = size // 2
    before = earlier((size, size), centre, centre).double()
    own = torch.zeros(size, size, dtype=torch.float64)
    own[centre, centre] = 1
    assert torch.equal(masked_kernel("A", size), before)
    assert torch.equal(masked_kernel("B", size), before + own)


def test_shifts_move_by_one_and_bring_zeros():
    x = torch.arange(1.0, 7).view(2, 3)
    assert shift_down(x).tolist() == [[0, 0, 0], [1, 2, 3]]
    assert shift_right(x).tolist() == [[0, 1, 2], [0, 4, 5]]


def test_one_stack_has_a_blind_spot_and_two_have_none():
    one, two = (seen_pixels(stack(DEEP, 3), SHAPE, 6, 4) for stack in (one_stack, two_stacks))
    assert count_seen(one, 6, 4) == (52, 58, 0)
    assert count_seen(two, 6, 4) == (58, 58, 0)
    missed = (two & ~one).nonzero().tolist()
    assert missed == [[3, 8], [4, 7], [4, 8], [5, 6], [5, 7], [5, 8]]


@pytest.mark.parametrize("size", [3, 5, 7])
@pytest.mark.parametrize("stack", [one_stack, two_stacks])
@pytest.mark.parametrize("kinds", ["A", "AB", DEEP])
def test_a_stack_that_starts_with_a_sees_nothing_illegal(stack, size, kinds):
    network = stack(kinds, size)
    assert all(count_seen(seen_pixels(network, SHAPE, *at), *at).illegal == 0 for at in PLACES)


@pytest.mark.parametrize("size", [3, 5, 7])
def test_two_deep_stacks_see_every_earlier_pixel(size):
    network = two_stacks(DEEP, size)
    for at in PLACES:
        assert torch.equal(seen_pixels(network, SHAPE, *at), earlier(SHAPE, *at))


@pytest.mark.parametrize("stack", [one_stack, two_stacks])
def test_b_in_the_first_layer_shows_the_pixel_itself_and_nothing_later(stack):
    seen = seen_pixels(stack("BB", 3), SHAPE, 6, 4)
    assert seen[6, 4]
    assert count_seen(seen, 6, 4).illegal == 1


@pytest.mark.parametrize("stack", [one_stack, two_stacks])
def test_a_in_every_layer_loses_the_neighbour(stack):
    assert not seen_pixels(stack("AA", 3), SHAPE, 6, 4)[6, 3]
    assert seen_pixels(stack("AB", 3), SHAPE, 6, 4)[6, 3]


def test_the_field_is_that_of_random_weights():
    weights = [torch.rand(3, 3).double() * masked_kernel(kind, 3) for kind in "ABB"]
    kernels = iter(weights)
    random = one_stack("ABB", 3, lambda kind, size: next(kernels))
    for at in ((0, 0), (4, 8), (8, 3)):
        ones = seen_pixels(one_stack("ABB", 3), SHAPE, *at)
        assert torch.equal(seen_pixels(random, SHAPE, *at), ones)


def test_functions_of_the_reader_are_used():
    everywhere = one_stack("A", 3, lambda kind, size: torch.ones(size, size))
    assert count_seen(seen_pixels(everywhere, SHAPE, 4, 4), 4, 4) == (4, 40, 5)
    leaking = two_stacks("AB", 3, down=lambda x: x)
    assert count_seen(seen_pixels(leaking, SHAPE, 4, 4), 4, 4).illegal > 0
    leaking = two_stacks("AB", 3, right=lambda x: x)
    assert seen_pixels(leaking, SHAPE, 4, 4)[4, 4]


def test_gradients_are_computed_where_they_are_switched_off():
    with torch.no_grad():
        assert seen_pixels(one_stack("A", 3), (3, 3), 1, 1).sum() == 4


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (lambda: masked_kernel("C", 3), "kind: expected A or B, got 'C'"),
        (lambda: masked_kernel("A", 4), "size: expected an odd positive integer, got 4"),
        (lambda: masked_kernel("A", 3.0), "size: expected an odd positive integer"),
        (
            lambda: one_stack("A", 3, lambda kind, size: torch.ones(2, 2)),
            r"kernel: expected shape \(3, 3\), got \(2, 2\)",
        ),
        (
            lambda: two_stacks("A", 3, down=lambda x: x[1:])(torch.ones(3, 3)),
            r"down: expected shape \(3, 3\), got \(2, 3\)",
        ),
        (
            lambda: two_stacks("A", 3, right=lambda x: None)(torch.ones(3, 3)),
            "right: expected shape .* got NoneType",
        ),
        (
            lambda: seen_pixels(lambda x: x[None], (3, 3), 1, 1),
            r"network: expected shape \(3, 3\), got \(1, 3, 3\)",
        ),
    ],
)
def test_wrong_arguments_are_refused_by_name(action, message):
    with pytest.raises(ValueError, match=message):
        action()
