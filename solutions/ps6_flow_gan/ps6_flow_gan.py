# %% [markdown]
# # Problem set 6 · FlowGAN
#
# **Slides 10 and 11 of Lecture 12 of [CS236](https://deepgenerativemodels.github.io/).** You write what [lecture 6](../../lectures/06_flow_gan.ipynb) compares: two divergences, the best critic and its bound, the
# losses of a generator, a coupling layer in both directions, and the loss of FlowGAN. At the end your functions train a FlowGAN on digits and drive both of the lecture's figures.
#
# | no. | exercise | points | difficulty | minutes | slide |
# |---|---|---|---|---|---|
# | 1 | `kl_and_jsd`: two divergences on a grid | 5 | ●●○○○ | 20 | 10 |
# | 2 | `optimal_logit`: the best discriminator | 2 | ●○○○○ | 5 | 10 |
# | 3 | `jsd_from_logits`: what a critic's logits prove | 4 | ●●○○○ | 15 | 10 |
# | 4 | `generator_losses`: saturating and not | 4 | ●●○○○ | 15 | 10 |
# | 5 | `coupling`: one layer, both directions | 6 | ●●●○○ | 25 | 10 |
# | 6 | `hybrid_loss`: KL + λ JSD | 5 | ●●●○○ | 20 | 11 |
# | 7 | `log_condition`: how unevenly a flow stretches | 4 | ●●○○○ | 10 | 11 |
# | 8 | a derivation, on paper | 6 | ●●●○○ | 30 | 10, 11 |
#
# **How it works.** Replace each `raise NotImplementedError(...)` by your code. The cell below it draws a picture. The cell after that checks your function and, if
# something is wrong, says what it looks like. The graded cell runs the same check on other inputs. No exercise needs your answer to another one, and you may run the
# whole notebook at any time. Run it once from the top before you hand it in. You may call the library's public functions, but not `course_lib.checks`.
#
# **Conventions.** Logarithms are natural, so everything is in nats. A *logit* l stands for the probability D = sigmoid(l) of being **data**. λ multiplies the JSD, as on
# the slide. Results keep the dtype of the inputs, float32 or float64. Do not change a tensor that was passed in.

# %% grade="locked" grade_id="setup"
import torch
from torch import Tensor

from course_lib.checks import flow_gan as check
from course_lib.checks.ask import ask
from course_lib.checks.report import skip_unfinished

# %%
from course_lib.data import digits
from course_lib.distributions import mlp
from course_lib.evaluation import classifier_two_sample
from course_lib.figures import flow_gan as figures
from course_lib.figures.images import Picture
from course_lib.figures.style import ELBO, KL, NEUTRAL, P, Q, new_figure
from course_lib.objectives import r1_penalty
from course_lib.training import cosine, fit

# %% [markdown]
# ## Exercise 1 · Two divergences
#
# 5 points · ●●○○○ · 20 minutes · slide 10
#
# Two densities p and q are given at the nodes of a grid with step dx, so an integral is a sum times dx. With m = (p + q)/2,
#
# $$KL(p, q) = \int p\, (\log p - \log q)\, dx, \qquad JSD(p, q) = \tfrac12 KL(p, m) + \tfrac12 KL(q, m).$$
#
# Densities may be zero. A point with p = 0 counts nothing, since $a \log a \to 0$ as $a \to 0$. A point with p > 0 and q = 0 makes the KL infinite. In floating point,
# 0 · log 0 is NaN, so think before you multiply.


# %% grade="solution" grade_id="kl_and_jsd"
def kl_and_jsd(p: Tensor, q: Tensor, dx: Tensor) -> tuple[Tensor, Tensor]:
    """Return KL(p, q) and JSD(p, q) of two densities on a grid.

    Args:
        p: (n,) the density of the data at the nodes; zeros are allowed.
        q: (n,) the density of the model; zeros are allowed.
        dx: () the distance between two nodes.

    Returns:
        (kl, jsd), each () and in nats. The KL is infinite if q is zero where p is not; the JSD is
        always finite. Neither is ever NaN.
    """

    ### BEGIN SOLUTION
    def kl(a: Tensor, b: Tensor) -> Tensor:
        return (torch.xlogy(a, a) - torch.xlogy(a, b)).sum() * dx

    m = (p + q) / 2
    return kl(p, q), (kl(p, m) + kl(q, m)) / 2
    ### END SOLUTION


# %% [markdown]
# **Try it.** N(0, 1) against N(s, 1), as the shift s grows. Which divergence goes on telling the generator how far away it is?

# %% tags=["raises-exception"]
with skip_unfinished():
    x = torch.linspace(-8, 14, 441, dtype=torch.double)
    shifts = torch.linspace(0, 6, 31, dtype=torch.double)
    normal = torch.distributions.Normal(0.0, 1.0)
    both = [
        kl_and_jsd(normal.log_prob(x).exp(), normal.log_prob(x - s).exp(), x[1] - x[0])
        for s in shifts
    ]
    canvas, (axes,) = new_figure(width=6.0, height=2.6)
    axes.plot(shifts, [float(kl) for kl, _ in both], color=KL, label="KL")
    axes.plot(shifts, [float(jsd) for _, jsd in both], "--", color=ELBO, label="JSD")
    axes.axhline(torch.tensor(2.0).log(), color=NEUTRAL, ls=":", label="log 2")
    axes.set(xlabel="shift", ylabel="nats", ylim=(0, 3))
    axes.legend(frameon=False)
    display(Picture(canvas, "the KL grows with the shift squared, the JSD levels off at log 2"))

# %% tags=["raises-exception"]
check.kl_and_jsd(kl_and_jsd)

# %% grade="test" grade_id="test_kl_and_jsd" points=5
# Graded: the same properties on other inputs.
check.kl_and_jsd(kl_and_jsd, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.kl_and_jsd(kl_and_jsd, seed=3307, input_scale=2.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 2 · The best discriminator
#
# 2 points · ●○○○○ · 5 minutes · slide 10
#
# If half of the points come from the data, of density p, and half from the model, of density q, then the probability that x is data is
#
# $$D^*(x) = \frac{p(x)}{p(x) + q(x)}.$$
#
# Critics compute the *logit*, log D - log(1 - D). Simplify it before you compute: far away from both distributions, p and q are zero in floating point, but their
# logarithms are not.


# %% grade="solution" grade_id="optimal_logit"
def optimal_logit(log_p: Tensor, log_q: Tensor) -> Tensor:
    """Return the logit of the optimal discriminator at each point.

    Gradients must reach both arguments.

    Args:
        log_p: (batch,) log-density of the data at each point; a batch of one is allowed.
        log_q: (batch,) log-density of the model.

    Returns:
        (batch,) logits, finite also where both densities round to zero.
    """
    ### BEGIN SOLUTION
    return log_p - log_q
    ### END SOLUTION


# %% [markdown]
# **Try it.** Data N(0, 1) and a model that is too wide, N(0, 2²). Where does the best discriminator say "data", and is it ever sure?

# %% tags=["raises-exception"]
with skip_unfinished():
    x = torch.linspace(-6, 6, 241, dtype=torch.double)
    narrow, wide = torch.distributions.Normal(0.0, 1.0), torch.distributions.Normal(0.0, 2.0)
    d = torch.sigmoid(optimal_logit(narrow.log_prob(x), wide.log_prob(x)))
    canvas, (axes,) = new_figure(width=6.0, height=2.6)
    axes.plot(x, narrow.log_prob(x).exp(), color=P, label="data")
    axes.plot(x, wide.log_prob(x).exp(), "--", color=Q, label="model")
    axes.plot(x, d, ":", color="black", lw=2, label="D*")
    axes.set(xlabel="x", ylabel="density, or D*", ylim=(0, 1))
    axes.legend(frameon=False)
    display(Picture(canvas, "D* is two thirds in the middle and falls to zero on both sides"))

# %% tags=["raises-exception"]
check.optimal_logit(optimal_logit)

# %% grade="test" grade_id="test_optimal_logit" points=2
# Graded: the same properties on other inputs.
check.optimal_logit(optimal_logit, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.optimal_logit(optimal_logit, seed=7411, input_scale=3.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 3 · What a critic's logits prove
#
# 4 points · ●●○○○ · 15 minutes · slide 10
#
# The critic of a GAN maximises the value of the game,
#
# $$V = E_{p_{data}}[\log D(x)] + E_{p}[\log(1 - D(x))].$$
#
# At the best critic it is $2\, JSD(p_{data}, p) - \log 4$, and no critic does better. So every critic gives a lower bound on the JSD, V/2 + log 2. Estimate it from
# samples: each expectation is the mean over its own side. A critic can be very sure, so stay with the logits: $-\log \mathrm{sigmoid}(l) = \mathrm{softplus}(-l)$.


# %% grade="solution" grade_id="jsd_from_logits"
def jsd_from_logits(data_logits: Tensor, model_logits: Tensor) -> Tensor:
    """Return the lower bound on the JSD that a critic's logits give.

    Gradients must reach both arguments.

    Args:
        data_logits: (n,) the critic's logits on data, n >= 1.
        model_logits: (m,) its logits on samples of the model, m >= 1; m may differ from n.

    Returns:
        () the estimate V/2 + log 2, in nats, finite also for logits of 200.
    """
    ### BEGIN SOLUTION
    softplus = torch.nn.functional.softplus
    value = -softplus(-data_logits).mean() - softplus(model_logits).mean()
    return value / 2 + torch.log(torch.tensor(2.0, dtype=value.dtype))
    ### END SOLUTION


# %% [markdown]
# **Try it.** 5000 draws of N(0, 1) and of N(2, 1), for which the best logit is 2 - 2x. Your bound for c times that logit: where is it largest, and how fast does it fall?

# %% tags=["raises-exception"]
with skip_unfinished():
    torch.manual_seed(0)
    data, model = torch.randn(5000), 2 + torch.randn(5000)
    factors = torch.linspace(0, 3, 31)
    bounds = [float(jsd_from_logits(c * (2 - 2 * data), c * (2 - 2 * model))) for c in factors]
    canvas, (axes,) = new_figure(width=6.0, height=2.6)
    axes.plot(factors, bounds, color=Q)
    axes.axvline(1, color=NEUTRAL, ls=":")
    axes.set(xlabel="factor c of the logit", ylabel="bound on the JSD, nats")
    display(Picture(canvas, "the bound rises from 0, is largest near c = 1 and falls again"))

# %% tags=["raises-exception"]
check.jsd_from_logits(jsd_from_logits)

# %% grade="test" grade_id="test_jsd_from_logits" points=4
# Graded: the same properties on other inputs.
check.jsd_from_logits(jsd_from_logits, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.jsd_from_logits(jsd_from_logits, seed=5923, input_scale=3.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 4 · Two losses for the generator
#
# 4 points · ●●○○○ · 15 minutes · slide 10
#
# Only the second term of V depends on the generator. Minimising it is the game of the slide; most code minimises another loss with the same goal:
#
# $$\text{saturating: } E_p[\log(1 - D(x))], \qquad \text{non-saturating: } -E_p[\log D(x)].$$
#
# Half of the first has exactly the gradient of the JSD, if the critic is optimal. The second does not, but it keeps a slope where the critic is sure. Both are to be
# minimised: a larger logit on samples lowers either.


# %% grade="solution" grade_id="generator_losses"
def generator_losses(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Return both losses of a generator, means over the samples.

    Gradients must reach the logits.

    Args:
        logits: (batch,) the critic's logits on samples of the model; a batch of one is allowed.

    Returns:
        (saturating, non_saturating), each () and in nats: E[log(1 - D)] and -E[log D], finite
        also for logits of 200.
    """
    ### BEGIN SOLUTION
    softplus = torch.nn.functional.softplus
    return -softplus(logits).mean(), softplus(-logits).mean()
    ### END SOLUTION


# %% [markdown]
# **Try it.** The slope of each loss against the logit of one sample. A sure critic gives its samples very negative logits: who still learns there?

# %% tags=["raises-exception"]
with skip_unfinished():
    logits = torch.linspace(-6, 6, 61, requires_grad=True)
    slopes = []
    for place in (0, 1):
        total = sum(generator_losses(logit[None])[place] for logit in logits)
        slopes.append(torch.autograd.grad(total, logits)[0])
    canvas, (axes,) = new_figure(width=6.0, height=2.6)
    axes.plot(logits.detach(), slopes[0], color=P, label="saturating")
    axes.plot(logits.detach(), slopes[1], "--", color=Q, label="non-saturating")
    axes.set(xlabel="logit of a sample", ylabel="slope of the loss")
    axes.legend(frameon=False)
    display(Picture(canvas, "one slope vanishes at low logits, the other at high logits"))

# %% tags=["raises-exception"]
check.generator_losses(generator_losses)

# %% grade="test" grade_id="test_generator_losses" points=4
# Graded: the same properties on other inputs.
check.generator_losses(generator_losses, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.generator_losses(generator_losses, seed=2411, input_scale=3.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 5 · A coupling layer
#
# 6 points · ●●●○○ · 25 minutes · slide 10
#
# A flow is a generator that can be run backwards. In a coupling layer (RealNVP) the entries with mask = 1 pass unchanged, and a network reads only them to choose a shift t
# and a log-scale s for the others. So the network's output is the same in both directions, and here it is given:
#
# $$\text{direction } +1\ (z \to x): \quad y = x\, e^s + t, \qquad \text{direction } -1\ (x \to z): \quad y = (x - t)\, e^{-s} \qquad \text{where mask} = 0.$$
#
# Return the result together with $\log|\det \partial y / \partial x|$ **of the direction that was run**.


# %% grade="solution" grade_id="coupling"
def coupling(
    x: Tensor, mask: Tensor, shift: Tensor, log_scale: Tensor, direction: Tensor
) -> tuple[Tensor, Tensor]:
    """Return a coupling layer's result and its log-determinant.

    Gradients must reach x, shift and log_scale.

    Args:
        x: (batch, dim) the input; a batch of one is allowed.
        mask: (dim,) of ones, where the input passes unchanged, and zeros, where it is transformed.
        shift: (batch, dim) t; its values where mask = 1 must not matter.
        log_scale: (batch, dim) s; its values where mask = 1 must not matter.
        direction: () +1.0 from z to x, -1.0 from x to z.

    Returns:
        (y, log_det): (batch, dim) and (batch,), the latter in nats.
    """
    ### BEGIN SOLUTION
    s, t = (1 - mask) * log_scale, (1 - mask) * shift
    if direction > 0:
        return x * s.exp() + t, s.sum(-1)
    return (x - t) * (-s).exp(), -s.sum(-1)
    ### END SOLUTION


# %% [markdown]
# **Try it.** Draws of N(0, I) in the plane, pushed through one layer. The first coordinate passes, and decides how the second is shifted and scaled. Which curves does a
# single layer never draw?

# %% tags=["raises-exception"]
with skip_unfinished():
    torch.manual_seed(0)
    z = torch.randn(1500, 2)
    first = torch.tensor([1.0, 0.0])
    bend = 0.7 * z[:, :1] ** 2 - 1, 0.5 * z[:, :1] - 0.5
    shift, log_scale = (torch.cat([0 * part, part], 1) for part in bend)
    y, log_det = coupling(z, first, shift, log_scale, torch.tensor(1.0))
    canvas, (left, right) = new_figure(columns=2, width=6.6, height=3.0)
    left.scatter(*z.T, s=3, color=NEUTRAL)
    left.set(title="z", xlim=(-4, 4), ylim=(-4, 6), xlabel="first", ylabel="second")
    dots = right.scatter(*y.T, s=3, c=log_det, cmap="viridis")
    right.set(title="x", xlim=(-4, 4), ylim=(-4, 6), xlabel="first")
    canvas.colorbar(dots, ax=right, label="log|det|")
    display(Picture(canvas, "a round cloud becomes a parabola that is wide on the right"))

# %% tags=["raises-exception"]
check.coupling(coupling)

# %% grade="test" grade_id="test_coupling" points=6
# Graded: the same properties on other inputs.
check.coupling(coupling, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.coupling(coupling, seed=9241, input_scale=2.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 6 · The loss of FlowGAN
#
# 5 points · ●●●○○ · 20 minutes · slide 11
#
# A flow has a likelihood and makes samples, so it can be trained by both:
#
# $$\min_p\; KL(p_{data}, p) + \lambda\, JSD(p_{data}, p).$$
#
# The KL is $-E_{p_{data}}[\log p(x)]$ up to a constant, and the JSD is estimated by V/2 + log 2, as in exercise 3. λ is on the JSD, as on the slide (the authors' code
# has the inverse weight on the likelihood). Both ends belong to the family: λ = 0 is the likelihood alone, even if the critic's logits are infinite; λ = ∞ is the JSD alone,
# even if log p(x) is -∞.


# %% grade="solution" grade_id="hybrid_loss"
def hybrid_loss(
    log_prob: Tensor, data_logits: Tensor, model_logits: Tensor, lambda_: Tensor
) -> Tensor:
    """Return what FlowGAN's generator minimises: -E[log p] + lambda (V/2 + log 2).

    Gradients must reach log_prob and both sides' logits.

    Args:
        log_prob: (batch,) log p(x) of data, in nats; a batch of one is allowed.
        data_logits: (n,) the critic's logits on data.
        model_logits: (m,) its logits on samples of the model; m may differ from n.
        lambda_: () the weight of the JSD, zero and infinity included.

    Returns:
        () the loss: a mean, not a sum, over each batch. For lambda 0 the likelihood's term alone,
        for lambda infinity the JSD's alone, both finite if that term is.
    """
    ### BEGIN SOLUTION
    softplus = torch.nn.functional.softplus
    value = -softplus(-data_logits).mean() - softplus(model_logits).mean()
    jsd = value / 2 + torch.log(torch.tensor(2.0, dtype=value.dtype))
    if lambda_ == 0:
        return -log_prob.mean()
    return jsd if torch.isinf(lambda_) else lambda_ * jsd - log_prob.mean()
    ### END SOLUTION


# %% [markdown]
# **Try it.** The loss against λ, for one batch with a likelihood of 2 nats per point and a critic that tells most samples. Is your value at λ = 0 the height at which the line begins?

# %% tags=["raises-exception"]
with skip_unfinished():
    torch.manual_seed(0)
    log_prob, data_logits, model_logits = -2 + torch.randn(50), 1 + torch.randn(50), torch.randn(50)
    weights = torch.linspace(0, 10, 21)
    losses = [hybrid_loss(log_prob, data_logits, model_logits - 1, w) for w in weights]
    canvas, (axes,) = new_figure(width=6.0, height=2.6)
    axes.plot(weights, losses, color=P, label="hybrid loss")
    axes.axhline(-log_prob.mean(), color=NEUTRAL, ls=":", label="-E[log p]")
    axes.set(xlabel="λ", ylabel="nats")
    axes.legend(frameon=False)
    display(Picture(canvas, "a straight line that begins at the negative log-likelihood"))

# %% tags=["raises-exception"]
check.hybrid_loss(hybrid_loss)

# %% grade="test" grade_id="test_hybrid_loss" points=5
# Graded: the same properties on other inputs.
check.hybrid_loss(hybrid_loss, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.hybrid_loss(hybrid_loss, seed=6737, input_scale=3.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 7 · How unevenly a flow stretches
#
# 4 points · ●●○○○ · 10 minutes · slide 11
#
# An adversary does not see the density, only samples. Nothing stops a flow that is trained by it from squeezing some direction of z almost to zero. The **condition number** of the
# Jacobian dx/dz says how unevenly it stretches: the largest singular value over the smallest. Return its logarithm to base 10.


# %% grade="solution" grade_id="log_condition"
def log_condition(jacobian: Tensor) -> Tensor:
    """Return log10 of the condition number of each Jacobian.

    Args:
        jacobian: (batch, dim, dim) dx/dz at each point, invertible, dim >= 2; a batch of one is
            allowed.

    Returns:
        (batch,) log10 of the largest over the smallest singular value; in float64 accurate to six
        digits also for condition numbers of 10^10.
    """
    ### BEGIN SOLUTION
    singular = torch.linalg.svdvals(jacobian)  # (batch, dim), the largest first
    return (singular[:, 0] / singular[:, -1]).log10()
    ### END SOLUTION


# %% [markdown]
# **Try it.** A shear, (x, y) → (x + ky, y), has determinant 1 and both eigenvalues 1 for every k. Is it well conditioned?

# %% tags=["raises-exception"]
with skip_unfinished():
    strengths = torch.linspace(0, 30, 61, dtype=torch.double)
    shears = torch.eye(2).double().repeat(61, 1, 1)
    shears[:, 0, 1] = strengths
    canvas, (axes,) = new_figure(width=6.0, height=2.6)
    axes.plot(strengths, log_condition(shears), color=P)
    axes.set(xlabel="strength k of the shear", ylabel="log10 condition number")
    display(Picture(canvas, "the condition number of a shear grows from 1 to about 1000"))

# %% tags=["raises-exception"]
check.log_condition(log_condition)

# %% grade="test" grade_id="test_log_condition" points=4
# Graded: the same properties on other inputs.
check.log_condition(log_condition, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.log_condition(log_condition, seed=8513, input_scale=2.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 8 · A derivation
#
# 6 points · ●●●○○ · 30 minutes · slides 10, 11
#
# Let p be the density of the data and q that of the model. You may use that $KL(a, b) \ge 0$, with equality only for a = b.
#
# **(a)** Show that the best discriminator is $D^* = p / (p + q)$ and that the value of the game there is $V(D^*) = 2\, JSD(p, q) - \log 4$. (2 points)
#
# **(b)** Show that $KL(p, q) = 0$ if and only if $JSD(p, q) = 0$. (2 points)
#
# **(c)** Nevertheless slide 11 says that optimising one need not optimise the other. Name the assumption that is needed for "minimise the KL" and "minimise the JSD" to have the same solution, and say
# for a Gaussian model of a mixture with two distant peaks what each divergence prefers, and which property of its formula makes it do so. (2 points)

# %% [markdown] grade="written" grade_id="derivation" points=6
# **(a)** $V = \int p \log D + q \log(1 - D)\, dx$. At each x the integrand $p \log D + q \log(1 - D)$ is concave in D, and its derivative $p/D - q/(1 - D)$ is zero at $D = p/(p + q)$: this is
# the maximum, point by point. With m = (p + q)/2, $D^* = p / (2m)$ and $1 - D^* = q / (2m)$, so
#
# $$V(D^*) = \int p \log \frac{p}{2m} + q \log \frac{q}{2m}\, dx = KL(p, m) + KL(q, m) - 2 \log 2 = 2\, JSD(p, q) - \log 4.$$
#
# **(b)** If KL(p, q) = 0, then p = q, so m = p = q and both terms of the JSD are KL(p, p) = 0. If JSD(p, q) = 0, then KL(p, m) = KL(q, m) = 0, because neither is negative, so p = m = q, and
# KL(p, q) = 0.
#
# **(c)** The family must contain p_data: then both minima are zero and are reached at the same place. If it does not, neither zero is reached, and (b) says nothing about what comes second. For
# two distant peaks and one Gaussian, the KL prefers a wide Gaussian that covers both: where q is nearly zero and p is not, $p \log(p / q)$ is huge. The JSD compares with
# m ≥ p/2, so that the log-ratio is at most log 2 everywhere: a lost peak costs little, and a Gaussian that fits one peak is better than one that puts mass between the peaks.
#
# ---
# **Mark scheme**
#
# | points | for | common losses |
# |---|---|---|
# | 1 | (a) D* as the maximum at each x, with a reason why it is one | the derivative is set to zero without a word on the maximum: half a point |
# | 1 | (a) D* inserted, m recognised, and the constant log 4 | log 2 in the place of log 4; the factor 2 lost |
# | 1 | (b) from KL = 0 to JSD = 0 | |
# | 1 | (b) from JSD = 0 to KL = 0, using that both halves are not negative | only one direction shown; "by symmetry" |
# | 1 | (c) the family must contain p_data (the model is well specified) | "if the optimiser converges" |
# | 1 | (c) KL covers, JSD gives up a peak, with the reason in the formula (unbounded ratio, and ratio to m at most 2) | preference without reason: half a point |
#
# **Three answers and their marks**
#
# *6 points.* The model answer, or: "(a) For fixed x the function a log y + b log(1 - y) is concave with its top at a/(a + b) ... V = KL(p, m) + KL(q, m) - log 4. (b) KL = 0 ⟺ p = q ⟺ both halves zero, as each
# half is ≥ 0. (c) Needs p_data in the family. KL: log p/q unbounded, so q must cover. JSD: p/m ≤ 2, so a missed peak costs at most a bounded amount."
#
# *4 points.* (a) right, but D* is only shown to be stationary (half lost). (b) "JSD = 0, so p = q", without a word on the two halves (half lost); the other direction is complete. (c) Names the
# assumption; "KL covers and JSD picks a peak", with no reason (half lost), and "a lost peak costs no JSD at all", which is wrong (half lost).
#
# *2 points.* (a) derives D* with the argument that the integrand is concave, but ends at V = 2 JSD - log 2 (1 of 2). (b) shows that KL = 0 implies JSD = 0, and no more (1 of 2).
# (c) "Because GANs are hard to train" (0).

# %% [markdown]
# ## All together · a FlowGAN of your own
#
# Nothing below is graded. The class holds networks and masks, but neither a layer nor a loss: `coupling`, `jsd_from_logits` and `hybrid_loss` are yours. It models 8x8 digits
# in a space where each pixel has mean 0 and standard deviation 1. Training takes about ten seconds for each λ.


# %% grade="locked" grade_id="your_flow_gan"
class YourFlowGAN(torch.nn.Module):
    """Six of your coupling layers on 64 numbers, a critic, and your losses."""

    def __init__(self, lambda_: float) -> None:
        super().__init__()
        even = (torch.arange(8)[:, None] + torch.arange(8)).flatten() % 2.0
        self.masks = [even if layer % 2 else 1 - even for layer in range(6)]
        self.networks = torch.nn.ModuleList(mlp(64, (100,), 128) for _ in self.masks)
        for network in self.networks:  # the flow starts at the identity
            torch.nn.init.zeros_(network[-1].weight)
            torch.nn.init.zeros_(network[-1].bias)
        self.judge = mlp(64, (200, 200), 1, activation=torch.nn.SiLU)
        self.lambda_ = torch.tensor(lambda_)

    def push(self, x: Tensor, direction: float) -> tuple[Tensor, Tensor]:
        """Return x after all layers, in the order of the direction, and the log-determinant."""
        total = x.new_zeros(len(x))
        for layer in range(len(self.masks))[:: int(direction)]:
            mask = self.masks[layer]
            shift, raw = self.networks[layer](mask * x).chunk(2, -1)
            x, log_det = coupling(x, mask, shift, torch.tanh(raw), torch.tensor(direction))
            total = total + log_det
        return x, total

    def log_prob(self, x: Tensor) -> Tensor:
        """Return log p(x), (batch,)."""
        z, log_det = self.push(x, -1.0)
        return torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(-1) + log_det

    def sample(self, n: int) -> Tensor:
        """Return n samples, through which gradients flow: (n, 64)."""
        return self.push(torch.randn(n, 64), 1.0)[0]

    def critic(self, x: Tensor) -> Tensor:
        """Return the critic's logits, (batch,)."""
        return self.judge(x)[:, 0]

    def jacobians(self, n: int) -> Tensor:
        """Return dx/dz at n draws of z, (n, 64, 64)."""
        z = torch.randn(n, 64, requires_grad=True)
        x = self.push(z, 1.0)[0]
        rows = [torch.autograd.grad(one.sum(), z, retain_graph=True)[0] for one in x.unbind(-1)]
        return torch.stack(rows, 1)

    def players(self) -> dict[str, list[torch.nn.Parameter]]:
        """Return who moves which weights."""
        flow, judge = list(self.networks.parameters()), list(self.judge.parameters())
        return {"critic": judge, "generator": flow}

    def turns(self) -> tuple[str, ...]:
        """Return the order of one step."""
        return ("critic", "generator")

    def loss(self, batch: Tensor, player: str) -> Tensor:
        """Return what one player minimises, by your functions."""
        samples = self.sample(len(batch))
        if player == "critic":
            bound = jsd_from_logits(self.critic(batch), self.critic(samples.detach()))
            return 0.1 * r1_penalty(self.critic, batch) - bound
        logits = self.critic(batch), self.critic(samples)
        return hybrid_loss(self.log_prob(batch), *logits, self.lambda_)


# %% tags=["raises-exception"]
torch.set_num_threads(1)  # for networks this small a second core only gets in the way
splits, generator = digits.load("grey"), torch.Generator().manual_seed(0)


def logit_pixels(x: Tensor) -> Tensor:
    """Return dequantised pixels as 64 real numbers."""
    return torch.logit(0.05 + 0.9 * digits.dequantise(x, generator).flatten(1) / 17)


train = torch.cat([logit_pixels(splits.train.x) for _ in range(4)])
mean, scale = train.mean(0), train.std(0)
train, test = (train - mean) / scale, (logit_pixels(splits.test.x) - mean) / scale
STEPS = 500
yours = {}
with skip_unfinished():
    for lambda_ in (0.0, 30.0):
        torch.manual_seed(0)
        model = YourFlowGAN(lambda_)
        model.loss(train[:2], "generator")  # an unfinished exercise shows here
        model.loss(train[:2], "critic")
        options = {"learning_rate": cosine(1e-3, STEPS), "betas": (0.5, 0.9), "seed": 0}
        fit(model, train, steps=STEPS, **options, checkpoint="checkpoints")
        yours[lambda_] = model

# %% tags=["raises-exception"]
with skip_unfinished():
    for lambda_, model in yours.items():
        torch.manual_seed(0)
        with torch.no_grad():
            nats, samples = -model.log_prob(test).mean(), model.sample(len(test))
        condition = log_condition(model.jacobians(16)).median()
        accuracy = classifier_two_sample(test, samples).statistic
        print(
            f"λ = {lambda_:2.0f}: -log p {nats:.2f} nats per test image, C2ST {accuracy:.3f}"
            f" (0.5 is best), log10 condition {condition:.2f}"
        )

# %% [markdown]
# The C2ST is the accuracy of a classifier that must tell samples from test images. Compare the two rows: what did the JSD buy, and what did it cost in likelihood?
#
# ## All together · the figures of the lecture
#
# In the first figure the dots are your `kl_and_jsd`, and the curves the library's. In the second the critic is your `optimal_logit`, its bound your `jsd_from_logits`, and the library's are dashed. As long
# as they coincide, so do you and the library.

# %%
figures.two_objectives(kl_and_jsd)

# %%
figures.discriminator(optimal_logit, jsd_from_logits)
