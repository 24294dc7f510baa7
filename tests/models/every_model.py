"""One small instance of every model of the lecture, each with a batch it can be trained on."""

import torch

from course_lib import models

IMAGE = (1, 3, 5)
BATCH = 7


def bits(*shape):
    return torch.bernoulli(torch.full((BATCH, *shape), 0.4))


def real(*shape):
    return torch.randn(BATCH, *shape)


SMALL = {"z_dim": 2, "hidden": (9,)}
PAIR = {"grey": IMAGE, "colour": (4,)}

EVERY_MODEL = {
    "VAE": (lambda: models.VAE.build(IMAGE, **SMALL), lambda: bits(*IMAGE)),
    "VAE, Gaussian": (
        lambda: models.VAE.build(IMAGE, **SMALL, likelihood="gaussian"),
        lambda: real(*IMAGE),
    ),
    "SemiSupervisedVAE": (
        lambda: models.SemiSupervisedVAE.build(IMAGE, 3, **SMALL),
        lambda: {"x": bits(*IMAGE), "label": torch.tensor([0, 1, 2, -1, -1, 0, 2])},
    ),
    "PixelCNN": (
        lambda: models.PixelCNN.build(IMAGE, features=4, layers=2, dropout=0.1),
        lambda: bits(*IMAGE),
    ),
    "PixelVAE": (
        lambda: models.PixelVAE.build(IMAGE, **SMALL, features=4, prior="autoregressive"),
        lambda: bits(*IMAGE),
    ),
    "PixelVAE, latent map": (
        lambda: models.PixelVAE.build(IMAGE, (1, 2, 2), (9,), features=4, prior="pixelcnn"),
        lambda: bits(*IMAGE),
    ),
    "HierarchicalPixelVAE": (
        lambda: models.HierarchicalPixelVAE.build(IMAGE, 3, 2, (9,), features=4),
        lambda: bits(*IMAGE),
    ),
    "AutoregressiveFlow": (
        lambda: models.AutoregressiveFlow.build(IMAGE, 2, (9,), order="random"),
        lambda: real(*IMAGE),
    ),
    "InverseAutoregressiveFlow": (
        lambda: models.InverseAutoregressiveFlow.build((4,), 2, (9,)),
        lambda: real(4),
    ),
    "NeuralAutoregressiveFlow": (
        lambda: models.NeuralAutoregressiveFlow.build((4,), 2, (9,), units=3),
        lambda: real(4),
    ),
    "CouplingFlow": (
        lambda: models.CouplingFlow.build(IMAGE, 3, (9,), levels=17),
        lambda: 17 * torch.rand(BATCH, *IMAGE),
    ),
    "FlowPosteriorVAE, IAF": (
        lambda: models.FlowPosteriorVAE.build(IMAGE, **SMALL, flow="iaf"),
        lambda: bits(*IMAGE),
    ),
    "FlowPosteriorVAE, planar": (
        lambda: models.FlowPosteriorVAE.build(IMAGE, **SMALL, flow="planar"),
        lambda: bits(*IMAGE),
    ),
    "MultimodalVAE, nets": (
        lambda: models.MultimodalVAE.build(PAIR, **SMALL),
        lambda: {"grey": bits(*IMAGE), "colour": bits(4)},
    ),
    "MultimodalVAE, product": (
        lambda: models.MultimodalVAE.build(PAIR, **SMALL, inference="product"),
        lambda: {"grey": bits(*IMAGE), "colour": bits(4)},
    ),
    "VariationalRNN": (
        lambda: models.VariationalRNN.build(5, 2, 9, "autoregressive"),
        lambda: {"x": bits(4, 5), "length": torch.tensor([4, 1, 2, 3, 4, 4, 1])},
    ),
    "FlowGAN": (
        lambda: models.FlowGAN.build(IMAGE, 2.0, layers=2, hidden=(9,), critic_hidden=(9,)),
        lambda: real(*IMAGE),
    ),
    "VAEGAN": (
        lambda: models.VAEGAN.build(IMAGE, **SMALL, critic_hidden=(9,)),
        lambda: bits(*IMAGE),
    ),
    "AdversarialAutoencoder": (
        lambda: models.AdversarialAutoencoder.build(IMAGE, **SMALL, critic_hidden=(9,)),
        lambda: bits(*IMAGE),
    ),
    "InfoVAE, MMD": (
        lambda: models.InfoVAE.build(IMAGE, **SMALL, alpha=0.5, lambda_=2.0),
        lambda: bits(*IMAGE),
    ),
    "InfoVAE, KL": (
        lambda: models.InfoVAE.build(IMAGE, **SMALL, alpha=0.5, lambda_=2.0, divergence="kl"),
        lambda: bits(*IMAGE),
    ),
    "InfoVAE, JSD": (
        lambda: models.InfoVAE.build(IMAGE, **SMALL, alpha=0.5, lambda_=2.0, divergence="jsd"),
        lambda: bits(*IMAGE),
    ),
    "BetaVAE": (
        lambda: models.BetaVAE.build(IMAGE, **SMALL, beta=4.0, free_bits=0.1),
        lambda: bits(*IMAGE),
    ),
    "InfoGAN": (
        lambda: models.InfoGAN.build(IMAGE, 2, 3, (9,), continuous=1),
        lambda: torch.rand(BATCH, *IMAGE),
    ),
}
