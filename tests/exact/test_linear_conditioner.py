"""The linear conditioner is a product with its weights, and a network is called as it is."""

import pytest
import torch

from course_lib.exact.linear_conditioner import conditioner


def test_a_tensor_is_a_linear_layer_with_its_bias_in_the_last_column():
    torch.manual_seed(0)
    x, layer = torch.randn(5, 3).double(), torch.randn(2, 3, 4).double()
    padded = torch.cat((x, torch.ones(5, 1).double()), 1)
    for got, part in zip(conditioner(layer, x), layer, strict=True):
        assert torch.allclose(got, torch.einsum("bj,ij->bi", padded, part), atol=1e-12)


def test_a_function_is_called():
    shift, log_scale = conditioner(lambda x: (x + 1, x - 1), torch.zeros(2, 3))
    assert shift.eq(1).all()
    assert log_scale.eq(-1).all()


def test_parameters_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"layer: expected shape \(2, 3, 4\)"):
        conditioner(torch.zeros(2, 3, 3), torch.zeros(5, 3))
