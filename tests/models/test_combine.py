"""Every cell of the lecture's grid builds and trains, and the named ones are the named models."""

import itertools

import pytest
import torch

from course_lib import models
from course_lib.evaluation import evaluate
from course_lib.models.combine import COMPARISONS, LIKELIHOODS, POSTERIORS, PRIORS, combine
from course_lib.training import fit

pytestmark = pytest.mark.usefixtures("fixed_seed")
SHAPE, SIZES = (1, 3, 4), {"z_dim": 2, "hidden": (8,)}
CELLS = [
    cell
    for cell in itertools.product(PRIORS, LIKELIHOODS, POSTERIORS, COMPARISONS)
    if cell[1::2] != ("pixelcnn", "jsd_x")
]


def cell_of(cell):
    return dict(zip(("prior", "likelihood", "posterior", "comparison"), cell, strict=True))


@pytest.mark.parametrize("cell", CELLS, ids=", ".join)
def test_every_cell_trains_every_brick_and_is_bounded(cell):
    model = combine(SHAPE, **SIZES, **cell_of(cell))
    x = torch.bernoulli(torch.full((40, *SHAPE), 0.4))
    before = [p.detach().clone() for p in model.parameters()]
    fit(model, x, steps=6, batch_size=20, progress=False)
    moved = [bool((p != b).any()) for p, b in zip(model.parameters(), before, strict=True)]
    assert sum(moved) >= 0.8 * len(moved)  # a bias before a zero weight may stand still
    for brick in (model.prior, model.likelihood, model.posterior):
        own = {id(p) for p in brick.parameters()}
        changed = [m for p, m in zip(model.parameters(), moved, strict=True) if id(p) in own]
        assert any(changed) or not own
    found = evaluate(model, x, k=30)
    assert found.elbo.mean() < found.importance_bound.mean() + 0.05
    assert model.sample(3).shape == (3, *SHAPE)


@pytest.mark.parametrize(
    ("cell", "named"),
    [
        (("standard", "independent", "gaussian", "kl"), models.VAE),
        (("standard", "pixelcnn", "gaussian", "kl"), models.PixelVAE),
        (("standard", "independent", "iaf", "kl"), models.FlowPosteriorVAE),
        (("standard", "independent", "gaussian", "beta"), models.BetaVAE),
        (("standard", "independent", "gaussian", "jsd_x"), models.VAEGAN),
        (("standard", "independent", "gaussian", "jsd_z"), models.AdversarialAutoencoder),
        (("standard", "independent", "gaussian", "mmd"), models.InfoVAE),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_named_cell_is_the_named_model(cell, named):
    """The same weights under the same names, so that one's state fits the other."""
    theirs = named.build(SHAPE, **SIZES)
    ours = combine(SHAPE, **SIZES, **cell_of(cell))
    state = {k: v for k, v in theirs.state_dict().items() if not k.startswith("critic")}
    assert set(state) == {k for k in ours.state_dict() if not k.startswith("critic")}
    ours.load_state_dict(state, strict=False)
    x = torch.bernoulli(torch.full((5, *SHAPE), 0.4))
    bounds = []
    for model in (ours.eval(), theirs.eval()):
        torch.manual_seed(1)
        bounds.append(model.elbo(x).total)
    assert torch.equal(*bounds)


def test_options_reach_the_comparison():
    assert combine(SHAPE, **SIZES, comparison="beta", beta=4.0).beta == 4.0
    assert combine(SHAPE, **SIZES, comparison="mmd", lambda_=7.0).lambda_ == 7.0


@pytest.mark.parametrize("argument", ["prior", "likelihood", "posterior", "comparison"])
def test_an_unknown_name_is_refused_by_its_argument(argument):
    with pytest.raises(ValueError, match=f"{argument}: expected one of .*, got 'gan'"):
        combine(SHAPE, **SIZES, **{argument: "gan"})


def test_a_critic_of_x_needs_a_gradient_through_the_sample():
    with pytest.raises(ValueError, match=r"comparison: .*no gradient"):
        combine(SHAPE, **SIZES, likelihood="pixelcnn", comparison="jsd_x")
