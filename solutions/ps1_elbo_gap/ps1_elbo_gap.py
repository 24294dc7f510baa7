# %% [markdown]
# # Problem set 1 · The ELBO gap
#
# **Slides 3 and 6 of Lecture 12 of [CS236](https://deepgenerativemodels.github.io/)** (the slides are in the site's list of lectures; every formula is repeated here). [Lecture
# 1](../../lectures/01_elbo_gap.ipynb) explains them. You write seven formulas around the VAE, each in a few lines. At the end they are put
# together: your functions train a VAE on handwritten digits, and drive the figure of the lecture.
#
# | no. | exercise | points | difficulty | minutes | slide |
# |---|---|---|---|---|---|
# | 1 | `gaussian_log_prob`: the density of a Gaussian | 3 | ●○○○○ | 10 | 3 |
# | 2 | `sample_gaussian`: a sample that gradients pass through | 4 | ●●○○○ | 10 | 6 |
# | 3 | `gaussian_kl`: the KL from the prior in closed form | 3 | ●●○○○ | 15 | 6 |
# | 4 | `elbo`: the bound and its two pieces | 5 | ●●●○○ | 20 | 6 |
# | 5 | `importance_bound`: many samples, one logarithm | 4 | ●●●○○ | 15 | 6 |
# | 6 | `planar`: an invertible layer and its log-determinant | 6 | ●●●●○ | 30 | 6 |
# | 7 | `elbo_gap`: what the bound leaves out | 5 | ●●●○○ | 20 | 6 |
# | 8 | a derivation, on paper | 6 | ●●●○○ | 20 | 6 |
#
# **How it works.** Replace each `raise NotImplementedError(...)` by your code. The cell below it draws a picture; the cell
# after that checks your function and, if something is wrong, says what it looks like. The graded cell runs the same check on other inputs.
# No exercise needs your answer to another one, and you may run the whole notebook at any time. Run it once from the top before you hand it in.
#
# **Conventions.** Logarithms are natural, so everything is in nats. `log_scale` is the logarithm of the *standard deviation*. `batch` is the
# first dimension; functions return one number for each example. Do not change a tensor that was passed in.
#
# **What every function keeps**, and the checks try: the result has the dtype of the inputs, float32 or float64; a batch may hold a single example; no example
# depends on another one in its batch; results are right for extreme inputs as well, without clamps or epsilons; and gradients pass to the arguments that the docstring names.
# You may call anything in `torch` and in `course_lib`, except `course_lib.checks`.

# %% grade="locked" grade_id="setup"
import torch
from torch import Tensor

from course_lib.checks import elbo_gap as check
from course_lib.checks.ask import ask
from course_lib.checks.report import skip_unfinished

# %%
from course_lib.data import digits
from course_lib.distributions import DiagonalGaussian, IndependentBernoulli, mlp
from course_lib.figures import elbo_gap as figure
from course_lib.figures.images import Picture, tile
from course_lib.figures.style import ELBO, KL, P, Q, new_figure
from course_lib.training import cosine, fit

# %% [markdown]
# ## Exercise 1 · The density of a Gaussian
#
# 3 points · ●○○○○ · 10 minutes · slide 3
#
# A Gaussian with independent dimensions has the log-density
#
# $$\log N(x; \mu, \sigma) = \sum_{i} \left[-\tfrac12 \left(\frac{x_i - \mu_i}{\sigma_i}\right)^2 - \log \sigma_i - \tfrac12 \log 2\pi\right].$$
#
# Both p(z) and the encoder's q(z|x) are such Gaussians. Compute the logarithm directly: 40 standard deviations out, the density itself is zero in floating point,
# and its logarithm is not.


# %% grade="solution" grade_id="gaussian_log_prob"
def gaussian_log_prob(x: Tensor, mu: Tensor, log_scale: Tensor) -> Tensor:
    """Return log N(x; mu, diag(scale^2)) for each example.

    Args:
        x: (batch, dim) points.
        mu: (batch, dim) means.
        log_scale: (batch, dim) logs of the standard deviations.

    Returns:
        (batch,) log-densities, in nats, summed over dim, in the dtype of x; differentiable in all three.
    """
    ### BEGIN SOLUTION
    standardised = (x - mu) * torch.exp(-log_scale)
    log_2pi = torch.log(torch.tensor(2 * torch.pi, dtype=x.dtype))
    return (-0.5 * standardised**2 - log_scale - 0.5 * log_2pi).sum(-1)
    ### END SOLUTION


# %% [markdown]
# **Try it.** Three densities. Is each mass 1?

# %% tags=["raises-exception"]
with skip_unfinished():
    points = torch.linspace(-8, 8, 601)[:, None]
    canvas, (axes,) = new_figure(height=2.4)
    for centre, width in ((0.0, 0.0), (-3.0, -0.7), (2.0, 0.4)):
        log_p = gaussian_log_prob(
            points, torch.full_like(points, centre), torch.full_like(points, width)
        )
        mass = torch.trapezoid(log_p.exp(), points[:, 0])
        axes.plot(points, log_p.exp(), label=f"μ {centre}, log σ {width}: mass {mass:.3f}")
    axes.set(xlabel="x", ylabel="density")
    axes.legend(frameon=False)
    display(Picture(canvas, "three Gaussian densities, each with its mass in the legend"))

# %% tags=["raises-exception"]
check.gaussian_log_prob(gaussian_log_prob)

# %% grade="test" grade_id="test_gaussian_log_prob" points=3
# Graded: the same properties on other inputs.
check.gaussian_log_prob(gaussian_log_prob, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.gaussian_log_prob(gaussian_log_prob, seed=5081, input_scale=3.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 2 · A sample that gradients pass through
#
# 4 points · ●●○○○ · 10 minutes · slide 6
#
# Training needs the gradient of an average over z ~ q(z|x) with respect to the parameters of q. So z must be a *differentiable function* of them and of
# noise that knows nothing of them:
#
# $$z = \mu + \sigma\, \varepsilon, \qquad \varepsilon \sim N(0, I).$$


# %% grade="solution" grade_id="sample_gaussian"
def sample_gaussian(mu: Tensor, log_scale: Tensor) -> Tensor:
    """Return one draw of N(mu, diag(scale^2)) for each example, differentiable in both.

    Args:
        mu: (batch, dim) means.
        log_scale: (batch, dim) logs of the standard deviations.

    Returns:
        (batch, dim) draws in the dtype of mu; the noise comes from torch.randn, a fresh number for
        every entry in every call, and torch.manual_seed is left to the caller.
    """
    ### BEGIN SOLUTION
    noise = torch.randn(mu.shape, dtype=mu.dtype)
    return mu + log_scale.exp() * noise
    ### END SOLUTION


# %% [markdown]
# **Try it.** 600 draws of two Gaussians. The dashed ellipses are two standard deviations wide: about 86 of 100 draws lie inside.

# %% tags=["raises-exception"]
with skip_unfinished():
    canvas, (axes,) = new_figure(width=5.0, height=3.0)
    angle = torch.linspace(0, 2 * torch.pi, 100)
    for colour, centre, width in ((P, [-2.0, 0.0], [-0.5, 0.3]), (Q, [2.0, 1.0], [0.2, -1.2])):
        centre, width = torch.tensor(centre), torch.tensor(width)
        draws = sample_gaussian(centre.repeat(300, 1), width.repeat(300, 1))
        axes.plot(draws[:, 0], draws[:, 1], ".", color=colour, ms=3)
        rim = centre + 2 * width.exp() * torch.stack([angle.cos(), angle.sin()], 1)
        axes.plot(rim[:, 0], rim[:, 1], "--", color=colour)
    axes.set(xlabel="$z_1$", ylabel="$z_2$")
    display(Picture(canvas, "draws of two Gaussians, with ellipses of two standard deviations"))

# %% tags=["raises-exception"]
check.sample_gaussian(sample_gaussian)

# %% grade="test" grade_id="test_sample_gaussian" points=4
# Graded: the same properties on other inputs.
check.sample_gaussian(sample_gaussian, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.sample_gaussian(sample_gaussian, seed=7103, input_scale=3.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 3 · The KL from the prior
#
# 3 points · ●●○○○ · 15 minutes · slide 6
#
# For a Gaussian q the integral can be done by hand:
#
# $$KL(q, N(0, I)) = E_q[\log q(z) - \log p(z)] = \sum_i \left[\tfrac12\left(\sigma_i^2 + \mu_i^2 - 1\right) - \log \sigma_i\right].$$
#
# It is exact, so there is no noise in it; an encoder learns faster for that.


# %% grade="solution" grade_id="gaussian_kl"
def gaussian_kl(mu: Tensor, log_scale: Tensor) -> Tensor:
    """Return KL(N(mu, diag(scale^2)), N(0, I)) for each example, in closed form.

    Args:
        mu: (batch, dim) means of q.
        log_scale: (batch, dim) logs of the standard deviations of q.

    Returns:
        (batch,) divergences, in nats, summed over dim, in the dtype of mu; differentiable in both.
    """
    ### BEGIN SOLUTION
    variance = torch.exp(2 * log_scale)
    return (0.5 * (variance + mu**2 - 1) - log_scale).sum(-1)
    ### END SOLUTION


# %% [markdown]
# **Try it.** The KL against the scale. Where is the lowest point of each curve, and why there?

# %% tags=["raises-exception"]
with skip_unfinished():
    widths = torch.linspace(-2.5, 1, 200)[:, None]
    canvas, (axes,) = new_figure(height=2.4)
    for centre in (0.0, 1.0, 2.0):
        axes.plot(widths, gaussian_kl(torch.full_like(widths, centre), widths), label=f"μ {centre}")
    axes.set(xlabel="log σ", ylabel="KL(q, N(0, 1)), nats", ylim=(0, None))
    axes.legend(frameon=False)
    display(Picture(canvas, "KL against log sigma for three means, each lowest at log sigma 0"))

# %% tags=["raises-exception"]
check.gaussian_kl(gaussian_kl)

# %% grade="test" grade_id="test_gaussian_kl" points=3
# Graded: the same properties on other inputs.
check.gaussian_kl(gaussian_kl, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.gaussian_kl(gaussian_kl, seed=3307, input_scale=2.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 4 · The ELBO
#
# 5 points · ●●●○○ · 20 minutes · slide 6
#
# Binary images, pixels independent given z (slide 3). The decoder has turned one draw z ~ q(z|x) into `logits`, the log-odds of each pixel being 1:
#
# $$L(x) = \underbrace{\log p(x \mid z)}_{\text{reconstruction}} - \underbrace{KL(q(z \mid x), N(0, I))}_{\text{kl}}, \qquad
# \log p(x \mid z) = \sum_{\text{pixels}} \left[x\, \ell - \log(1 + e^{\ell})\right].$$
#
# Watch two things. Sum over pixels and over dimensions, *not* over the batch: with a mean in one of the terms, their balance depends on the size of the image. And
# use the logits as they are: a sigmoid rounds to 0 or 1, and the logarithm of that is infinite.


# %% grade="solution" grade_id="elbo"
def elbo(x: Tensor, logits: Tensor, mu: Tensor, log_scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the ELBO of each binary image, estimated with one z, and its two pieces.

    Args:
        x: (batch, 1, height, width) observations, zeros and ones.
        logits: (batch, 1, height, width) log-odds of the pixels under p(x|z), z ~ q(z|x).
        mu: (batch, dim) means of q(z|x).
        log_scale: (batch, dim) logs of the standard deviations of q(z|x).

    Returns:
        (total, reconstruction, kl), each (batch,), in nats, in the dtype of x, with
        total = reconstruction - kl; each differentiable in logits, mu and log_scale.
    """
    ### BEGIN SOLUTION
    log_p = x * logits - torch.nn.functional.softplus(logits)
    reconstruction = log_p.flatten(1).sum(1)
    kl = (0.5 * (torch.exp(2 * log_scale) + mu**2 - 1) - log_scale).sum(1)
    return reconstruction - kl, reconstruction, kl
    ### END SOLUTION


# %% [markdown]
# **Try it.** A digit, and a decoder that gets 6 of its 64 pixels wrong. How confident should it be? The bound has an opinion.

# %% tags=["raises-exception"]
with skip_unfinished():
    image = digits.load("binary").train.x[:1]
    guess = image.clone().flatten()
    guess[::11] = 1 - guess[::11]
    confidence = torch.linspace(0, 6, 121)
    log_odds = confidence[:, None, None, None] * (2 * guess - 1).reshape(1, 1, 8, 8)
    code = torch.full((121, 2), 1.5)
    pieces = elbo(image.expand(121, -1, -1, -1), log_odds, code, -code)
    canvas, (axes,) = new_figure(height=2.4)
    for i, (name, colour) in enumerate((("total", ELBO), ("reconstruction", P), ("kl", KL))):
        axes.plot(confidence, pieces[i], color=colour, label=name)
    axes.set(xlabel="confidence: log-odds of the guessed pixel", ylabel="nats")
    axes.legend(frameon=False)
    display(Picture(canvas, "the ELBO against the decoder's confidence: it has one peak"))

# %% tags=["raises-exception"]
check.elbo(elbo)

# %% grade="test" grade_id="test_elbo" points=5
# Graded: the same properties on other inputs.
check.elbo(elbo, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.elbo(elbo, seed=9973, input_scale=3.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 5 · The importance bound
#
# 4 points · ●●●○○ · 15 minutes · slide 6
#
# Draw k codes for one x and average the weights *inside* the logarithm:
#
# $$L_k(x) = \log \frac1k \sum_{j=1}^k w_j, \qquad w_j = \frac{p(x, z_j)}{q(z_j \mid x)}, \qquad L_1 \le L_k \le \log p(x) \text{ on average.}$$
#
# On images log w is about -1000, and exp(-1000) is 0 in floating point. So the whole computation must stay in logs: `torch.logsumexp`.


# %% grade="solution" grade_id="importance_bound"
def importance_bound(log_p_xz: Tensor, log_q: Tensor) -> Tensor:
    """Return the k-sample importance bound on log p(x) for each x.

    Args:
        log_p_xz: (k, batch) log p(x, z_j) of k draws z_j ~ q(z|x).
        log_q: (k, batch) log q(z_j|x) of the same draws.

    Returns:
        (batch,) bounds, in nats, in the dtype of log_q; finite also where some weights are exp(-1000)
        and others exp(1000); differentiable in both.
    """
    ### BEGIN SOLUTION
    k = log_q.shape[0]
    log_weight = log_p_xz - log_q
    return torch.logsumexp(log_weight, 0) - torch.log(torch.tensor(k, dtype=log_q.dtype))
    ### END SOLUTION


# %% [markdown]
# **Try it.** p(z) = N(0, 1), p(x|z) = N(z, 1), and x = 3 was observed. The draws come from the prior, a bad q. The bound climbs to log p(x).

# %% tags=["raises-exception"]
with skip_unfinished():
    counts, repeats = (1, 3, 10, 30, 100, 300, 1000), 500
    zero, one = torch.zeros(1), torch.ones(1)
    means = []
    for count in counts:
        codes = torch.randn(count, repeats)
        log_prior = torch.distributions.Normal(zero, one).log_prob(codes)
        log_likelihood = torch.distributions.Normal(codes, one).log_prob(torch.tensor(3.0))
        means.append(importance_bound(log_prior + log_likelihood, log_prior).mean())
    canvas, (axes,) = new_figure(height=2.4)
    exact = torch.distributions.Normal(0.0, 2**0.5).log_prob(torch.tensor(3.0))
    axes.axhline(exact, color=P, label="log p(x)")
    axes.plot(counts, means, "o-", color=ELBO, label="importance bound, mean of 500")
    axes.set(xscale="log", xlabel="k", ylabel="nats")
    axes.legend(frameon=False, loc="lower right")
    display(Picture(canvas, "the importance bound rises with k towards log p(x)"))

# %% tags=["raises-exception"]
check.importance_bound(importance_bound)

# %% grade="test" grade_id="test_importance_bound" points=4
# Graded: the same properties on other inputs.
check.importance_bound(importance_bound, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.importance_bound(importance_bound, seed=6029, input_scale=3.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 6 · A planar layer
#
# 6 points · ●●●●○ · 30 minutes · slide 6
#
# To make q more flexible, push its draws through an invertible map (Rezende and Mohamed, 2015):
#
# $$f(z) = z + \hat u \tanh(w^\top z + b), \qquad
# \log\left|\det \frac{\partial f}{\partial z}\right| = \log\left|1 + (1 - \tanh^2(w^\top z + b))\; w^\top \hat u\right|.$$
#
# The map is one-to-one only if $w^\top \hat u \ge -1$. Otherwise it folds: several z land on the same point, whose density is the sum over all of them, while the formula counts one. Then
# log q is too small and the "ELBO" can exceed log p(x), although the determinant is right. So u is a free parameter, and the layer uses
#
# $$\hat u = u + \left[m(w^\top u) - w^\top u\right] \frac{w}{\|w\|^2}, \qquad m(a) = \log(1 + e^a) - 1 > -1.$$
#
# Work out $w^\top \hat u$ before you write code.


# %% grade="solution" grade_id="planar"
def planar(z: Tensor, u: Tensor, w: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Push z through a planar layer that is invertible whatever its parameters are.

    Args:
        z: (batch, dim) points.
        u: (dim,) direction, unconstrained; the constraint is applied here.
        w: (dim,) normal of the plane, not zero.
        b: () offset.

    Returns:
        (f, log_det): f(z), (batch, dim), and log|det df/dz|, (batch,), in the dtype of z;
        differentiable in all four.
    """
    ### BEGIN SOLUTION
    w_u = torch.dot(w, u)
    u_hat = u + (torch.nn.functional.softplus(w_u) - 1 - w_u) * w / torch.dot(w, w)
    h = torch.tanh(z @ w + b)
    f = z + h[:, None] * u_hat
    log_det = torch.log(torch.abs(1 + (1 - h**2) * torch.dot(w, u_hat)))
    return f, log_det
    ### END SOLUTION


# %% [markdown]
# **Try it.** f in one dimension, for several u. Each curve must rise everywhere: a curve that turns back folds the line.

# %% tags=["raises-exception"]
with skip_unfinished():
    line = torch.linspace(-4, 4, 401)[:, None]
    canvas, (left, right) = new_figure(columns=2, height=2.8)
    for direction in (-6.0, -3.0, 0.0, 3.0):
        pushed, stretch = planar(line, torch.tensor([direction]), torch.ones(1), torch.tensor(0.0))
        left.plot(line, pushed, label=f"u {direction:+.0f}")
        right.plot(line, stretch)
    left.set(xlabel="z", ylabel="f(z)")
    left.legend(frameon=False)
    right.set(xlabel="z", ylabel="log|det ∂f/∂z|")
    display(Picture(canvas, "f and its log-determinant for four u; every f should rise"))

# %% tags=["raises-exception"]
check.planar(planar)

# %% grade="test" grade_id="test_planar" points=6
# Graded: the same properties on other inputs.
check.planar(planar, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.planar(planar, seed=4157, input_scale=2.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 7 · What the bound leaves out
#
# 5 points · ●●●○○ · 20 minutes · slide 6
#
# With one latent number the integrals are sums over equally spaced nodes, $\int g(z)\, dz \approx \sum_i g(z_i)\, \Delta z$, and the gap can be computed exactly:
#
# $$\log p(x) = \log \int p(x, z)\, dz, \qquad L(x) = \int q(z) \left[\log p(x, z) - \log q(z)\right] dz, \qquad \text{gap} = \log p(x) - L(x).$$
#
# `log_joint` may be -1000 everywhere, so p(x), too, needs a logsumexp.


# %% grade="solution" grade_id="elbo_gap"
def elbo_gap(z: Tensor, log_joint: Tensor, log_q: Tensor) -> Tensor:
    """Return log p(x) - ELBO for each x, by quadrature.

    Args:
        z: (n,) equally spaced nodes, beyond which neither density has mass worth counting.
        log_joint: (batch, n) log p(x, z) at the nodes.
        log_q: (batch, n) log q(z|x) at the nodes, of a normalised density.

    Returns:
        (batch,) gaps, in nats, in the dtype of log_q.
    """
    ### BEGIN SOLUTION
    dz = z[1] - z[0]
    log_px = torch.logsumexp(log_joint, 1) + torch.log(dz)
    bound = (log_q.exp() * (log_joint - log_q)).sum(1) * dz
    return log_px - bound
    ### END SOLUTION


# %% [markdown]
# **Try it.** The world of the lecture: p(x|z) = N(0.8 z², 0.6²) and x = 1.5, so the posterior has two peaks. The gap of a Gaussian q against its mean, for three scales.
# Which q would you choose?

# %% tags=["raises-exception"]
with skip_unfinished():
    nodes = torch.linspace(-8, 8, 1601, dtype=torch.double)
    log_prior = torch.distributions.Normal(0.0, 1.0).log_prob(nodes)
    log_likelihood = torch.distributions.Normal(0.8 * nodes**2, 0.6).log_prob(torch.tensor(1.5))
    centres = torch.linspace(-2.5, 2.5, 101, dtype=torch.double)
    canvas, (axes,) = new_figure(height=2.4)
    for width in (-1.2, -0.6, 0.0):
        log_qs = torch.distributions.Normal(centres[:, None], torch.tensor(width).exp())
        gaps = elbo_gap(nodes, (log_prior + log_likelihood).expand(101, -1), log_qs.log_prob(nodes))
        axes.plot(centres, gaps, label=f"log σ {width}")
    axes.set(xlabel="mean of q", ylabel="gap, nats", ylim=(0, 4))
    axes.legend(frameon=False)
    display(Picture(canvas, "the gap of a Gaussian q against its mean: low near each peak"))

# %% tags=["raises-exception"]
check.elbo_gap(elbo_gap)

# %% grade="test" grade_id="test_elbo_gap" points=5
# Graded: the same properties on other inputs.
check.elbo_gap(elbo_gap, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.elbo_gap(elbo_gap, seed=8219, input_scale=3.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 8 · A derivation
#
# 6 points · ●●●○○ · 20 minutes · slide 6
#
# Let p(x, z) be a model and q(z) any density that is zero wherever p(z|x) is zero.
#
# **(a)** Show that $\log p(x) = L(x) + KL(q(z), p(z \mid x))$ with $L(x) = E_q[\log p(x, z) - \log q(z)]$. Name the step where q first appears, and say why any q may be put there. (3 points)
#
# **(b)** Show that the gap is zero if and only if q is the posterior. You may use Jensen's inequality; say when it holds with equality. (2 points)
#
# **(c)** The same ELBO is raised once by changing q alone, once by changing p alone. In which case must the gap shrink? One sentence each. (1 point)

# %% [markdown] grade="written" grade_id="derivation" points=6
# **(a)** log p(x) does not depend on z, so it equals its own average over q:
#
# $$\log p(x) = E_q[\log p(x)] = E_q\!\left[\log \frac{p(x, z)}{p(z \mid x)}\right]
# = E_q\!\left[\log \frac{p(x, z)}{q(z)}\right] + E_q\!\left[\log \frac{q(z)}{p(z \mid x)}\right] = L(x) + KL(q(z), p(z \mid x)).$$
#
# The first equality brings in q: it holds for any q since $\int q = 1$. The second is the product rule p(x, z) = p(x) p(z|x). The third multiplies and divides by q(z), which is
# allowed where q > 0, and the average over q looks nowhere else.
#
# **(b)** -log is strictly convex, so by Jensen
# $KL(q, p(\cdot \mid x)) = E_q[-\log \frac{p(z \mid x)}{q(z)}] \ge -\log E_q[\frac{p(z \mid x)}{q(z)}] \ge -\log 1 = 0$. Because of strict convexity the first
# is an equality only if the ratio p(z|x)/q(z) is constant where q > 0; the second only if the posterior has all its mass there; then the constant is 1, since both integrate to one. So q is
# the posterior (almost everywhere). Conversely, q = p(z|x) makes every ratio 1 and the KL zero.
#
# **(c)** Changing q alone: log p(x) stays, so the gap shrinks by exactly as much as the ELBO rises. Changing p alone: log p(x) moves as well, and the gap may shrink or
# grow.
#
# ---
# **Mark scheme**
#
# | points | for | common losses |
# |---|---|---|
# | 1 | (a) log p(x) as an average over q, with the reason: it is constant in z, or q integrates to one | starts from the ELBO and "adds the KL" without showing that the sum is log p(x) |
# | 1 | (a) p(x, z) = p(x) p(z given x), used correctly | divides by p(z) instead of p(z given x) |
# | 1 | (a) both terms identified with the right signs and order of the KL | KL(p(z given x), q); half a point if the sign is slipped and the end is right |
# | 1 | (b) non-negative, by Jensen or log a ≤ a - 1, and zero for the posterior | only "a KL is never negative", quoted: half a point |
# | 1 | (b) zero *only* for the posterior: strict convexity, hence a constant ratio, hence 1 by normalisation | the word "iff" without the strictness |
# | 1 | (c) both halves: q alone, the gap must shrink; p alone, it need not | one half: half a point |

# %% [markdown]
# ## All together · a VAE of your own
#
# Nothing below is graded. The class holds two networks and no formula: `sample_gaussian`, `elbo` and `importance_bound` are yours.


# %% grade="locked" grade_id="your_vae"
class YourVAE(torch.nn.Module):
    """A VAE on binary 8x8 digits, z of 8 dimensions, whose formulas are yours."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = mlp(64, (128, 128), 16, flatten=3)
        self.decoder = mlp(8, (128, 128), 64)

    def losses(self, batch: Tensor) -> dict[str, Tensor]:
        """Return what training minimises: the mean of -ELBO over the batch."""
        mu, log_scale = self.encoder(batch).chunk(2, -1)
        logits = self.decoder(sample_gaussian(mu, log_scale)).reshape(batch.shape)
        total, _, _ = elbo(batch, logits, mu, log_scale)
        return {"model": -total.mean()}

    @torch.no_grad()
    def bound(self, x: Tensor, k: int) -> Tensor:
        """Return your importance bound with k draws for each x."""
        mu, log_scale = (part.repeat(k, 1) for part in self.encoder(x).chunk(2, -1))
        z = sample_gaussian(mu, log_scale)
        likelihood = IndependentBernoulli(self.decoder(z).reshape(-1, 1, 8, 8), event_dim=3)
        log_p_x_given_z = likelihood.log_prob(x.repeat(k, 1, 1, 1))
        prior = DiagonalGaussian(torch.zeros_like(z), torch.zeros_like(z))
        log_q = DiagonalGaussian(mu, log_scale).log_prob(z)
        log_p_xz = log_p_x_given_z + prior.log_prob(z)
        return importance_bound(log_p_xz.reshape(k, -1), log_q.reshape(k, -1))


# %% tags=["raises-exception"]
splits = digits.load("binary")
torch.set_num_threads(1)  # for networks this small a second core only gets in the way
torch.manual_seed(0)
your_vae = YourVAE()
with skip_unfinished():
    your_vae.losses(splits.train.x[:2])  # an unfinished exercise shows here, before training
    STEPS = 3000
    options = {"learning_rate": cosine(2e-3, STEPS), "checkpoint": "checkpoints"}
    fit(your_vae, splits.train.x, steps=STEPS, label="your VAE", **options)
    for draws in (1, 10, 100):
        held_out = your_vae.bound(splits.test.x, draws).mean()
        print(f"k = {draws:3d}: held-out bound {held_out:.2f} nats per image")

# %% [markdown]
# The first number is the ELBO, the others your importance bound: how much of the gap do ten draws win back, and a hundred?
#
# Below, digits that your VAE invents: z from the prior, through the decoder. Before training they are grey noise.

# %%
with torch.no_grad():
    invented = your_vae.decoder(torch.randn(32, 8)).sigmoid().reshape(-1, 1, 8, 8)
tile(invented, columns=16, zoom=5, alt="32 images from the decoder, each pixel its probability")

# %% [markdown]
# ## All together · the figure of the lecture
#
# The lecture's figure now runs on your `gaussian_log_prob` and `planar`; the library's q is dashed. Move the mean and the scale until the gap is smallest, then
# switch on planar layers. As long as the two curves coincide, so do you and the library.

# %%
figure.explorable(gaussian_log_prob=gaussian_log_prob, planar=planar)
