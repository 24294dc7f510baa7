import math

import pytest
import torch
from torch import nn

from course_lib.distributions import (
    ConcatNetwork,
    ConditionalBernoulli,
    ConditionalGaussian,
    ConditionalModalities,
    InferenceNets,
    mlp,
    subsets,
)

pytestmark = pytest.mark.usefixtures("fixed_seed")

SHAPES = {"grey": (1, 2, 3), "colour": (4,)}


def decoder():
    return ConditionalModalities(
        {
            "grey": ConditionalBernoulli(nn.Linear(2, 6), SHAPES["grey"]),
            "colour": ConditionalGaussian(nn.Linear(2, 8), SHAPES["colour"]),
        }
    )


def views(n=5):
    return {"grey": torch.bernoulli(torch.rand(n, 1, 2, 3)), "colour": torch.randn(n, 4)}


def net(*names):
    size = sum(math.prod(SHAPES[m]) for m in names)
    return ConditionalGaussian(ConcatNetwork(names, mlp(size, (8,), 4)), 2)


def test_modalities_are_independent_given_z():
    brick, x, z = decoder(), views(), torch.randn(7, 5, 2)
    together = brick(z).log_prob(x)
    apart = [brick.parts[m](z).log_prob(value) for m, value in x.items()]
    assert together.shape == (7, 5)
    torch.testing.assert_close(together, apart[0] + apart[1])


def test_a_modality_that_is_absent_integrates_out():
    brick, x, z = decoder(), views(), torch.randn(5, 2)
    alone = brick(z).log_prob({"grey": x["grey"]})
    bits = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 6).reshape(-1, 1, 1, 2, 3)
    other = ConditionalModalities({"a": brick.parts["grey"], "b": brick.parts["grey"]})
    joint = other(z).log_prob({"a": x["grey"].expand(64, -1, -1, -1, -1), "b": bits})
    torch.testing.assert_close(joint.logsumexp(0), alone)


def test_an_absent_modality_costs_nothing():
    brick = decoder()
    brick.parts["colour"].network = None  # would raise if it were called
    assert brick(torch.zeros(5, 2)).log_prob({"grey": views()["grey"]}).shape == (5,)


def test_samples_and_means_have_every_modality():
    p = decoder()(torch.randn(5, 2))
    for values, lead in ((p.sample((7,)), (7, 5)), (p.mean, (5,))):
        assert {m: v.shape for m, v in values.items()} == {
            m: lead + shape for m, shape in SHAPES.items()
        }


def test_a_part_shares_the_weights():
    brick = decoder()
    part = brick.of(["colour"])
    assert part.names == ("colour",)
    assert part.parts["colour"] is brick.parts["colour"]


def test_subsets_are_all_there_the_whole_set_last():
    found = subsets(["a", "b", "c"])
    assert len(set(found)) == 7
    assert [len(part) for part in found] == [1, 1, 1, 2, 2, 2, 3]


def test_a_net_reads_its_modalities_in_its_own_order():
    q, x = net("grey", "colour"), views()
    turned = {"colour": x["colour"], "grey": x["grey"]}
    assert torch.equal(q(x).mean, q(turned).mean)
    flat = torch.cat([x["grey"].flatten(1), x["colour"]], 1)
    assert torch.equal(q(x).mean, q.network.network(flat)[:, :2])


def test_each_set_has_a_net_of_its_own():
    nets = {names: net(*names) for names in subsets(tuple(SHAPES))}
    q, x = InferenceNets(nets), views()
    for names, own in nets.items():
        observed = {m: x[m] for m in reversed(names)}
        assert torch.equal(q(observed).mean, own(observed).mean)
    assert q.subsets == tuple(nets)
    assert q.event_shape == (2,)


def test_a_set_without_a_net_is_refused():
    q = InferenceNets({("grey",): net("grey"), ("grey", "colour"): net("grey", "colour")})
    with pytest.raises(ValueError, match=r"x: expected a set .*grey; grey, colour.*got colour"):
        q({"colour": views()["colour"]})
    with pytest.raises(ValueError, match="got none"):
        q({})


def test_nets_must_agree_on_z():
    other = ConditionalGaussian(nn.Linear(4, 6), 3)
    with pytest.raises(ValueError, match=r"nets: expected nets for one shape of z"):
        InferenceNets({("grey",): net("grey"), ("colour",): other})
    with pytest.raises(ValueError, match=r"nets: expected nets for one shape of z"):
        InferenceNets({})


@pytest.mark.parametrize("name", ["", "a b", "a.b", "keys", "pop", "1st", "x+y"])
def test_names_that_cannot_name_a_part_are_refused(name):
    brick = ConditionalBernoulli(nn.Linear(2, 6), 6)
    with pytest.raises(ValueError, match="likelihoods: expected names of modalities"):
        ConditionalModalities({name: brick})


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda x: {}, ValueError, "x: expected some of .*grey, colour, got none"),
        (lambda x: {**x, "sound": x["grey"]}, ValueError, "x: expected some of .*got sound"),
        (lambda x: x["grey"], TypeError, "x: expected a dictionary .*got Tensor"),
        (lambda x: list(x.values()), TypeError, "x: expected a dictionary .*got list"),
        (lambda x: None, TypeError, "x: expected a dictionary .*got NoneType"),
        (lambda x: {**x, "grey": x["grey"][:3]}, ValueError, "x: expected one length"),
        (lambda x: {**x, "grey": x["grey"].mT}, ValueError, r"x\['grey'\]: expected shape"),
        (lambda x: {**x, "grey": x["grey"] + 0.5}, ValueError, r"x\['grey'\]: .*0 and 1"),
        (lambda x: {**x, "colour": x["colour"] / 0}, ValueError, r"x\['colour'\]: .*finite"),
        (lambda x: {**x, "colour": x["colour"].double()}, TypeError, r"x\['colour'\]: .*float32"),
        (lambda x: {**x, "colour": None}, TypeError, r"x\['colour'\]: .*NoneType"),
        (lambda x: {m: v[:0] for m, v in x.items()}, ValueError, "empty batch"),
    ],
)
def test_what_is_no_batch_of_modalities_is_refused(change, error, message):
    with pytest.raises(error, match=message):
        decoder().check_event(change(views()), "x")
