# %% [markdown]
# # Problem set 2 · Autoregressive flows
#
# **Slide 5 of Lecture 12 of [CS236](https://deepgenerativemodels.github.io/).** [Lecture 2](../../lectures/02_autoregressive_flows.ipynb) explains what you write here: the masks of
# a MADE, one layer of a masked autoregressive flow in both directions, a stack of layers over an autoregressive prior, a monotone network, and the terms that pixels cost. At the
# end your functions train a flow on handwritten digits and drive the lecture's two figures.
#
# | no. | exercise | points | difficulty | minutes | slide |
# |---|---|---|---|---|---|
# | 1 | `made_masks`: who may look at whom | 5 | ●●○○○ | 20 | 5 |
# | 2 | `maf_log_prob`: the density of one layer | 3 | ●○○○○ | 10 | 5 |
# | 3 | `maf_inverse`: a sample, one dimension after the other | 5 | ●●●○○ | 20 | 5 |
# | 4 | `stacked_log_prob`: layers over an autoregressive prior | 6 | ●●●○○ | 20 | 5 |
# | 5 | `monotone`: a neural layer, in log space | 6 | ●●●●○ | 25 | 5 |
# | 6 | `dequantised_logit`: what pixels cost | 5 | ●●○○○ | 15 | 5 |
# | 7 | a derivation, on paper | 6 | ●●●○○ | 25 | 5 |
#
# **How it works.** Replace each `raise NotImplementedError(...)` by your code. The cell below it draws a picture. The cell after that checks your function and, if
# something is wrong, says what it looks like. The graded cell runs the same check on other inputs. No exercise needs your answer to another one, and you may run the
# whole notebook at any time. Run it once from the top before you hand it in.
#
# **Conventions.** Logarithms are natural, so everything is in nats. `log_scale` is the logarithm of the *standard deviation*. `batch` is the first dimension.
#
# **What every function keeps**, and the checks try: the result has the dtype of the inputs; a batch may hold a single example; no example depends on another one in its batch; results are
# right for extreme inputs as well, without clamps or epsilons; gradients pass to the arguments that the docstring names; and no tensor that was passed in is changed.
# You may call anything in `torch` and in `course_lib`, except `course_lib.checks`.

# %% grade="locked" grade_id="setup"
import torch
from torch import Tensor

from course_lib.checks import autoregressive_flows as check
from course_lib.checks.ask import ask
from course_lib.checks.report import skip_unfinished

# %%
from course_lib.data import digits
from course_lib.figures import autoregressive_flows as figures
from course_lib.figures.autoregressive_flows.stack import Stack, moons_layers
from course_lib.figures.images import Picture
from course_lib.figures.style import P, Q, new_figure
from course_lib.training import cosine, fit

# %% [markdown]
# ## Exercise 1 · Who may look at whom
#
# 5 points · ●●○○○ · 20 minutes · slide 5
#
# One network computes all conditionals, if masks of zeros and ones remove the connections that would look ahead. `order[j]` is the place of dimension j, counted from 0. Its **degree** is
# `order[j] + 1`. A hidden unit of degree m may look at the first m dimensions in the order. An output may look at hidden units of a degree strictly lower than its own, because it must not see itself:
#
# $$\text{into}_{kj} = 1 \text{ if } \text{degree}_j \le m_k, \qquad \text{out}_{ik} = 1 \text{ if } m_k < \text{degree}_i.$$


# %% grade="solution" grade_id="made_masks"
def made_masks(order: Tensor, hidden_degrees: Tensor) -> tuple[Tensor, Tensor]:
    """Return the masks of a network with one hidden layer.

    Args:
        order: (dim,) int64, the place of each dimension: 0, ..., dim - 1, each once.
        hidden_degrees: (hidden,) int64, to how many dimensions each hidden unit may look.

    Returns:
        (into, out), (hidden, dim) and (dim, hidden): zeros and ones in the dtype of ``order``. A
        row belongs to the unit that listens, as in the weight of ``torch.nn.Linear``.
    """
    ### BEGIN SOLUTION
    degree = order + 1
    into = degree <= hidden_degrees[:, None]  # (hidden, dim)
    out = hidden_degrees < degree[:, None]  # (dim, hidden)
    return into.to(order.dtype), out.to(order.dtype)
    ### END SOLUTION


# %% [markdown]
# **Try it.** The number of paths from each input (column) to each output (row), for two orders of five dimensions. Which row is empty in the second picture?

# %% tags=["raises-exception"]
with skip_unfinished():
    canvas, panels = new_figure(columns=2, width=5.4, height=2.7)
    for panel, places in zip(panels, ([0, 1, 2, 3, 4], [2, 0, 4, 1, 3]), strict=True):
        into, out = made_masks(torch.tensor(places), torch.arange(1, 5).repeat(2))
        panel.imshow(out @ into, cmap="Blues")
        panel.set(title=f"order {places}", xlabel="input", ylabel="output")
    display(Picture(canvas, "paths from inputs to outputs, lower triangular in the order"))

# %% tags=["raises-exception"]
check.made_masks(made_masks)

# %% grade="test" grade_id="test_made_masks" points=5
# Graded: the same properties on other inputs.
check.made_masks(made_masks, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.made_masks(made_masks, seed=5081, input_scale=3.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 2 · The density of one layer
#
# 3 points · ●○○○○ · 10 minutes · slide 5
#
# A masked autoregressive flow (MAF) takes x to noise with $u_i = (x_i - \mu_i(x_{<i}))\, / \sigma_i(x_{<i})$. The Jacobian is triangular, so
#
# $$\log p(x) = \log N(u;\, 0, I) - \sum_i \log \sigma_i(x_{<i}) = \sum_i \log N(x_i;\, \mu_i, \sigma_i^2).$$
#
# The network has run already, and its outputs are given.


# %% grade="solution" grade_id="maf_log_prob"
def maf_log_prob(x: Tensor, shift: Tensor, log_scale: Tensor) -> Tensor:
    """Return the log-density of one affine autoregressive layer on white noise.

    Gradients must reach x, shift and log_scale.

    Args:
        x: (batch, dim) points; a batch of one is allowed.
        shift: (batch, dim) the means mu_i, computed from x_<i.
        log_scale: (batch, dim) the logs of the standard deviations, computed from x_<i.

    Returns:
        (batch,) log-densities, in nats.
    """
    ### BEGIN SOLUTION
    u = (x - shift) * torch.exp(-log_scale)
    log_2pi = torch.log(torch.tensor(2 * torch.pi, dtype=x.dtype))
    return (-0.5 * u**2 - 0.5 * log_2pi - log_scale).sum(-1)
    ### END SOLUTION


# %% [markdown]
# **Try it.** One dimension with three scales. The wider the conditional, the lower its peak; the mass remains 1. Which term of the formula takes care of that?

# %% tags=["raises-exception"]
with skip_unfinished():
    line = torch.linspace(-6, 6, 601)[:, None]
    canvas, (axes,) = new_figure(width=6.0, height=2.6)
    for scale, dashes in ((0.5, ":"), (1.0, "--"), (2.0, "-")):
        log_widths = torch.full_like(line, scale).log()
        density = maf_log_prob(line, torch.ones_like(line), log_widths).exp()
        mass = torch.trapezoid(density, line[:, 0])
        axes.plot(line, density, dashes, color=Q, label=f"scale {scale}: mass {mass:.3f}")
    axes.set(xlabel="x", ylabel="p(x)")
    axes.legend(frameon=False)
    display(Picture(canvas, "three Gaussian densities around 1, each of mass one"))

# %% tags=["raises-exception"]
check.maf_log_prob(maf_log_prob)

# %% grade="test" grade_id="test_maf_log_prob" points=3
# Graded: the same properties on other inputs.
check.maf_log_prob(maf_log_prob, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.maf_log_prob(maf_log_prob, seed=7127, input_scale=3.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 3 · A sample, one dimension after the other
#
# 5 points · ●●●○○ · 20 minutes · slide 5
#
# The other direction has to wait: $x_i = \mu_i(x_{<i}) + \sigma_i(x_{<i})\, u_i$ needs all earlier x. Here the conditioner is linear:
# shift = W₀ x + b₀ and log_scale = W₁ x + b₁. Both matrices are masked already, so they are zero on and above the diagonal.


# %% grade="solution" grade_id="maf_inverse"
def maf_inverse(noise: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return the point x that the layer takes to the noise: a sample, if the noise is white.

    Gradients must reach noise and bias.

    Args:
        noise: (batch, dim) white noise; a batch of one is allowed.
        weight: (2, dim, dim) weights of shift and log_scale, zero on and above the diagonal;
            row i belongs to output i.
        bias: (2, dim) biases of shift and log_scale.

    Returns:
        (batch, dim) the points x.
    """
    ### BEGIN SOLUTION
    x = torch.zeros_like(noise)
    for i in range(noise.shape[1]):
        shift = x @ weight[0].T + bias[0]
        log_scale = x @ weight[1].T + bias[1]
        value = shift + log_scale.exp() * noise
        x = torch.cat((x[:, :i], value[:, i : i + 1], x[:, i + 1 :]), 1)
    return x
    ### END SOLUTION


# %% [markdown]
# **Try it.** 1000 samples of a layer in two dimensions whose scale depends on x₁. The dots form a fan. Why does it not open downwards or upwards?

# %% tags=["raises-exception"]
with skip_unfinished():
    torch.manual_seed(0)
    weight = torch.tensor([[[0.0, 0.0], [0.5, 0.0]], [[0.0, 0.0], [0.8, 0.0]]])
    samples = maf_inverse(torch.randn(1000, 2), weight, torch.tensor([[0.0, 0.0], [0.0, -1.0]]))
    canvas, (axes,) = new_figure(width=5.0, height=2.8)
    axes.plot(samples[:, 0], samples[:, 1], ".", color=Q, ms=3)
    axes.set(xlabel="$x_1$", ylabel="$x_2$")
    display(Picture(canvas, "samples that form a fan: the spread of x2 grows with x1"))

# %% tags=["raises-exception"]
check.maf_inverse(maf_inverse)

# %% grade="test" grade_id="test_maf_inverse" points=5
# Graded: the same properties on other inputs.
check.maf_inverse(maf_inverse, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.maf_inverse(maf_inverse, seed=3307, input_scale=3.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 4 · Layers over an autoregressive prior
#
# 6 points · ●●●○○ · 20 minutes · slide 5
#
# A stack of layers takes x towards the noise: $u^{(0)} = x$ and $u^{(k)} = (u^{(k-1)} - \mu^{(k)})\, / \sigma^{(k)}$, where layer k looks at $u^{(k-1)}$. The **last** layer in the list is not undone:
# it *is* the autoregressive prior $p(u) = \prod_i N(u_i;\, \mu_i(u_{<i}), \sigma_i^2(u_{<i}))$ of what the K - 1 others leave:
#
# $$\log p(x) = \log p\big(u^{(K-1)}\big) - \sum_{k=1}^{K-1} \sum_i \log \sigma^{(k)}_i.$$
#
# `conditioner(layer, x)` (imported below) returns the shift and the log-scale of a layer. The checks hand over linear layers, as one tensor; the figure at the end hands over trained networks, as a list.
# `layers[:-1]`, `layers[-1]` and a loop work for both.


# %% grade="solution" grade_id="stacked_log_prob"
from course_lib.exact.linear_conditioner import conditioner


def stacked_log_prob(x: Tensor, layers: Tensor) -> Tensor:
    """Return the log-density of a stack of layers whose last one is the autoregressive prior.

    Gradients must reach x and the layers.

    Args:
        x: (batch, dim) points; a batch of one is allowed.
        layers: (K, 2, dim, dim + 1), or a list of K networks; ``layers[0]`` is next to the data
            and ``layers[-1]`` is the prior. ``conditioner(layers[k], u)`` returns (shift,
            log_scale) of layer k at u, each (batch, dim). K = 1 is allowed.

    Returns:
        (batch,) log-densities, in nats.
    """
    ### BEGIN SOLUTION
    log_det = torch.zeros_like(x[:, 0])
    for layer in layers[:-1]:
        shift, log_scale = conditioner(layer, x)
        x = (x - shift) * torch.exp(-log_scale)
        log_det = log_det - log_scale.sum(-1)
    shift, log_scale = conditioner(layers[-1], x)
    return torch.distributions.Normal(shift, log_scale.exp()).log_prob(x).sum(-1) + log_det
    ### END SOLUTION


# %% [markdown]
# **Try it.** The six layers of the lecture, trained on two moons, and their density by your function. The darker, the denser.

# %% tags=["raises-exception"]
with skip_unfinished():
    trained = Stack(moons_layers()).conditioners(6)
    ends = torch.linspace(-4, 4, 81, dtype=torch.double)
    grid = torch.cartesian_prod(ends, ends).flip(1)  # x_1 runs along the rows of the picture
    with torch.no_grad():
        density = stacked_log_prob(grid, trained).exp().reshape(81, 81)
    canvas, (axes,) = new_figure(width=3.4, height=3.0)
    axes.imshow(density.sqrt(), cmap="Blues", origin="lower", extent=(-4, 4, -4, 4))
    axes.set(title=f"mass {density.sum() * 0.01:.3f}", xlabel="$x_1$", ylabel="$x_2$")
    display(Picture(canvas, "the density of six layers trained on the two moons"))

# %% tags=["raises-exception"]
check.stacked_log_prob(stacked_log_prob)

# %% grade="test" grade_id="test_stacked_log_prob" points=6
# Graded: the same properties on other inputs.
check.stacked_log_prob(stacked_log_prob, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.stacked_log_prob(stacked_log_prob, seed=6961, input_scale=3.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 5 · A neural layer, in log space
#
# 6 points · ●●●●○ · 25 minutes · slide 5
#
# A neural autoregressive flow replaces the affine map of each dimension by an increasing function with K units (Huang et al., 2018):
#
# $$y = \operatorname{logit} S, \quad S = \sum_k w_k\, \sigma(a_k x + b_k), \quad a_k > 0, \quad w = \operatorname{softmax}(\text{logits}), \qquad
#   \frac{dy}{dx} = \frac{\sum_k w_k\, a_k\, \sigma(a_k x + b_k)\, \sigma(-a_k x - b_k)}{S\, (1 - S)}.$$
#
# Far from zero every sigmoid is 0 or 1 in floating point, and y and log dy/dx become infinite or NaN. Their true values are not. Use $1 - S = \sum_k w_k\, \sigma(-a_k x - b_k)$ and work with
# logarithms only: `logsigmoid` for each unit, `logsumexp` over the units.


# %% grade="solution" grade_id="monotone"
def monotone(x: Tensor, slope: Tensor, offset: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
    """Return the monotone network at each x, and the logarithm of its derivative there.

    Gradients must reach all four arguments.

    Args:
        x: (n,) points; n = 1 is allowed.
        slope: (units,) the slopes a_k > 0 themselves, not their logarithms.
        offset: (units,) the offsets b_k.
        logits: (units,) the weights are softmax(logits).

    Returns:
        (y, log_derivative), each (n,), finite and exact also at ``|x| = 50``.
    """
    ### BEGIN SOLUTION
    log_sigmoid = torch.nn.functional.logsigmoid
    t, log_w = x[:, None] * slope + offset, logits.log_softmax(-1)  # (n, units), (units,)
    log_on, log_off = log_w + log_sigmoid(t), log_w + log_sigmoid(-t)
    log_s, log_rest = log_on.logsumexp(-1), log_off.logsumexp(-1)
    log_rise = (log_on + log_sigmoid(-t) + slope.log()).logsumexp(-1)
    return log_s - log_rest, log_rise - log_s - log_rest
    ### END SOLUTION


# %% [markdown]
# **Try it.** Three units, and the density that N(0, 1) becomes: p(x) = N(y; 0, 1) dy/dx. One bump for each unit.

# %% tags=["raises-exception"]
with skip_unfinished():
    line = torch.linspace(-8, 8, 801)
    units = torch.tensor([5.0, 5.0, 5.0]), torch.tensor([20.0, 0.0, -20.0]), torch.zeros(3)
    y, log_derivative = monotone(line, *units)
    density = torch.exp(torch.distributions.Normal(0.0, 1.0).log_prob(y) + log_derivative)
    canvas, panels = new_figure(columns=2, width=7.0, height=2.6)
    panels[0].plot(line, y, color=P)
    panels[0].set(xlabel="x", ylabel="y")
    panels[1].plot(line, density, color=Q)
    panels[1].set(xlabel="x", ylabel="p(x)", title=f"mass {torch.trapezoid(density, line):.3f}")
    display(Picture(canvas, "a staircase of three steps, and a density of three bumps"))

# %% tags=["raises-exception"]
check.monotone(monotone)

# %% grade="test" grade_id="test_monotone" points=6
# Graded: the same properties on other inputs.
check.monotone(monotone, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.monotone(monotone, seed=8513, input_scale=3.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 6 · What pixels cost
#
# 5 points · ●●○○○ · 15 minutes · slide 5
#
# The digits have the grey levels 0, …, 16. Uniform noise on [0, 1) makes them continuous, a margin α keeps them away from 0 and 1, and the logit takes them to the whole line. For y = levels + noise and
# $s = α + (1 - 2α)\, y / 17$, the density of y **in grey levels** is
#
# $$\log p(y) = \log p(\operatorname{logit} s) \underbrace{- \sum_i \left(\log s_i + \log(1 - s_i)\right)}_{\text{slope}} + \underbrace{d \log(1 - 2\alpha)}_{\text{margin}} \underbrace{- d \log 17}_{\text{unit}}.$$
#
# Return the logits, and each of the three terms by itself. Any model of the logits then gives a log-density of pixels.


# %% grade="solution" grade_id="dequantised_logit"
def dequantised_logit(
    levels: Tensor, noise: Tensor, alpha: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the logits of dequantised images and the three terms of their log-density.

    Args:
        levels: (batch, dim) grey levels 0, ..., 16, as floating-point numbers.
        noise: (batch, dim) the uniform noise on [0, 1) that is to be added.
        alpha: () the margin, between 0 and 1/2.

    Returns:
        (logits, slope, margin, unit): (batch, dim), and three times (batch,), in nats per image.
    """
    ### BEGIN SOLUTION
    s = alpha + (1 - 2 * alpha) * (levels + noise) / 17
    ones, dim = torch.ones_like(s[:, 0]), s.shape[1]
    slope = -(s.log() + torch.log1p(-s)).sum(1)
    unit = -dim * torch.log(torch.tensor(17.0, dtype=s.dtype))
    return torch.logit(s), slope, dim * torch.log1p(-2 * alpha) * ones, unit * ones
    ### END SOLUTION


# %% [markdown]
# **Try it.** The three terms for the training images, in nats per image. Two of them are large and nearly cancel. Which one would you not miss?

# %% tags=["raises-exception"]
splits = digits.load("grey")
ALPHA = torch.tensor(1e-3)
with skip_unfinished():
    torch.manual_seed(0)
    images = splits.train.x.flatten(1)
    _, *terms = dequantised_logit(images, torch.rand_like(images), ALPHA)
    for name, term in zip(("slope", "margin", "unit"), terms, strict=True):
        print(f"{name:7s} {term.mean():+9.3f} nats per image")

# %% tags=["raises-exception"]
check.dequantised_logit(dequantised_logit)

# %% grade="test" grade_id="test_dequantised_logit" points=5
# Graded: the same properties on other inputs.
check.dequantised_logit(dequantised_logit, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.dequantised_logit(dequantised_logit, seed=4721, input_scale=3.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 7 · A derivation
#
# 6 points · ●●●○○ · 25 minutes · slide 5
#
# Let $p(z) = \prod_i N(z_i;\, \mu_i(z_{<i}), \sigma_i^2(z_{<i}))$ be an autoregressive prior under an invertible map x = f(z).
#
# **(a)** Show that $u_i = (z_i - \mu_i(z_{<i}))\, / \sigma_i(z_{<i})$ turns p(z) into a layer on white noise: $\log p(z) = \log N(u; 0, I) + \log|\det \partial u / \partial z|$. Say why the determinant
# is a product. (2 points)
#
# **(b)** Conclude that f over this prior, and f after one more MAF layer over N(0, I), have the same log p(x) at every x. Is the second model more powerful? (2 points)
#
# **(c)** In d dimensions, how many passes of the network do MAF and IAF need for the density of a given x, and for a sample? Give the reason in one sentence for each model, and say which of the two
# serves as the posterior of a VAE. (2 points)

# %% [markdown] grade="written" grade_id="derivation" points=6
# **(a)** $u_i$ depends on $z_1, …, z_i$ only, so $\partial u / \partial z$ is lower triangular with the diagonal $1 / \sigma_i(z_{<i})$. The determinant of a triangular matrix is the product of its diagonal:
# $\log|\det \partial u / \partial z| = -\sum_i \log \sigma_i(z_{<i})$. On the other hand
#
# $$\log p(z) = \sum_i \left[-\tfrac12 u_i^2 - \tfrac12 \log 2\pi - \log \sigma_i(z_{<i})\right] = \log N(u;\, 0, I) - \sum_i \log \sigma_i(z_{<i}),$$
#
# which is the same sum. The map u → z exists, because σ > 0 lets us solve for z₁, z₂, … in turn.
#
# **(b)** Let z = g(u) be that layer. For f over the prior, with z = f⁻¹(x): log p(x) = log p(z) + log |det ∂z/∂x|. Insert (a): log p(x) = log N(u; 0, I) + log |det ∂u/∂z| + log |det ∂z/∂x|. By the
# chain rule and det(AB) = det A det B the last two terms are log |det ∂u/∂x|, so this is the density of f ∘ g over N(0, I). It is the same density with the same parameters, so neither is more powerful.
#
# **(c)** MAF: one pass for a density, since μ and σ are functions of the data, which is all there; d passes for a sample, since $x_i$ has to wait for $x_{<i}$. IAF: one pass for a sample, since μ and σ are
# functions of the noise, which is all there; d passes for the density of a given x, since its noise has to be found one dimension after the other. The posterior of a VAE is an IAF: it draws samples, and needs the density of its own samples
# only, whose noise is known.
#
# ---
# **Mark scheme**
#
# | points | for | common losses |
# |---|---|---|
# | 1 | (a) triangular Jacobian, with the reason, and its diagonal | "the determinant is easy": no point |
# | 1 | (a) the sum of conditionals rewritten as N(u; 0, I) and the log-determinant, with the sign | sign of log σ wrong: half a point |
# | 1 | (b) change of variables twice, and the determinants multiply | equality claimed without the chain rule: half a point |
# | 1 | (b) same density, same parameters: not more powerful | "similar" or "at least as powerful" |
# | 1 | (c) all four counts | one wrong: half a point |
# | 1 | (c) both reasons, and IAF for the posterior because it needs its own samples only | posterior without the reason: half a point |
#
# **Three answers and their marks**
#
# *6 points.* The model answer, or: "∂u/∂z is triangular as u_i ignores later z, diagonal 1/σ_i. So log p(z) = log N(u) - Σ log σ. For (b) put this into log p(z) + log|det ∂f⁻¹/∂x|: determinants
# multiply, hence f∘g on N(0, I); one and the same model. (c) MAF 1 and d, as x is known; IAF d and 1, as u is known. VAE: IAF, it only scores what it drew."
#
# *4 points.* (a) complete. (b) "The prior is a layer, so the densities are equal", without the chain rule (half lost); "the second is a bit more flexible" (1 lost). (c) right counts and reasons, IAF named without a reason (half
# lost).
#
# *2 points.* (a) names the triangular Jacobian with its reason (1), then writes + Σ log σ (half). (b) quotes the slide (0). (c) says MAF 1 and d and IAF 1 and 1 (half), with no reasons (0).

# %% [markdown]
# ## All together · a flow of your own on digits
#
# Nothing below is graded. `made_masks` makes the conditioners, `dequantised_logit` turns pixels into logits, and `stacked_log_prob` is the likelihood: four layers, of which the last is the prior.
# Training takes about half a minute.


# %% grade="locked" grade_id="your_flow"
class YourConditioner(torch.nn.Module):
    """A masked network x -> (shift, log_scale), with your masks."""

    def __init__(self, order: Tensor, hidden: int = 256) -> None:
        super().__init__()
        dim = len(order)
        degrees = 1 + torch.arange(hidden) % (dim - 1)
        self.into, self.out = (mask.float() for mask in made_masks(order, degrees))
        self.first = torch.nn.Linear(dim, hidden)
        self.last = torch.nn.ModuleList(torch.nn.Linear(hidden, dim) for _ in range(2))
        for layer in self.last:  # a new layer changes nothing
            torch.nn.init.zeros_(layer.weight)
            torch.nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return shift and log_scale, each (batch, dim)."""
        masked = torch.nn.functional.linear
        hidden = torch.relu(masked(x, self.into * self.first.weight, self.first.bias))
        shift, raw = (masked(hidden, self.out * part.weight, part.bias) for part in self.last)
        return shift, 3 * torch.tanh(raw / 3)


class YourFlow(torch.nn.Module):
    """Four layers on the logits of 8x8 digits; the last one is the autoregressive prior."""

    def __init__(self, dim: int = 64, layers: int = 4) -> None:
        super().__init__()
        orders = [torch.arange(dim), torch.arange(dim).flip(0)] * (layers // 2)
        self.layers = torch.nn.ModuleList(YourConditioner(order) for order in orders)

    def log_prob(self, levels: Tensor) -> Tensor:
        """Return log p(levels + noise) in nats per image, (batch,), in units of one grey level."""
        levels = levels.flatten(1)
        logits, *terms = dequantised_logit(levels, torch.rand_like(levels), ALPHA)
        return stacked_log_prob(logits, list(self.layers)) + sum(terms)

    def losses(self, batch: Tensor) -> dict[str, Tensor]:
        """Return what is minimised."""
        return {"model": -self.log_prob(batch).mean()}


# %% tags=["raises-exception"]
torch.set_num_threads(1)  # for networks this small a second core only gets in the way
STEPS = 800
with skip_unfinished():
    torch.manual_seed(0)
    your_flow = YourFlow()
    with torch.no_grad():
        before = -your_flow.log_prob(splits.test.x).mean()
    options = {"learning_rate": cosine(3e-3, STEPS), "seed": 0, "checkpoint": "checkpoints"}
    fit(your_flow, splits.train.x, steps=STEPS, **options)
    with torch.no_grad():
        after = -torch.stack([your_flow.log_prob(splits.test.x) for _ in range(3)]).mean()
    print(f"test images: {before:.1f} nats per image before training, {after:.1f} after")

# %% [markdown]
# The second number is an upper bound on the nats of the discrete image, in the units of the lecture: compare it with the two baselines and the MAFs there.
#
# ## All together · the figures of the lecture
#
# First your `maf_log_prob` and `stacked_log_prob`: the library's density is in dashed lines. Then your `monotone`; the library's curves are dashed. As long as they coincide, so do you and the library.


# %%
def stack_or_noise(x: Tensor, layers: list) -> Tensor:
    """Return log p(x) by your functions; without any layer it is white noise."""
    if not layers:
        return maf_log_prob(x, torch.zeros_like(x), torch.zeros_like(x))
    return stacked_log_prob(x, layers)


figures.layer_by_layer(stacked_log_prob=stack_or_noise)

# %%
figures.monotone_network(monotone)
