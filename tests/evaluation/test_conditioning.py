"""The condition number of a flow's Jacobian."""

import math

import pytest
import torch

from course_lib.distributions import ElementwiseAffine, Flow, StandardGaussian
from course_lib.evaluation import log_condition
from course_lib.models import CouplingFlow

pytestmark = pytest.mark.usefixtures("fixed_seed")


def stretch(*factors):
    affine = ElementwiseAffine(len(factors)).double()
    with torch.no_grad():
        affine.log_scale.copy_(torch.tensor(factors).log())
    return Flow(StandardGaussian(len(factors)).double(), [affine])


def test_a_stretch_has_the_ratio_of_its_factors():
    z = torch.randn(4, 3).double()
    assert torch.allclose(log_condition(stretch(100.0, 1.0, 0.1), z), torch.tensor(3.0).double())


def test_a_common_factor_and_a_shift_change_nothing():
    z = torch.randn(4, 2).double()
    assert log_condition(stretch(50.0, 50.0), z).abs().max() < 1e-6


def test_it_is_that_of_the_autograd_jacobian():
    flow = CouplingFlow.build(5, layers=4, hidden=(8,)).double().brick
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    z = torch.randn(3, 5).double()
    jacobians = [torch.autograd.functional.jacobian(lambda v: flow().push(v[None])[0][0], one)
                 for one in z]  # fmt: skip
    exact = torch.linalg.cond(torch.stack(jacobians)).log10()
    with torch.no_grad():
        assert torch.allclose(log_condition(flow, z), exact)
    assert exact.min() > math.log10(1.5)


def test_the_order_of_the_dimensions_of_an_image_does_not_matter():
    model = CouplingFlow.build((1, 2, 3), layers=2, hidden=(8,)).double()
    values = log_condition(model.brick, torch.randn(4, 6).double())
    assert values.shape == (4,)
    assert (values >= 0).all()
