import pytest
import torch
from flow_helpers import randomise

from course_lib.distributions import MaskedMLP
from course_lib.distributions.transforms.stepwise import Stepwise, sequence_of

pytestmark = pytest.mark.usefixtures("fixed_seed")

ORDER = torch.tensor([3, 0, 4, 1, 2])
WIDTHS = [(16,), (16, 16), (1,), (2, 16), (16, 2), (3, 16, 3), (7, 2, 5)]


def network(hidden, context_dim=0):
    net = MaskedMLP(5, hidden, 2, context_dim=context_dim, order=ORDER)
    return randomise(net).double()


def visited(net, batch, context=None):
    """Return an x made from the visits' outputs, and those outputs, in the inputs' order."""
    visits, outputs = Stepwise(net, batch, context), []
    for _, found in visits:
        outputs.append(found)
        visits.reveal(found.sum(-1) + torch.randn((*batch[-1:], 1), dtype=torch.float64))
    return visits.x, torch.cat(outputs, -2)[..., visits.sequence.argsort(), :]


@pytest.mark.parametrize("context_dim", [0, 2])
@pytest.mark.parametrize("hidden", WIDTHS)
def test_the_visits_say_what_the_whole_network_says(hidden, context_dim):
    net = network(hidden, context_dim)
    context = torch.randn(7, context_dim, dtype=torch.float64) if context_dim else None
    x, outputs = visited(net, (3, 7), context)
    assert x.shape == (3, 7, 5)
    torch.testing.assert_close(outputs, net(x, context), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("hidden", WIDTHS)
def test_its_gradient_is_the_whole_networks(hidden):
    net = network(hidden)
    x, outputs = visited(net, (7,))
    parameters = tuple(net.parameters())
    torch.manual_seed(1)
    weight = torch.randn_like(outputs)

    def replay(x):
        visits, found = Stepwise(net, (7,)), []
        for places, out in visits:
            found.append(out)
            visits.reveal(x[..., visits.sequence[places]])
        return torch.cat(found, -2)[..., visits.sequence.argsort(), :]

    x = x.detach()
    ours = torch.autograd.grad((weight * replay(x)).sum(), parameters)
    plain = torch.autograd.grad((weight * net(x)).sum(), parameters)
    for one, other in zip(ours, plain, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_an_input_comes_after_all_that_it_depends_on():
    assert torch.equal(sequence_of(network((16, 16))), ORDER.argsort())
    for hidden in WIDTHS:
        net = network(hidden)
        x = torch.randn(5, dtype=torch.float64)
        depends = torch.autograd.functional.jacobian(lambda one, net=net: net(one).sum(-1), x) != 0
        sequence = sequence_of(net)
        assert not depends[sequence][:, sequence].triu().any()


def test_the_sequence_is_read_from_the_masks_that_were_loaded():
    other = MaskedMLP(5, (16, 16), 2).double()
    other.load_state_dict(network((16, 16)).state_dict(), strict=False)
    assert torch.equal(sequence_of(other), ORDER.argsort())


def test_all_visits_together_multiply_about_as_often_as_one_pass():
    net = MaskedMLP(32, (64, 64), 2)
    count = {"stepwise": 0, "network": 0}
    addmm = torch.addmm

    def counting(sums, values, weights):
        count["stepwise"] += values.shape[1] * weights.shape[1]
        return addmm(sums, values, weights)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "addmm", counting)
        visits = Stepwise(net, (3,))
        for _, outputs in visits:
            visits.reveal(outputs[..., 0])
    count["network"] = sum(layer.weight.numel() for layer in net.layers)
    assert count["stepwise"] <= count["network"]
