# %% [markdown]
# # Problem set 4 · Several modalities
#
# **Slide 8 of Lecture 12 of [CS236](https://deepgenerativemodels.github.io/).** You write what lecture 4 is built from: the product of experts that combines what two
# views say, the tie that fits q(z|x1) to q(z|x1,x2), a bound on log p(x2|x1), and the bound of a VAE in which the second view is a label. At the end your functions train
# a VAE on grey and coloured digits and drive both figures of the lecture.
#
# | no. | exercise | points | difficulty | minutes | slide |
# |---|---|---|---|---|---|
# | 1 | `gaussian_product`: a product of experts | 6 | ●●●○○ | 25 | 8 |
# | 2 | `gaussian_kl`: the KL of two Gaussians | 4 | ●●○○○ | 15 | 8 |
# | 3 | `tied_objective`: what ties the three nets | 5 | ●●●○○ | 20 | 8 |
# | 4 | `moment_match`: where the forward tie leads | 5 | ●●●○○ | 20 | 8 |
# | 5 | `conditional_bound`: the likelihood of one view given another | 4 | ●●●○○ | 15 | 8 |
# | 6 | `semi_supervised_bound`: a view that is a label | 6 | ●●●●○ | 25 | 8 |
# | 7 | a derivation, on paper | 6 | ●●●○○ | 25 | 8 |
#
# **How it works.** Replace each `raise NotImplementedError(...)` by your code. The cell below it draws a picture. The cell after that checks your function and, if
# something is wrong, says what it looks like. The graded cell runs the same check on other inputs. No exercise needs your answer to another one, and you may run the
# whole notebook at any time. Run it once from the top before you hand it in. You may call the library's public functions, but not `course_lib.checks`.
#
# **Conventions.** Logarithms are natural, so everything is in nats. `log_scale` is the logarithm of the *standard deviation* s, so the variance is
# $s^2 = e^{2\,\mathrm{log\_scale}}$. All Gaussians have independent dimensions. The first axis is the batch, and a batch of one is allowed, except where a docstring says otherwise.
# Results keep the dtype of the inputs, float32 or float64. Do not change a tensor that was passed in.

# %% grade="locked" grade_id="setup"
import torch
from torch import Tensor

from course_lib.checks import multimodal as check
from course_lib.checks.ask import ask
from course_lib.checks.report import skip_unfinished

# %%
from course_lib.data import pairs
from course_lib.distributions import DiagonalGaussian, IndependentBernoulli, mlp
from course_lib.figures import multimodal as figures
from course_lib.figures.images import Picture
from course_lib.figures.style import KL, NEUTRAL, P, Q, new_figure
from course_lib.training import cosine, fit

# %% [markdown]
# ## Exercise 1 · A product of experts
#
# 6 points · ●●●○○ · 25 minutes · slide 8
#
# Several views of one z are independent given z. Each view m contributes a factor, its *expert* $N(z; \mu_m, \mathrm{diag}(s_m^2))$, and the prior $p(z) = N(0, I)$ is one
# more factor. It counts **once**, whatever was observed:
#
# $$q(z \mid x_S) \propto N(z; 0, I) \prod_{m \in S} N(z; \mu_m, \mathrm{diag}(s_m^2)).$$
#
# The product of Gaussian densities is Gaussian again. Its precision (one over the variance) is the sum of the precisions, and its mean is the mean of the means, weighted
# by precision. A view that is absent has no factor. Its numbers are still in the tensors, and may be anything finite.


# %% grade="solution" grade_id="gaussian_product"
def gaussian_product(mu: Tensor, log_scale: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and log scale of the prior N(0, I) times the experts that are present.

    Gradients must reach mu and log_scale.

    Args:
        mu: (batch, experts, dim) means; those of absent experts are arbitrary.
        log_scale: (batch, experts, dim) logs of standard deviations, between -20 and 20.
        present: (batch, experts) bool: which views were observed; in each row any of them, or none.

    Returns:
        (mu, log_scale) of the product, each (batch, dim).
    """
    ### BEGIN SOLUTION
    precision = torch.exp(-2 * log_scale) * present[:, :, None]
    total = 1 + precision.sum(1)  # (batch, dim): the prior has precision 1
    return (precision * mu).sum(1) / total, -0.5 * total.log()
    ### END SOLUTION


# %% [markdown]
# **Try it.** One expert says z = 2 and becomes more and more certain. Where does the product lie, and why never at 2?

# %% tags=["raises-exception"]
with skip_unfinished():
    log_scales = torch.linspace(2, -3, 51)[:, None, None]
    there = torch.ones(51, 1, dtype=torch.bool)
    mean, log_scale = gaussian_product(torch.full_like(log_scales, 2.0), log_scales, there)
    width, precision = log_scale[:, 0].exp(), torch.exp(-2 * log_scales[:, 0, 0])
    canvas, (axes,) = new_figure(width=6.0, height=2.6)
    axes.fill_between(precision, mean[:, 0] - width, mean[:, 0] + width, color=Q, alpha=0.25)
    axes.plot(precision, mean[:, 0], color=Q, label="product, ± one standard deviation")
    axes.axhline(2, color=NEUTRAL, ls=":", label="the expert's mean")
    axes.set(xscale="log", xlabel="precision of the expert", ylabel="z")
    axes.legend(frameon=False, loc="lower right")
    display(Picture(canvas, "the product moves from 0 towards 2 and narrows with the precision"))

# %% tags=["raises-exception"]
check.gaussian_product(gaussian_product)

# %% grade="test" grade_id="test_gaussian_product" points=6
# Graded: the same properties on other inputs.
check.gaussian_product(gaussian_product, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.gaussian_product(gaussian_product, seed=5209, input_scale=2.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 2 · The KL of two Gaussians
#
# 4 points · ●●○○○ · 15 minutes · slide 8
#
# The three inference nets of slide 8 are compared by a KL. For one dimension,
#
# $$KL\big(N(\mu_1, s_1^2),\, N(\mu_2, s_2^2)\big) = \log\frac{s_2}{s_1} + \frac{s_1^2 + (\mu_1 - \mu_2)^2}{2 s_2^2} - \frac12,$$
#
# and independent dimensions add up. The order matters: the average is over the *first* Gaussian.


# %% grade="solution" grade_id="gaussian_kl"
def gaussian_kl(mu1: Tensor, log_scale1: Tensor, mu2: Tensor, log_scale2: Tensor) -> Tensor:
    """Return KL(N(mu1, diag(s1^2)), N(mu2, diag(s2^2))), one number per example.

    Gradients must reach all four arguments.

    Args:
        mu1: (batch, dim) mean of the first Gaussian, over which the average is taken.
        log_scale1: (batch, dim) log of its standard deviation.
        mu2: (batch, dim) mean of the second.
        log_scale2: (batch, dim) log of its standard deviation.

    Returns:
        (batch,) nats, exact also for Gaussians that lie far apart.
    """
    ### BEGIN SOLUTION
    square = torch.exp(2 * log_scale1) + (mu1 - mu2) ** 2
    terms = log_scale2 - log_scale1 + 0.5 * square * torch.exp(-2 * log_scale2) - 0.5
    return terms.sum(-1)
    ### END SOLUTION


# %% [markdown]
# **Try it.** A wide Gaussian (s = 2) and one of scale s at the same place. Both directions against log s. Which direction punishes a narrow one?

# %% tags=["raises-exception"]
with skip_unfinished():
    log_s = torch.linspace(-2, 2, 81)[:, None]
    zero, wide = torch.zeros_like(log_s), torch.full_like(log_s, 2.0).log()
    canvas, (axes,) = new_figure(width=6.0, height=2.6)
    forward = gaussian_kl(zero, wide, zero, log_s)
    axes.plot(log_s, forward, color=P, label="KL(wide, N(0, s²))")
    reverse = gaussian_kl(zero, log_s, zero, wide)
    axes.plot(log_s, reverse, "--", color=KL, label="KL(N(0, s²), wide)")
    axes.set(xlabel="log s", ylabel="nats", ylim=(0, 8))
    axes.legend(frameon=False)
    display(Picture(canvas, "the first direction grows much faster as s becomes small"))

# %% tags=["raises-exception"]
check.gaussian_kl(gaussian_kl)

# %% grade="test" grade_id="test_gaussian_kl" points=4
# Graded: the same properties on other inputs.
check.gaussian_kl(gaussian_kl, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.gaussian_kl(gaussian_kl, seed=7307, input_scale=2.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 3 · What ties the three nets
#
# 5 points · ●●●○○ · 20 minutes · slide 8
#
# The net $q(z|x_1, \dots, x_M)$ is trained by the ELBO. The nets $q(z|x_m)$ of single views are fitted to it (JMVAE: Suzuki, Nakayama, Matsuo, 2016):
#
# $$\text{maximise} \quad L(x_1, \dots, x_M) - \alpha \sum_m KL\big(q(z|x_1, \dots, x_M),\ q(z|x_m)\big).$$
#
# The tie is there for the nets of single views. In this course it must not move the joint posterior, which the ELBO alone trains: **no gradient of the KLs may
# reach the parameters of the joint posterior.** Its values count, its gradient does not.


# %% grade="solution" grade_id="tied_objective"
def tied_objective(
    elbo: Tensor,
    joint_mu: Tensor,
    joint_log_scale: Tensor,
    mu: Tensor,
    log_scale: Tensor,
    alpha: Tensor,
) -> Tensor:
    """Return the ELBO minus alpha times the sum of the forward KLs, with the joint net held.

    Gradients must reach elbo, mu and log_scale, and none may reach joint_mu or joint_log_scale.

    Args:
        elbo: (batch,) the joint ELBO of each example, in nats.
        joint_mu: (batch, dim) mean of q(z|x1, ..., xM).
        joint_log_scale: (batch, dim) log of its standard deviation.
        mu: (batch, modalities, dim) means of the q(z|x_m); one modality is allowed.
        log_scale: (batch, modalities, dim) logs of their standard deviations.
        alpha: () the weight of the tie.

    Returns:
        (batch,) what is to be maximised, in nats.
    """
    ### BEGIN SOLUTION
    joint_mu, joint_log_scale = joint_mu.detach()[:, None], joint_log_scale.detach()[:, None]
    square = torch.exp(2 * joint_log_scale) + (joint_mu - mu) ** 2
    kl = log_scale - joint_log_scale + 0.5 * square * torch.exp(-2 * log_scale) - 0.5
    return elbo - alpha * kl.sum((1, 2))  # (batch, modalities, dim) -> (batch,)
    ### END SOLUTION


# %% [markdown]
# **Try it.** One view, a joint posterior N(1, 0.5²), an ELBO of -40. The objective against the log of the width of q(z|x1), for two places of its mean. Where is each largest?

# %% tags=["raises-exception"]
with skip_unfinished():
    log_s = torch.linspace(-2, 1.5, 81)[:, None, None]
    level, one = torch.full((81,), -40.0), torch.ones(81, 1)
    canvas, (axes,) = new_figure(width=6.0, height=2.6)
    for centre, look, colour in ((1.0, "-", Q), (0.0, "--", KL)):
        view = torch.full_like(log_s, centre), log_s
        value = tied_objective(level, one, (0.5 * one).log(), *view, torch.tensor(1.0))
        label = f"q(z|x1) = N({centre:.0f}, s²)"
        axes.plot(log_s[:, 0, 0], value, look, color=colour, label=label)
    axes.set(xlabel="log s", ylabel="nats", ylim=(-48, -39))
    axes.legend(frameon=False)
    display(Picture(canvas, "the objective is largest at s = 0.5 for the right mean, wider if not"))

# %% tags=["raises-exception"]
check.tied_objective(tied_objective)

# %% grade="test" grade_id="test_tied_objective" points=5
# Graded: the same properties on other inputs.
check.tied_objective(tied_objective, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.tied_objective(tied_objective, seed=3571, input_scale=2.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 4 · Where the forward tie leads
#
# 5 points · ●●●○○ · 20 minutes · slide 8
#
# One grey digit can have several colours. Each colour has its own joint posterior $N(\mu_k, s_k^2)$, and probability $w_k$. The forward tie asks one Gaussian q(z|x1) to
# cover them all. The best one has the mean and the variance of the mixture, in each dimension:
#
# $$\mu = \sum_k w_k\, \mu_k, \qquad s^2 = \sum_k w_k \left[s_k^2 + (\mu_k - \mu)^2\right].$$
#
# The means may lie far from the origin compared with their distances, as far as 100,000 in float32. Compute so that nothing cancels.


# %% grade="solution" grade_id="moment_match"
def moment_match(mu: Tensor, log_scale: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and log scale of the Gaussian with the moments of a mixture.

    Gradients must reach mu and log_scale.

    Args:
        mu: (batch, components, dim) means; a single component is allowed.
        log_scale: (batch, components, dim) logs of the standard deviations.
        weight: (batch, components) probabilities; each row sums to one, and zeros are allowed.

    Returns:
        (mu, log_scale), each (batch, dim), accurate also if all means are large.
    """
    ### BEGIN SOLUTION
    w = weight[:, :, None]
    mean = (w * mu).sum(1)
    variance = (w * (torch.exp(2 * log_scale) + (mu - mean[:, None]) ** 2)).sum(1)
    return mean, 0.5 * variance.log()
    ### END SOLUTION


# %% [markdown]
# **Try it.** Two possible answers at -2 and 2, the second with probability 0.7. The Gaussian that covers both puts much of its mass where neither is.

# %% tags=["raises-exception"]
with skip_unfinished():
    z = torch.linspace(-6, 6, 241)
    peaks, narrow = torch.tensor([[[-2.0], [2.0]]]), torch.full((1, 2, 1), 0.5).log()
    share = torch.tensor([[0.3, 0.7]])
    mean, log_scale = (float(part) for part in moment_match(peaks, narrow, share))
    canvas, (axes,) = new_figure(width=6.0, height=2.6)
    each = torch.distributions.Normal(peaks[0], 0.5).log_prob(z).exp()
    axes.fill_between(z, (share.T * each).sum(0), color=P, alpha=0.25, label="both answers")
    covering = torch.distributions.Normal(mean, torch.tensor(log_scale).exp())
    axes.plot(z, covering.log_prob(z).exp(), color=Q, label=f"Gaussian, mean {mean:.2f}")
    axes.set(xlabel="z", ylabel="density")
    axes.legend(frameon=False)
    display(Picture(canvas, "a mixture of two peaks and the wide Gaussian with its moments"))

# %% tags=["raises-exception"]
check.moment_match(moment_match)

# %% grade="test" grade_id="test_moment_match" points=5
# Graded: the same properties on other inputs.
check.moment_match(moment_match, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.moment_match(moment_match, seed=8623, input_scale=2.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 5 · One view given another
#
# 4 points · ●●●○○ · 15 minutes · slide 8
#
# A model that is shown x1 draws z from q(z|x1) and then x2 from p(x2|z). So it gives x2 the probability $E_{q(z|x_1)}\,p(x_2|z)$. Draws from q(z|x1) would
# rarely explain the x2 that really came with x1. Draw from q(z|x1,x2) instead, which has seen it, and correct by the ratio of the densities:
#
# $$\log E_{q(z|x_1)}\, p(x_2|z) \ge E \log \frac1k \sum_{j=1}^k \frac{p(x_2|z_j)\, q(z_j|x_1)}{q(z_j|x_1,x_2)}, \qquad z_j \sim q(z|x_1,x_2).$$
#
# The densities of images are far beyond what a floating-point number can hold. Never leave logarithms.


# %% grade="solution" grade_id="conditional_bound"
def conditional_bound(log_p2: Tensor, log_q1: Tensor, log_q12: Tensor) -> Tensor:
    """Return the k-sample lower bound on the log-probability of x2 given x1.

    Gradients must reach all three arguments. Here the samples come first, then the batch.

    Args:
        log_p2: (k, batch) log p(x2|z_j) at draws z_j from q(z|x1,x2); k = 1 is allowed.
        log_q1: (k, batch) log q(z_j|x1) at the same draws.
        log_q12: (k, batch) log q(z_j|x1,x2) at the same draws.

    Returns:
        (batch,) nats, finite also for values near -100,000.
    """
    ### BEGIN SOLUTION
    log_weight = log_p2 + log_q1 - log_q12
    k = torch.tensor(len(log_weight), dtype=log_weight.dtype)
    return torch.logsumexp(log_weight, 0) - k.log()
    ### END SOLUTION


# %% [markdown]
# **Try it.** A world in which the answer is known: q(z|x1) = N(0, 1), p(x2|z) = N(z, 0.5²) and x2 = 2, so that the expectation is N(2; 0, 1.25). The proposal has about
# the right place and the wrong width.

# %% tags=["raises-exception"]
with skip_unfinished():
    torch.manual_seed(0)
    normal = torch.distributions.Normal
    exact = normal(0.0, 1.25**0.5).log_prob(torch.tensor(2.0))
    sizes, bounds = (1, 2, 5, 10, 30, 100), []
    for size in sizes:
        draws = normal(1.5, 0.8).sample((size, 500))
        log_p2 = normal(draws, 0.5).log_prob(torch.tensor(2.0))
        ratio = normal(0.0, 1.0).log_prob(draws), normal(1.5, 0.8).log_prob(draws)
        bounds.append(conditional_bound(log_p2, *ratio).mean())
    canvas, (axes,) = new_figure(width=6.0, height=2.6)
    axes.plot(sizes, bounds, "o-", color=Q, label="average bound")
    axes.axhline(exact, color=NEUTRAL, ls=":", label="exact")
    axes.set(xscale="log", xlabel="k", ylabel="nats")
    axes.legend(frameon=False)
    display(Picture(canvas, "the average bound rises with k to the exact value"))

# %% tags=["raises-exception"]
check.conditional_bound(conditional_bound)

# %% grade="test" grade_id="test_conditional_bound" points=4
# Graded: the same properties on other inputs.
check.conditional_bound(conditional_bound, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.conditional_bound(conditional_bound, seed=6121, input_scale=2.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 6 · A view that is a label
#
# 6 points · ●●●●○ · 25 minutes · slide 8
#
# "Conceptually similar to the semi-supervised VAE", says the slide: there the second view is a class y. If it was seen, the bound is the joint one, $L(x, y) \le \log p(x, y)$.
# If not, y is one more latent variable with its own posterior q(y|x), and since y has few values, the average over it is exact (Kingma et al., 2014):
#
# $$U(x) = \sum_y q(y|x)\, L(x, y) + H(q(y|x)) \le \log p(x), \qquad H(q) = -\sum_y q(y|x) \log q(y|x).$$
#
# One batch holds examples of both kinds; a label that is missing is written as -1. A sure classifier has probabilities that round to zero: then 0 · log 0 counts nothing.


# %% grade="solution" grade_id="semi_supervised_bound"
def semi_supervised_bound(label_logits: Tensor, elbo_per_label: Tensor, label: Tensor) -> Tensor:
    """Return L(x, y) where the label was seen, and U(x) where it is missing.

    Gradients must reach label_logits and elbo_per_label.

    Args:
        label_logits: (batch, classes) q(y|x) as logits: its softmax over the classes is q(y|x).
        elbo_per_label: (batch, classes) L(x, y) for every y, in nats; log p(y) is in it.
        label: (batch,) int64 classes, -1 where missing; all, some or none may be missing.

    Returns:
        (batch,) nats, finite for logits of any size.
    """
    ### BEGIN SOLUTION
    log_q = torch.log_softmax(label_logits, 1)
    unseen = (log_q.exp() * (elbo_per_label - log_q)).sum(1)
    seen = elbo_per_label.gather(1, label.clamp(min=0)[:, None])[:, 0]
    return torch.where(label < 0, unseen, seen)
    ### END SOLUTION


# %% [markdown]
# **Try it.** Two classes with L(x, 0) = -20 and L(x, 1) = -21. U(x) against q(y = 1|x). Where is it largest, and what is that value?

# %% tags=["raises-exception"]
with skip_unfinished():
    logits = torch.linspace(-5, 5, 101)
    both = torch.stack([torch.zeros(101), logits], 1)
    bounds = torch.tensor([[-20.0, -21.0]]).expand(101, 2)
    value = semi_supervised_bound(both, bounds, torch.full((101,), -1))
    canvas, (axes,) = new_figure(width=6.0, height=2.6)
    axes.plot(logits.sigmoid(), value, color=Q, label="U(x)")
    best = torch.logsumexp(bounds[0], 0)
    axes.axhline(best, color=NEUTRAL, ls=":", label="log of the sum of exp L(x, y)")
    axes.set(xlabel="q(y = 1 | x)", ylabel="nats")
    axes.legend(frameon=False)
    display(Picture(canvas, "U touches the log of the sum where q(y|x) is proportional to exp L"))

# %% tags=["raises-exception"]
check.semi_supervised_bound(semi_supervised_bound)

# %% grade="test" grade_id="test_semi_supervised_bound" points=6
# Graded: the same properties on other inputs.
check.semi_supervised_bound(semi_supervised_bound, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.semi_supervised_bound(semi_supervised_bound, seed=9973, input_scale=3.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 7 · A derivation
#
# 6 points · ●●●○○ · 25 minutes · slide 8
#
# Fix x1. Write $q_{12} = q(z|x_1, x_2)$, which depends on x2, and $q_1 = q(z|x_1)$, which does not. Let $\bar q = E_{x_2|x_1}[q_{12}]$. Nothing here need be Gaussian.
#
# **(a)** Show that $E_{x_2|x_1} KL(q_{12}, q_1) = E_{x_2|x_1} KL(q_{12}, \bar q) + KL(\bar q, q_1)$, and conclude which $q_1$ the forward tie prefers. (3 points)
#
# **(b)** Show that the reverse tie, $E_{x_2|x_1} KL(q_1, q_{12})$, is least where $q_1$ is proportional to $\exp E_{x_2|x_1}[\log q_{12}]$. (2 points)
#
# **(c)** x1 is a grey digit, x2 its coloured picture, and the hue is independent of the digit. Which of the two optima keeps the uncertainty about the hue? Give a reason
# in one or two sentences. (1 point)

# %% [markdown] grade="written" grade_id="derivation" points=6
# **(a)** Insert $\bar q$ into the logarithm:
#
# $$E_{x_2|x_1} \int q_{12} \log \frac{q_{12}}{q_1}\, dz = E_{x_2|x_1} \int q_{12} \log \frac{q_{12}}{\bar q}\, dz + E_{x_2|x_1} \int q_{12} \log \frac{\bar q}{q_1}\, dz.$$
#
# The logarithm in the last term does not depend on x2, so the average over x2 acts on $q_{12}$ alone and gives $\int \bar q \log \frac{\bar q}{q_1}\, dz = KL(\bar q, q_1)$. Only this
# term contains $q_1$. A KL is never negative and is zero only for equal distributions, so the best $q_1$ is $\bar q$, the average of the joint posteriors.
#
# **(b)** Let $g(z) = \exp E_{x_2|x_1}[\log q_{12}(z)]$ and $c = \int g\, dz$. Then
#
# $$E_{x_2|x_1} KL(q_1, q_{12}) = \int q_1 \left(\log q_1 - \log g\right) dz = KL(q_1,\ g / c) - \log c.$$
#
# The constant c does not depend on $q_1$, so the minimum is at $q_1 = g/c$.
#
# **(c)** The forward tie's. Its optimum $\bar q$ has mass wherever some colour's posterior has mass, so draws give every hue as often as it occurs. The reverse optimum is a product: a z that
# one single hue makes impossible is ruled out, so the q is as narrow as a posterior that knows the hue.
#
# ---
# **Mark scheme**
#
# | points | for | common losses |
# |---|---|---|
# | 1 | (a) inserts the average and splits the logarithm | the average defined over x1, or over the data |
# | 1 | (a) moves the average over x2 inside, because log(q̄/q1) does not depend on x2 | the step taken without the reason: half a point |
# | 1 | (a) concludes with KL ≥ 0 and equality only at the average | a minimum claimed from a zero derivative without more: half a point |
# | 1 | (b) writes the expectation as one integral with the average of log q12 | average of q12 taken for the average of its log |
# | 1 | (b) normalises, and names the constant as independent of q1 | the geometric mean left without its normaliser: half a point |
# | 1 | (c) forward, with the reason that an average has mass wherever one of them has | "forward", without a reason: half a point |
#
# **Three answers and their marks**
#
# *6 points.* The model answer, or: "log(q12/q1) = log(q12/q̄) + log(q̄/q1). The second has no x2, so averaging q12 over x2 gives q̄: KL(q̄, q1) >= 0, zero iff q1 = q̄. (b) E KL = ∫ q1 log q1 - ∫ q1 E log q12
# = KL(q1, g/c) - log c. (c) Forward: the sum of ten bumps keeps all ten. Reverse is their product, which keeps the overlap only."
#
# *4 points.* (a) right, but the average over x2 is moved inside without a reason (2.5 of 3). (b) sets the derivative with a Lagrange multiplier to zero and finds log q1 = E log q12 + const, without a word
# on why this is a minimum or on the constant (half of each point lost: 1 of 2). (c) "The forward one", without a reason (0.5).
#
# *2 points.* (a) quotes the identity and concludes rightly from KL ≥ 0, without a step between (1 of 3). (b) takes the minimum at the arithmetic mean, "as in (a)" (0 of 2). (c) "Forward, because the average of the
# posteriors still contains every hue" (1).

# %% [markdown]
# ## All together · a VAE of two views
#
# Nothing below is graded. The class holds five networks and no objective: forwards it is your `tied_objective`, in reverse it uses your `gaussian_kl`. The data are grey
# digits with small pictures of them in one of ten colours, evenly and independently of the digit, so a grey digit says nothing about the hue. Training takes about ten
# seconds for each direction.


# %% grade="locked" grade_id="your_vae"
class YourVAE(torch.nn.Module):
    """A VAE of grey digits and coloured thumbnails, with your tie in one of two directions."""

    def __init__(self, direction: str) -> None:
        super().__init__()
        self.nets = torch.nn.ModuleDict(
            {name: mlp(size, (256,), 32) for name, size in (("grey", 64), ("colour", 48))}
        )
        self.joint = mlp(112, (256,), 32)
        self.grey, self.colour = mlp(16, (256,), 64), mlp(16, (256,), 48)
        self.direction = direction

    def posterior(self, batch: dict[str, Tensor]) -> DiagonalGaussian:
        """Return q(z | the views in the dictionary)."""
        flat = [batch[name].flatten(1) for name in ("grey", "colour") if name in batch]
        net = self.joint if len(flat) == 2 else self.nets[next(iter(batch))]
        return DiagonalGaussian(*net(torch.cat(flat, 1)).chunk(2, -1))

    def log_likelihoods(self, z: Tensor, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return log p(grey|z) and log p(colour|z)."""
        grey, colour = batch["grey"].flatten(1), batch["colour"].flatten(1)
        width = torch.full_like(colour, pairs.NOISE).log()
        p_colour = DiagonalGaussian(self.colour(z), width.expand((*z.shape[:-1], 48)))
        return IndependentBernoulli(self.grey(z)).log_prob(grey), p_colour.log_prob(colour)

    def losses(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the training loss, with your functions in it."""
        joint, zero = self.posterior(batch), torch.zeros(len(batch["grey"]), 16)
        z = joint.rsample()
        rate = gaussian_kl(joint.mu, joint.log_scale, zero, zero)
        elbo = sum(self.log_likelihoods(z, batch)) - rate
        views = [self.posterior({name: batch[name]}) for name in self.nets]
        if self.direction == "forward":
            mu, log_scale = (
                torch.stack([getattr(q, part) for q in views], 1) for part in ("mu", "log_scale")
            )
            one = torch.tensor(1.0)
            bound = tied_objective(elbo, joint.mu, joint.log_scale, mu, log_scale, one)
        else:
            held = joint.mu.detach(), joint.log_scale.detach()
            bound = elbo - sum(gaussian_kl(q.mu, q.log_scale, *held) for q in views)
        return {"model": -bound.mean()}


# %% tags=["raises-exception"]
splits = pairs.load(0.1)
torch.set_num_threads(1)  # for networks this small a second core only gets in the way
STEPS = 500
yours = {}
with skip_unfinished():
    for direction in ("forward", "reverse"):
        torch.manual_seed(0)
        model = YourVAE(direction)
        model.losses(splits.train.x)  # an unfinished exercise shows here
        options = {"learning_rate": cosine(3e-3, STEPS), "seed": 0, "label": direction}
        fit(model, splits.train.x, steps=STEPS, **options, checkpoint="checkpoints")
        yours[direction] = model

# %% tags=["raises-exception"]
with skip_unfinished(), torch.no_grad():
    x = splits.test.x
    for direction, model in yours.items():
        torch.manual_seed(0)
        q1, q12 = model.posterior({"grey": x["grey"]}), model.posterior(x)
        means = model.colour(q1.sample((50,))).reshape(50, len(x["grey"]), 3, 4, 4)
        counts = torch.nn.functional.one_hot(pairs.hue_of(means), 10).float().mean(0)
        entropy = torch.special.entr(counts).sum(-1).mean()
        z = q12.sample((100,))
        log_p2 = model.log_likelihoods(z, x)[1]
        bound = conditional_bound(log_p2, q1.log_prob(z), q12.log_prob(z)).mean()
        print(
            f"{direction}: hue entropy {entropy:.2f} nats, log p(colour | grey) ≥ {bound:.1f} nats"
        )

# %% [markdown]
# Ten hues that are equally likely have an entropy of log 10 = 2.30 nats; 50 draws of them show slightly less. Which direction is closer, and which gives the colours that
# really came with the grey digits more probability? Both models have the same joint part.
#
# ## All together · the figures of the lecture
#
# The orange ellipse of the product and the q of the forward tie are now yours; the library's are dashed. As long as they coincide, so do you and the library.

# %%
figures.experts(gaussian_product)

# %%
figures.tie(moment_match)
