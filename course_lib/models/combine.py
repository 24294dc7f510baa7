"""The lecture's grid: a choice for p(z), p(x|z) and q(z|x), and one for the comparison."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from course_lib.arguments import as_count, as_shape
from course_lib.distributions import ConditionalGaussian
from course_lib.distributions.pixel_network import as_image_shape
from course_lib.models.adversarial_autoencoder import AdversarialAutoencoder
from course_lib.models.beta_vae import BetaVAE
from course_lib.models.flow_posterior_vae import flow_posterior
from course_lib.models.game import build_critic
from course_lib.models.info_vae import InfoVAE
from course_lib.models.pixelvae import latent_prior, pixelcnn_given_z
from course_lib.models.vae import VAE, decoder, encoder
from course_lib.models.vae_gan import VAEGAN

__all__ = ["COMPARISONS", "LIKELIHOODS", "POSTERIORS", "PRIORS", "combine"]

PRIORS = {"standard": "N(0, I)", "autoregressive": "a MAF over N(0, I)"}
LIKELIHOODS = {"independent": "independent pixels given z", "pixelcnn": "a PixelCNN given z"}
POSTERIORS = {
    "gaussian": "a Gaussian",
    "planar": "a Gaussian through planar layers",
    "iaf": "a Gaussian through IAF layers",
}
COMPARISONS = {
    "kl": "KL of the joints: the ELBO",
    "beta": "beta times the KL to the prior",
    "jsd_x": "KL of the joints, and the JSD in x",
    "jsd_z": "KL of the joints, and the JSD in z",
    "mmd": "MMD of q(z) and p(z)",
}
WITHOUT_GRADIENT = ("pixelcnn", "jsd_x")
CLASSES = {
    "kl": VAE,
    "beta": BetaVAE,
    "jsd_x": VAEGAN,
    "jsd_z": AdversarialAutoencoder,
    "mmd": InfoVAE,
}


def combine(
    x_shape: tuple[int, int, int],
    z_dim: int,
    hidden: Sequence[int] = (200, 200),
    *,
    prior: str = "standard",
    likelihood: str = "independent",
    posterior: str = "gaussian",
    comparison: str = "kl",
    **options: Any,
) -> VAE:
    """Return the model of one cell of the lecture's grid, for images of bits (slides 2, 19).

    The three bricks do not know each other, and the comparison knows only that they are bricks.
    So every cell builds but one: an image drawn pixel by pixel from a PixelCNN has no gradient
    that a critic of x could send back.

    Args:
        x_shape: (channels, height, width) of an image.
        z_dim: the number of latent dimensions.
        hidden: widths of the encoder's hidden layers; the decoder mirrors them.
        prior: a key of ``PRIORS``.
        likelihood: a key of ``LIKELIHOODS``.
        posterior: a key of ``POSTERIORS``.
        comparison: a key of ``COMPARISONS``.
        options: passed on to the class of the comparison, e.g. ``beta=4.0`` or ``warm_up=500``.

    Returns:
        A model with ``elbo``, ``importance_bound``, ``sample`` and what ``fit`` needs.

    Raises:
        ValueError: if a name is unknown, a size is not a positive integer, or no gradient exists.

    Example:
        >>> model = combine((1, 3, 5), 2, (8,), prior="autoregressive", comparison="jsd_z")
        >>> type(model).__name__, model.sample(4).shape
        ('AdversarialAutoencoder', torch.Size([4, 1, 3, 5]))
    """
    _known(prior, PRIORS, "prior")
    _known(likelihood, LIKELIHOODS, "likelihood")
    _known(posterior, POSTERIORS, "posterior")
    _known(comparison, COMPARISONS, "comparison")
    if (likelihood, comparison) == WITHOUT_GRADIENT:
        raise ValueError(
            "comparison: expected any but 'jsd_x' with a PixelCNN, whose samples carry no gradient"
        )
    x_shape, z_dim = as_image_shape(x_shape, "x_shape"), as_count(z_dim, "z_dim")
    hidden = as_shape(hidden, "hidden")
    bricks = [latent_prior(prior, z_dim)]
    if likelihood == "pixelcnn":
        bricks.append(pixelcnn_given_z(x_shape, z_dim, hidden))
    else:
        bricks.append(decoder(x_shape, z_dim, hidden, "bernoulli"))
    if posterior == "gaussian":
        bricks.append(ConditionalGaussian(encoder(x_shape, hidden, 2 * z_dim), z_dim))
    else:
        bricks.append(flow_posterior(x_shape, z_dim, hidden, posterior))
    if comparison in ("jsd_x", "jsd_z"):
        bricks.append(build_critic("jsd", x_shape if comparison == "jsd_x" else z_dim, hidden))
    return CLASSES[comparison](*bricks, **options)


def _known(name: str, names: dict[str, str], argument: str) -> None:
    if name not in names:
        raise ValueError(f"{argument}: expected one of {', '.join(names)}, got {name!r}")
