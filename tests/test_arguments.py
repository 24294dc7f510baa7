"""The rules about arguments refuse what they should, by name, and change nothing."""

import math

import pytest
import torch

from course_lib.arguments import as_count, as_floats, as_shape, as_weight


def test_a_number_and_a_tuple_of_one_mean_the_same_shape():
    assert as_shape(8, "x") == as_shape((8,), "x") == as_shape([8], "x") == torch.Size([8])


@pytest.mark.parametrize("bad", [0, -1, 2.0, True, "8", None, (), (3, 0), (3, 2.5), (True,)])
def test_what_is_no_shape_is_refused_by_name(bad):
    with pytest.raises(ValueError, match="z_shape: expected a positive integer"):
        as_shape(bad, "z_shape")


@pytest.mark.parametrize("bad", [0, -1, 2.0, True, "8", None, (8,)])
def test_what_is_no_count_is_refused_by_name(bad):
    with pytest.raises(ValueError, match="layers: expected a positive integer"):
        as_count(bad, "layers")


def test_a_count_may_start_elsewhere():
    assert [as_count(n, "layers", least=0) for n in (0, 1, 5)] == [0, 1, 5]
    for bad in (-1, 1.0, False):
        with pytest.raises(ValueError, match=r"^layers: expected an integer of at least 0, got"):
            as_count(bad, "layers", least=0)
    with pytest.raises(ValueError, match=r"^k_max: expected an integer of at least 2, got 1"):
        as_count(1, "k_max", least=2)


def test_weights():
    assert as_weight(0, "w") == 0
    assert math.isinf(as_weight(math.inf, "w"))
    for bad in (-1e-9, math.nan, -math.inf, "1", None, True):
        with pytest.raises(ValueError, match=r"^w: expected a number >= 0"):
            as_weight(bad, "w")


@pytest.mark.parametrize("bad", [torch.zeros(2).long(), torch.zeros(2).bool(), [1.0], None])
def test_what_is_no_floating_point_tensor_is_refused_by_name(bad):
    with pytest.raises(TypeError, match=r"^x: expected a floating-point tensor, got"):
        as_floats(bad, "x")


def test_floats_come_back_as_they_are_and_in_the_precision_asked_for():
    x = torch.zeros(2, dtype=torch.float64)
    assert as_floats(x, "x") is x
    assert as_floats(x, "x", like=torch.zeros(1, dtype=torch.float64)) is x
    with pytest.raises(TypeError, match=r"^x: expected torch.float32 as the parameters have"):
        as_floats(x, "x", like=torch.zeros(1))
