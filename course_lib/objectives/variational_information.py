"""InfoGAN's lower bound on the information that a sample carries about its code (slide 17)."""

from __future__ import annotations

from torch import Tensor
from torch.distributions import Distribution

__all__ = ["variational_information"]


def variational_information(prior: Distribution, recogniser: Distribution, code: Tensor) -> Tensor:
    r"""Return the variational lower bound on I_p(x; c), one value for each drawn pair (slide 17).

    .. math:: I_p(x; c) = H(c) + E_{p(x,c)}[\log q(c|x)] + E_{p(x)} KL(p(c|x), q(c|x))

    The bound is the first two terms; the gap is the KL of the recogniser. The information is that
    of the model's own joint distribution: c is drawn first, then x given c; real x do not enter.
    For a discrete code the bound cannot exceed H(c), since log q <= 0.

    Args:
        prior: p(c), with an entropy.
        recogniser: q(c|x), batch shape (batch,), at samples x ~ p(x|c).
        code: (batch, *event) the codes that those samples came from.

    Returns:
        (batch,) nats, whose mean estimates the bound.

    Example:
        >>> import torch
        >>> from torch.distributions import OneHotCategorical
        >>> code = torch.eye(4)
        >>> sure = OneHotCategorical(logits=100 * code)
        >>> variational_information(OneHotCategorical(torch.ones(4)), sure, code).exp()
        tensor([4., 4., 4., 4.])

    Paper: Chen, Duan, Houthooft, Schulman, Sutskever, Abbeel (2016), arXiv:1606.03657; the bound is
    Barber, Agakov's (2003), The IM algorithm, NeurIPS.
    """
    return prior.entropy() + recogniser.log_prob(code)
