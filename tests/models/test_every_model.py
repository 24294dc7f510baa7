"""What every model of the lecture promises, whatever it is made of."""

import copy
import math

import pytest
import torch
import torch.fx.experimental._config
from every_model import BATCH, EVERY_MODEL
from torch import Tensor

from course_lib import models
from course_lib.batches import map_data
from course_lib.training import fit


@pytest.fixture(params=EVERY_MODEL)
def pair(request):
    torch.manual_seed(0)
    build, batch = EVERY_MODEL[request.param]
    return build(), batch()


def losses(model, batch, seed=1):
    torch.manual_seed(seed)
    return model.losses(batch)


def players_of(model):
    if hasattr(model, "players"):
        return model.players()
    return {"model": [p for p in model.parameters() if p.requires_grad]}


def to_double(batch):
    return map_data(batch, lambda x: x.double() if x.is_floating_point() else x)


def perturb(model):
    """Move the weights away from a start at the identity or at zero."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return model


def test_every_exported_model_is_here():
    named = {getattr(models, name) for name in models.__all__}  # a short name is no other class
    exported = {model for model in named if isinstance(model, type)}
    assert {type(build()) for build, _ in EVERY_MODEL.values()} == exported


def test_every_player_has_a_finite_loss_that_reaches_all_its_weights(pair):
    model, batch = pair
    perturb(model)
    for player, loss in losses(model, batch).items():
        parameters = players_of(model)[player]
        assert loss.shape == ()
        assert loss.isfinite()
        gradients = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
        assert all(gradient is not None for gradient in gradients)


def test_the_players_own_every_weight_between_them_and_none_twice(pair):
    model, _ = pair
    owned = [p for parameters in players_of(model).values() for p in parameters]
    assert len(set(owned)) == len(owned)
    assert set(owned) == {p for p in model.parameters() if p.requires_grad}


def test_the_loss_is_a_mean_over_the_batch_so_that_a_doubled_batch_weighs_the_same(pair):
    """Up to noise, which a loss of sums would exceed by far: 40 times the data, the same loss."""
    model, batch = pair
    model.eval()
    many = map_data(batch, lambda x: x.repeat(40, *[1] * (x.dim() - 1)))
    for player, loss in losses(model, many).items():
        spread = torch.stack([losses(model, batch, s)[player] for s in range(20)]).detach()
        assert abs(loss.item() - spread.mean()) < 5 * spread.std() + 1e-4


def test_double_precision_is_kept_to_the_end(pair):
    model, batch = pair
    for loss in losses(model.double(), to_double(batch)).values():
        assert loss.dtype == torch.float64


def test_the_state_dict_brings_the_whole_model_back(pair):
    model, batch = pair
    perturb(model)
    name = next(n for n, (b, _) in EVERY_MODEL.items() if type(b()) is type(model))
    torch.manual_seed(5)
    other = copy.deepcopy(model)
    perturb(other)
    other.load_state_dict(model.state_dict())
    model.eval(), other.eval()
    for player, loss in losses(model, batch).items():
        assert torch.equal(loss, losses(other, batch)[player]), name


def test_training_it_moves_the_weights_and_leaves_the_global_noise_alone(pair):
    model, batch = pair
    before = [p.clone() for p in model.parameters()]
    torch.manual_seed(9)
    state = torch.get_rng_state()
    fit(model, batch, steps=2, batch_size=BATCH, progress=False)
    assert torch.equal(torch.get_rng_state(), state)
    assert any(not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_samples_have_a_batch_axis_even_for_one(pair):
    model, batch = pair
    for n in (1, 3):
        samples = (
            model.sample(n, 4) if isinstance(model, models.VariationalRNN) else model.sample(n)
        )
        parts = samples if isinstance(samples, dict) else {"x": samples}
        for name, part in parts.items():
            whole = batch[name] if isinstance(batch, dict) else batch
            assert part.shape == (n, *whole.shape[1:])
            assert part.isfinite().all()


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_batch_that_is_not_finite_is_refused(pair, value):
    model, batch = pair

    def spoil(x):
        if not x.is_floating_point():
            return x
        x = x.clone()
        x.view(-1)[0] = value
        return x

    with pytest.raises(ValueError, match="expected finite values"):
        model.losses(map_data(batch, spoil))


def test_an_empty_batch_is_refused(pair):
    model, batch = pair
    with pytest.raises(ValueError, match="expected"):
        model.losses(map_data(batch, lambda x: x[:0]))


@pytest.fixture
def answers_without_values(monkeypatch):
    """Let the checks of input pass on tensors that have a device and a shape but no values."""
    monkeypatch.setattr(Tensor, "all", lambda self, *rest: True)
    monkeypatch.setattr(Tensor, "any", lambda self, *rest: False)
    monkeypatch.setattr(Tensor, "item", lambda self: 1)
    monkeypatch.setattr(Tensor, "__bool__", lambda self: False)
    monkeypatch.setattr(torch, "equal", lambda a, b: True)
    with torch.fx.experimental._config.patch(meta_nonzero_assume_all_nonzero=True):
        yield


def test_on_another_device_nothing_stays_behind_on_the_cpu(pair, answers_without_values):
    """A device without values tells where each tensor is; mixing two devices raises."""
    model, batch = pair
    model.to("meta")
    if isinstance(model, models.InverseAutoregressiveFlow):
        # its density solves one dimension after the other, in an order that is itself a value
        _, log_prob = model.brick().rsample_and_log_prob((BATCH,))
        assert log_prob.device.type == "meta"
        return
    for player, loss in model.losses(map_data(batch, lambda x: x.to("meta"))).items():
        assert loss.device.type == "meta"
        torch.autograd.grad(loss, players_of(model)[player], allow_unused=True)
