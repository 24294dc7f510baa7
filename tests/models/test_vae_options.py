"""Every VAE of the family takes the same two options, and they mean the same in each."""

import pytest
import torch

from course_lib import models

pytestmark = pytest.mark.usefixtures("fixed_seed")

IMAGE = (1, 3, 5)
SIZES = {"z_dim": 2, "hidden": (9,)}
PAIR = {"grey": IMAGE, "colour": (4,)}
FAMILY = {
    "VAE": lambda **o: models.VAE.build(IMAGE, **SIZES, **o),
    "BetaVAE": lambda **o: models.BetaVAE.build(IMAGE, **SIZES, beta=3.0, **o),
    "BetaVAE, free bits": lambda **o: models.BetaVAE.build(IMAGE, **SIZES, free_bits=0.5, **o),
    "FlowPosteriorVAE": lambda **o: models.FlowPosteriorVAE.build(IMAGE, **SIZES, **o),
    "PixelVAE": lambda **o: models.PixelVAE.build(IMAGE, **SIZES, features=4, **o),
    "HierarchicalPixelVAE": lambda **o: models.HierarchicalPixelVAE.build(
        IMAGE, 3, 2, (9,), features=4, **o
    ),
    "MultimodalVAE, nets": lambda **o: models.MultimodalVAE.build(PAIR, **SIZES, **o),
    "MultimodalVAE, product": lambda **o: models.MultimodalVAE.build(
        PAIR, **SIZES, inference="product", **o
    ),
    "VAEGAN": lambda **o: models.VAEGAN.build(IMAGE, **SIZES, critic_hidden=(9,), **o),
    "AdversarialAutoencoder": lambda **o: models.AdversarialAutoencoder.build(
        IMAGE, **SIZES, critic_hidden=(9,), **o
    ),
    "InfoVAE": lambda **o: models.InfoVAE.build(IMAGE, **SIZES, lambda_=2.0, **o),
}


def batch_for(name):
    bits = torch.bernoulli(torch.full((7, *IMAGE), 0.4))
    pair = {"grey": bits, "colour": torch.bernoulli(torch.full((7, 4), 0.4))}
    return pair if name.startswith("Multimodal") else bits


def made(name, **options):
    """A model with the weights of one seed, moved away from its start, where a KL may be 0."""
    torch.manual_seed(3)
    model = FAMILY[name](**options)
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.2 * torch.randn_like(weight)
    return model


def loss_of(model, batch):
    torch.manual_seed(1)
    return model.losses(batch)["model"].item()


@pytest.mark.parametrize("name", FAMILY)
def test_the_kls_weight_rises_in_equal_steps_to_the_full_loss(name):
    model, batch = made(name, warm_up=4), batch_for(name)
    first, second, third, fourth, fifth = (loss_of(model, batch) for _ in range(5))
    assert fourth - third == pytest.approx(second - first, rel=1e-3, abs=1e-4)
    assert third - second == pytest.approx(second - first, rel=1e-3, abs=1e-4)
    assert abs(second - first) > 0.01  # of one draw: the KL may be below 0
    assert fifth == fourth == pytest.approx(loss_of(made(name), batch), rel=1e-6)


def test_a_warm_up_weighs_the_kl_alone():
    """Continued back to weight 0, the line of losses meets minus the reconstruction."""
    model, batch = made("VAE", warm_up=4), batch_for("VAE")
    first, second = loss_of(model, batch), loss_of(model, batch)
    torch.manual_seed(1)
    reconstruction = model.elbo(batch).reconstruction.mean().item()
    assert first - (second - first) == pytest.approx(-reconstruction, rel=1e-5)


@pytest.mark.parametrize("name", FAMILY)
def test_outside_training_there_is_no_warm_up(name):
    batch = batch_for(name)
    warmed, plain = made(name, warm_up=4).eval(), made(name).eval()
    assert loss_of(warmed, batch) == loss_of(plain, batch)


def seen_by_the_encoder(model, batch):
    """The first input of q(z|x) in one step, or of any one modality's."""
    seen = []
    hook = model.posterior.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    model.losses(batch)
    hook.remove()
    return seen[0]["grey"] if isinstance(seen[0], dict) else seen[0]


@pytest.mark.parametrize("name", FAMILY)
def test_the_noise_on_the_encoders_input_is_there_in_training_only(name):
    batch, model = batch_for(name), made(name, input_noise=3.0)
    x = batch["grey"] if isinstance(batch, dict) else batch
    assert (seen_by_the_encoder(model, batch) - x).std().item() == pytest.approx(3.0, rel=0.3)
    assert torch.equal(seen_by_the_encoder(model.eval(), batch), x)


def test_all_inference_nets_of_one_batch_see_the_same_noise():
    """The tie compares q(z|x1,x2) with q(z|x1): of the same x1, or it would punish the noise."""
    model, batch, seen = made("MultimodalVAE, nets", input_noise=1.0), batch_for("Multimodal"), []
    model.posterior.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    model.losses(batch)
    assert len(seen) == 3
    assert all(torch.equal(x[m], seen[0][m]) for x in seen for m in x)
    assert not torch.equal(seen[0]["grey"], batch["grey"])


@pytest.mark.parametrize("name", FAMILY)
@pytest.mark.parametrize(
    ("option", "wanted"),
    [("warm_up", "an integer of at least 0, got 2.5"), ("input_noise", "a finite number >= 0")],
)
def test_a_wrong_value_is_refused_by_name_in_every_model(name, option, wanted):
    with pytest.raises(ValueError, match=f"^{option}: expected {wanted}"):
        FAMILY[name](**{option: 2.5 if option == "warm_up" else -1.0})
