import pytest
import torch
from flow_helpers import jacobians, randomise
from torch import nn

from course_lib.distributions import MaskedLinear, MaskedMLP, mlp

pytestmark = pytest.mark.usefixtures("fixed_seed")

ORDERS = {
    "natural": [0, 1, 2, 3, 4],
    "reversed": [4, 3, 2, 1, 0],
    "shuffled": [3, 0, 4, 1, 2],
}


def made(order, hidden=(24, 24), **arguments):
    order = torch.tensor(order)
    return randomise(MaskedMLP(len(order), hidden, 2, order=order, **arguments)).double()


@pytest.mark.parametrize("context_dim", [0, 3])
@pytest.mark.parametrize("hidden", [(24,), (24, 31), (24, 16, 31)])
@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_an_output_depends_on_exactly_the_dimensions_before_its_own(order, hidden, context_dim):
    net = made(order, hidden, context_dim=context_dim)
    context = torch.randn(context_dim, dtype=torch.float64) if context_dim else None
    points = 3 * torch.randn(60, len(order), dtype=torch.float64)
    slopes = jacobians(lambda x: net(x, context), points)  # (points, dim, outputs, dim)
    place = torch.tensor(order)
    before = place[None, :] < place[:, None]
    for k in range(2):
        assert torch.equal(slopes[:, :, k].abs().amax(0) > 0, before)


@pytest.mark.parametrize("dim", [1, 2, 5])
def test_every_output_depends_on_every_context_feature(dim):
    net = randomise(MaskedMLP(dim, (24, 24), 2, context_dim=3)).double()
    x = torch.randn(dim, dtype=torch.float64)
    slopes = jacobians(lambda c: net(x, c), torch.randn(12, 3, dtype=torch.float64))
    assert (slopes.abs().amax(0) > 0).all()


def test_a_layer_narrower_than_the_data_still_looks_at_the_late_dimensions():
    net = randomise(MaskedMLP(9, (4,), 1)).double()
    slopes = jacobians(net, torch.randn(30, 9, dtype=torch.float64))[:, 8, 0].abs().amax(0)
    assert (slopes[:7] > 0).all()


def test_it_starts_at_zero_whatever_the_input_and_the_context():
    net = MaskedMLP(3, (16,), 2, context_dim=4)
    outputs = net(torch.randn(5, 3), torch.randn(5, 4))
    assert torch.equal(outputs, torch.zeros(5, 3, 2))


def test_an_optimiser_cannot_refill_the_masked_weights():
    net = made(ORDERS["shuffled"])
    optimiser = torch.optim.AdamW(net.parameters(), lr=0.1)
    for _ in range(3):
        optimiser.zero_grad()
        net(torch.randn(7, 5, dtype=torch.float64)).square().sum().backward()
        optimiser.step()
    slopes = jacobians(net, torch.randn(4, 5, dtype=torch.float64)).amax(2)
    place = torch.tensor(ORDERS["shuffled"])
    assert (slopes[:, place[:, None] <= place[None, :]] == 0).all()


def test_a_context_may_be_shared_by_a_sample_dimension():
    net = randomise(MaskedMLP(3, (16,), 2, context_dim=4))
    x, context = torch.randn(7, 5, 3), torch.randn(5, 4)
    apart = torch.stack([net(one, context) for one in x])
    torch.testing.assert_close(net(x, context), apart)


def test_masks_are_saved_and_follow_the_module():
    layer = MaskedLinear(torch.tensor([[1, 0], [1, 1]]))
    assert "mask" in layer.state_dict()
    assert layer.double().mask.dtype == torch.float64
    assert layer.to("meta").mask.device.type == "meta"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"order": torch.tensor([0, 1, 1])}, r"order: .*permutation of 0\.\.2.*\[0, 1, 1\]"),
        ({"order": torch.tensor([1, 2, 3])}, "order: .*permutation"),
        ({"order": torch.tensor([1, 0])}, "order: .*permutation"),
        ({"hidden": ()}, "hidden: "),
        ({"hidden": (8, 0)}, "hidden: "),
        ({"dim": 0}, "dim: "),
        ({"dim": True}, "dim: "),
    ],
)
def test_bad_sizes_and_orders_are_refused_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        MaskedMLP(**{"dim": 3, "hidden": (8,), "outputs_per_dim": 2, **arguments})


def test_a_perceptron_without_hidden_layers_is_one_linear_map():
    net = mlp(6, (), 2, flatten=2)
    weight, bias = net[-1].weight, net[-1].bias
    x = torch.randn(5, 2, 3)
    torch.testing.assert_close(net(x), x.flatten(1) @ weight.T + bias)


def test_a_perceptron_has_an_activation_between_its_layers_and_none_after_them():
    kinds = [type(layer) for layer in mlp(6, (5, 4), 2, activation=nn.Tanh)]
    assert kinds == [nn.Linear, nn.Tanh, nn.Linear, nn.Tanh, nn.Linear]
