"""Every option of every ``build`` reaches the model: two of its values never make the same one.

The options are read off the signatures, so that one which is added later is tried too, and asks
here for two values.
"""

import inspect
from functools import partial

import pytest
import torch

from course_lib import models
from course_lib.distributions import AffineAutoregressive, Flow, StandardGaussian
from course_lib.models import combine
from course_lib.models.multimodal_vae import jmvae_objective

IMAGE, BATCH = (1, 3, 5), 7
LEVELS = 4
PAIR = {"grey": IMAGE, "colour": (4,)}
OTHER_PAIR = {"grey": IMAGE, "colour": (5,)}
VAE_SIZES = {"x_shape": IMAGE, "z_dim": 3, "hidden": (5,)}
FLOW_SIZES = {"x_shape": (4,), "layers": 3, "hidden": (5,)}
SIZES = {
    **dict.fromkeys(
        ("VAE", "BetaVAE", "FlowPosteriorVAE", "PixelVAE", "VAEGAN", "AdversarialAutoencoder"),
        VAE_SIZES,
    ),
    "InfoVAE": VAE_SIZES,
    "combine": VAE_SIZES,
    "HierarchicalPixelVAE": {"x_shape": IMAGE, "z1_dim": 3, "z2_dim": 2, "hidden": (5,)},
    "MultimodalVAE": {"shapes": PAIR, "z_dim": 3, "hidden": (5,)},
    "SemiSupervisedVAE": {"x_shape": IMAGE, "classes": 3, "z_dim": 3, "hidden": (5,)},
    "PixelCNN": {"x_shape": IMAGE, "features": 4, "layers": 2},
    **dict.fromkeys(
        ("AutoregressiveFlow", "InverseAutoregressiveFlow", "NeuralAutoregressiveFlow"), FLOW_SIZES
    ),
    "CouplingFlow": FLOW_SIZES,
    "FlowGAN": {**FLOW_SIZES, "lambda_": 2.0},
    "InfoGAN": {"x_shape": IMAGE, "noise_dim": 2, "categories": 3, "hidden": (5,)},
    "VariationalRNN": {"x_dim": 5, "z_dim": 2, "hidden": 4},
}


def white_noise_and_a_layer():
    return Flow(StandardGaussian(4), [AffineAutoregressive(4, (5,))])


SOME = {  # two values of each option; a function makes one
    "alpha": (0.2, 0.4),
    "base": (None, white_noise_and_a_layer),
    "beta": (1.0, 3.0),
    "categories": (2, 3),
    "classes": (3, 4),
    "comparison": ("kl", "mmd"),
    "continuous": (0, 2),
    "critic": ("jsd", "wasserstein"),
    "critic_hidden": ((4,), (6,)),
    "critic_turns": (1, 4),
    "direction": ("forward", "reverse"),
    "divergence": ("mmd", "kl"),
    "dropout": (0.0, 0.5),
    "features": (4, 6),
    "flow": ("iaf", "planar"),
    "flow_hidden": ((4,), (6,)),
    "free_bits": (0.0, 3.0),
    "half_width": (1, 2),
    "hidden": ((5,), (6,)),
    "inference": ("nets", "product"),
    "input_noise": (0.0, 2.0),
    "instance_noise": (0.0, 2.0),
    "kind": ("affine", "additive"),
    "kl_weight": (0.0, 1.0),
    "lambda_": (2.0, 3.0),
    "layers": (2, 3),
    "learned_prior": (True, False),
    "levels": (None, LEVELS),
    "likelihood": ("bernoulli", "gaussian"),
    "marginal_units": (0, 2),
    "noise_dim": (2, 3),
    "objective": (jmvae_objective, partial(jmvae_objective, alpha=3.0)),
    "order": ("reversed", "random"),
    "posterior": ("gaussian", "iaf"),
    "prior": ("standard", "autoregressive"),
    "shapes": (PAIR, OTHER_PAIR),
    "units": (2, 3),
    "warm_up": (0, 9),
    "weight": (1.0, 2.0),
    "x_dim": (4, 5),
    "x_shape": (IMAGE, (1, 3, 4)),
    "z1_dim": (3, 4),
    "z2_dim": (2, 3),
    "z_dim": (2, 3),
}
PARTICULAR = {
    ("CouplingFlow", "order"): ("halves", "checkerboard"),
    ("FlowGAN", "order"): ("halves", "random"),
    ("FlowGAN", "critic"): ("jsd", "saturating jsd"),
    ("VAEGAN", "critic"): ("jsd", "saturating jsd"),
    ("VariationalRNN", "hidden"): (4, 5),
    ("VariationalRNN", "likelihood"): ("bernoulli", "autoregressive"),
    ("combine", "likelihood"): ("independent", "pixelcnn"),
}
ONLY_WITH = {  # of the models that have the other one, too
    "alpha": {"levels": LEVELS},
    "critic_hidden": {"divergence": "jsd"},
    "critic_turns": {"divergence": "jsd"},
}
SET_BY_ITSELF = {"InfoVAE": {"weight", "kl_weight"}}  # from alpha and lambda
"""What a constructor passes to the one above it, and so does not take."""


def builder_of(name):
    return combine if name == "combine" else getattr(models, name).build


def constructor_options(cls):
    """The keywords of a class's constructor, and of those to which it passes others on."""
    for above in cls.__mro__:
        if "__init__" not in vars(above):
            continue
        parameters = inspect.signature(above.__init__).parameters.values()
        yield from (p.name for p in parameters if p.kind is p.KEYWORD_ONLY)
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            return


def build_options(cls):
    """The parameters of ``build``, and of what it passes others on to."""
    for above in cls.__mro__:
        if "build" not in vars(above):
            continue
        parameters = inspect.signature(above.build).parameters.values()
        yield from (p.name for p in parameters if p.kind is not p.VAR_KEYWORD)
        others = [p.name for p in parameters if p.kind is p.VAR_KEYWORD]
        if others == ["flow"]:
            yield from build_options(models.CouplingFlow)
        if others != ["options"]:
            return
        yield from constructor_options(cls)
        if "super(" not in inspect.getsource(above.build):
            return


def options_of(name):
    if name == "combine":
        parameters = inspect.signature(combine).parameters.values()
        return {p.name for p in parameters if p.kind is not p.VAR_KEYWORD}
    return set(build_options(getattr(models, name))) - SET_BY_ITSELF.get(name, set())


CASES = [(name, option) for name in sorted(SIZES) for option in sorted(options_of(name))]


def made(name, option, value, extra):
    """The model with this value and with weights that depend on it by their shapes alone."""
    torch.manual_seed(0)
    value = value() if value is white_noise_and_a_layer else value
    model = builder_of(name)(**{**SIZES[name], **extra, option: value})
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(0.4 * torch.randn(weight.shape, generator=generator))
    return model.train()


def batch_for(name, sizes):
    torch.manual_seed(2)
    if name == "MultimodalVAE":
        shapes = sizes["shapes"].items()
        return {m: torch.bernoulli(torch.full((BATCH, *shape), 0.5)) for m, shape in shapes}
    if name == "VariationalRNN":
        return torch.bernoulli(torch.full((BATCH, 4, sizes["x_dim"]), 0.5))
    x = torch.bernoulli(torch.full((BATCH, *sizes["x_shape"]), 0.5))
    if name == "SemiSupervisedVAE":
        return {"x": x, "label": torch.tensor([0, 1, 2, -1, -1, 0, 2])}
    grey = name in ("InfoGAN", "FlowGAN") or name.endswith("Flow")
    return LEVELS * (0.1 + 0.8 * torch.rand(x.shape)) if grey else x


def losses(model, batch):
    torch.manual_seed(3)
    return {player: loss.item() for player, loss in model.losses(batch).items()}


def traits(model, batch):
    """What two models may differ in: their parts, their weights and buffers, turns and losses."""
    state = {name: value.tolist() for name, value in model.state_dict().items()}
    turns = model.turns() if hasattr(model, "turns") else ()
    return repr(model), state, turns, losses(model, batch)


def test_every_model_and_every_option_is_here():
    named = {getattr(models, name) for name in models.__all__}
    exported = {model.__name__ for model in named}
    assert exported == set(SIZES)
    assert sorted({option for _, option in CASES} - set(SOME)) == []


@pytest.mark.parametrize(("name", "option"), CASES)
def test_two_values_of_an_option_make_two_models(name, option):
    needed = ONLY_WITH.get(option, {}).items()
    extra = {other: value for other, value in needed if other in options_of(name)}
    values = PARTICULAR.get((name, option), SOME[option])
    found = []
    for value in (*values, values[0]):
        sizes = {**SIZES[name], **extra, option: value}
        found.append(traits(made(name, option, value, extra), batch_for(name, sizes)))
    first, other, again = found
    assert first == again
    assert first != other


@pytest.mark.parametrize("name", SET_BY_ITSELF)
def test_what_a_model_sets_by_itself_is_refused(name):
    for option in SET_BY_ITSELF[name]:
        with pytest.raises(TypeError, match=option):
            builder_of(name)(**SIZES[name], **{option: 2.0})
