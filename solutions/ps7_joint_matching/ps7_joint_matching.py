# %% [markdown]
# # Problem set 7 · Joint matching
#
# **Slides 12-15 of Lecture 12 of [CS236](https://deepgenerativemodels.github.io/).** You write the quantities that lecture 7 compares: two joints, the KL between them in
# two splits, the aggregate posterior, and two ways to match it to a prior. At the end your functions train an adversarial autoencoder and drive the lecture's figure.
#
# | no. | exercise | points | difficulty | minutes | slide |
# |---|---|---|---|---|---|
# | 1 | `joints`: the inference joint and the generative joint | 3 | ●○○○○ | 10 | 13, 14 |
# | 2 | `kl`: the KL of two tables, zeros included | 4 | ●●○○○ | 15 | 12 |
# | 3 | `split_joint_kl`: one divergence, split in two ways | 6 | ●●●○○ | 25 | 14, 15 |
# | 4 | `aggregate_log_prob`: the density of q(z) | 5 | ●●●○○ | 20 | 15 |
# | 5 | `rate_parts`: what the rate is made of | 4 | ●●●○○ | 20 | 15, 16 |
# | 6 | `mmd2`: comparing two sets of samples | 4 | ●●●○○ | 15 | 15 |
# | 7 | `aae_losses`: two players | 4 | ●●○○○ | 15 | 15 |
# | 8 | a derivation, on paper | 6 | ●●●○○ | 25 | 13 |
#
# **How it works.** Replace each `raise NotImplementedError(...)` by your code. The cell below it draws a picture. The cell after that checks your function and, if
# something is wrong, says what it looks like. The graded cell runs the same check on other inputs. No exercise needs your answer to another one, and you may run the
# whole notebook at any time. Run it once from the top before you hand it in. You may call the library's public functions, but not `course_lib.checks`.
#
# **Conventions.** Logarithms are natural, so everything is in nats. In a table, **z runs down the rows and x along the columns**: shape (n_z, n_x). `log_scale` is
# the logarithm of the *standard deviation*. Results keep the dtype of the inputs, float32 or float64. Do not change a tensor that was passed in.

# %% grade="locked" grade_id="setup"
import torch
from torch import Tensor

from course_lib.checks import joint_matching as check
from course_lib.checks.ask import ask
from course_lib.checks.report import skip_unfinished

# %%
from course_lib.data import digits
from course_lib.distributions import DiagonalGaussian, IndependentBernoulli, mlp
from course_lib.exact.matching import matching_world
from course_lib.figures import joint_matching as figures
from course_lib.figures.images import Picture
from course_lib.figures.style import KL, NEUTRAL, P, Q, new_figure
from course_lib.training import cosine, fit

# %% [markdown]
# ## Exercise 1 · Two joints
#
# 3 points · ●○○○○ · 10 minutes · slides 13, 14
#
# A VAE defines two distributions over pairs (z, x). One starts at the data and encodes, the other starts at the prior and decodes:
#
# $$q(z, x) = p_{data}(x)\, q(z \mid x), \qquad p(z, x) = p(z)\, p(x \mid z).$$


# %% grade="solution" grade_id="joints"
def joints(
    p_data: Tensor, q_z_given_x: Tensor, p_z: Tensor, p_x_given_z: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the inference joint and the generative joint of a VAE on tables.

    Args:
        p_data: (n_x,) the distribution of the data.
        q_z_given_x: (n_z, n_x) the encoder; each column sums to one. Gradients must reach it.
        p_z: (n_z,) the prior.
        p_x_given_z: (n_z, n_x) the decoder; each row sums to one. Gradients must reach it.

    Returns:
        (q_zx, p_zx), each (n_z, n_x) and of sum one.
    """
    ### BEGIN SOLUTION
    return p_data * q_z_given_x, p_z[:, None] * p_x_given_z
    ### END SOLUTION


# %% [markdown]
# **Try it.** The world of the lecture, with an encoder that is less sharp than the decoder. The row and column sums of which table are known beforehand?

# %% tags=["raises-exception"]
with skip_unfinished():
    q_zx, p_zx = joints(*matching_world(encoder=2.0, decoder=8.0, tilt=1.0))
    canvas, panels = new_figure(columns=2, width=5.0, height=2.6)
    for panel, table, name, cmap in zip(
        panels, (q_zx, p_zx), ("q(z, x)", "p(z, x)"), ("Oranges", "Blues"), strict=True
    ):
        panel.imshow(table, cmap=cmap, vmin=0, vmax=0.15, aspect="auto")
        panel.set(title=f"{name}, sum {table.sum():.3f}", xlabel="x", ylabel="z")
    display(Picture(canvas, "the inference joint and the generative joint as heatmaps"))

# %% tags=["raises-exception"]
check.joints(joints)

# %% grade="test" grade_id="test_joints" points=3
# Graded: the same properties on other inputs.
check.joints(joints, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.joints(joints, seed=4211, input_scale=3.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 2 · The KL of two tables
#
# 4 points · ●●○○○ · 15 minutes · slide 12
#
# $$KL(p, q) = \sum_i p_i\, (\log p_i - \log q_i).$$
#
# Real tables have zeros. A term with $p_i = 0$ counts nothing, since $a \log a \to 0$ as $a \to 0$. A term with $p_i > 0$ and $q_i = 0$ is infinite: q rules out
# something that p produces. In floating point, 0 · log 0 is NaN, so think before you multiply.


# %% grade="solution" grade_id="kl"
def kl(p: Tensor, q: Tensor) -> Tensor:
    """Return KL(p, q) of two probability tables.

    Args:
        p: a table of any shape whose entries sum to one; zeros are allowed.
        q: the other table, of the same shape; zeros are allowed.

    Returns:
        () the divergence in nats, summed over the whole table: infinite if q is zero where p is
        not, never NaN.
    """
    ### BEGIN SOLUTION
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum()
    ### END SOLUTION


# %% [markdown]
# **Try it.** Two coins, p with probability 0.3 of heads. Both directions of the KL against the probability of heads under q. Which one grows faster as q becomes certain?

# %% tags=["raises-exception"]
with skip_unfinished():
    heads = torch.linspace(0.01, 0.99, 99, dtype=torch.double)
    coin = torch.tensor([0.3, 0.7], dtype=torch.double)
    others = [torch.stack([h, 1 - h]) for h in heads]
    canvas, (axes,) = new_figure(width=6.0, height=2.6)
    axes.plot(heads, [float(kl(coin, other)) for other in others], color=P, label="KL(p, q)")
    axes.plot(heads, [float(kl(other, coin)) for other in others], "--", color=Q, label="KL(q, p)")
    axes.set(xlabel="probability of heads under q", ylabel="nats")
    axes.legend(frameon=False)
    display(Picture(canvas, "both directions of the KL of two coins, zero where the coins agree"))

# %% tags=["raises-exception"]
check.kl(kl)

# %% grade="test" grade_id="test_kl" points=4
# Graded: the same properties on other inputs.
check.kl(kl, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.kl(kl, seed=9041, input_scale=2.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 3 · One divergence, split in two ways
#
# 6 points · ●●●○○ · 25 minutes · slides 14, 15
#
# $$KL(q(z,x), p(z,x)) = KL(q(x), p(x)) + E_{q(x)} KL(q(z|x), p(z|x)) = KL(q(z), p(z)) + E_{q(z)} KL(q(x|z), p(x|z)).$$
#
# For a VAE, q(x) is the data and q(z) the aggregate posterior. Compute all four terms. Every expectation is over q.


# %% grade="solution" grade_id="split_joint_kl"
def split_joint_kl(q_zx: Tensor, p_zx: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return both splits of the KL of two joints.

    Args:
        q_zx: (n_z, n_x) the inference joint, without zeros.
        p_zx: (n_z, n_x) the generative joint, without zeros.

    Returns:
        (x_marginal, z_given_x, z_marginal, x_given_z), each () and in nats: KL(q(x), p(x)),
        E_q(x) KL(q(z|x), p(z|x)), KL(q(z), p(z)) and E_q(z) KL(q(x|z), p(x|z)).
    """
    ### BEGIN SOLUTION
    terms = []
    for axis in (0, 1):  # sum over z first, then over x
        q, p = q_zx.sum(axis, keepdim=True), p_zx.sum(axis, keepdim=True)
        terms.append((q * (q / p).log()).sum())
        terms.append((q_zx * ((q_zx / q) / (p_zx / p)).log()).sum())
    return tuple(terms)
    ### END SOLUTION


# %% [markdown]
# **Try it.** The encoder's sharpness moves, the decoder stays. Solid: the two terms with x first. Dashed: those with z first. The thick line is the sum of either pair.

# %% tags=["raises-exception"]
with skip_unfinished():
    sharpness = torch.linspace(0.5, 14, 55).tolist()
    worlds = [matching_world(encoder, 6.0, 1.0) for encoder in sharpness]
    pieces = torch.tensor([[float(t) for t in split_joint_kl(w.q_zx, w.p_zx)] for w in worlds])
    canvas, (axes,) = new_figure(width=6.6, height=2.8)
    axes.plot(sharpness, pieces[:, :2].sum(1), color=NEUTRAL, lw=4, alpha=0.5, label="sum")
    looks = (("x marginal", P, "-"), ("z given x", KL, "-"), ("z marginal", P, "--"))
    for i, (name, colour, dashes) in enumerate((*looks, ("x given z", KL, "--"))):
        axes.plot(sharpness, pieces[:, i], dashes, color=colour, label=name)
    axes.set(xlabel="sharpness of the encoder", ylabel="nats")
    axes.legend(frameon=False, loc="upper right", ncols=2)
    display(Picture(canvas, "four terms and their common sum against the encoder's sharpness"))

# %% tags=["raises-exception"]
check.split_joint_kl(split_joint_kl)

# %% grade="test" grade_id="test_split_joint_kl" points=6
# Graded: the same properties on other inputs.
check.split_joint_kl(split_joint_kl, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.split_joint_kl(split_joint_kl, seed=6373, input_scale=2.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 4 · The density of the aggregate posterior
#
# 5 points · ●●●○○ · 20 minutes · slide 15
#
# Over a data set of n images, q(z) is a mixture with one Gaussian per image:
#
# $$q(z) = \frac1n \sum_{i=1}^n N(z;\, \mu_i,\, \mathrm{diag}(\sigma_i^2)).$$
#
# So its density is known exactly. Compute its logarithm without ever leaving logarithms: 40 standard deviations away from every component the density is zero in
# floating point, and its logarithm is not.


# %% grade="solution" grade_id="aggregate_log_prob"
def aggregate_log_prob(z: Tensor, mu: Tensor, log_scale: Tensor) -> Tensor:
    """Return log q(z) of the mixture of all posteriors, at each point.

    Gradients must reach z, mu and log_scale.

    Args:
        z: (batch, dim) points; a batch of one is allowed.
        mu: (n, dim) means of the posteriors of n examples.
        log_scale: (n, dim) logs of their standard deviations.

    Returns:
        (batch,) log-densities, in nats, finite also far from every component.
    """
    ### BEGIN SOLUTION
    standardised = (z[:, None] - mu) * torch.exp(-log_scale)  # (batch, n, dim)
    log_2pi = torch.log(torch.tensor(2 * torch.pi, dtype=z.dtype))
    log_each = (-0.5 * standardised**2 - log_scale - 0.5 * log_2pi).sum(-1)
    return torch.logsumexp(log_each, 1) - torch.log(torch.tensor(len(mu), dtype=z.dtype))
    ### END SOLUTION


# %% [markdown]
# **Try it.** Five encoded images in one dimension. As the posteriors become narrower, the aggregate falls apart into separate peaks. Its mass remains 1.

# %% tags=["raises-exception"]
with skip_unfinished():
    nodes = torch.linspace(-4, 4, 801, dtype=torch.double)[:, None]
    centres = torch.tensor([-2.0, -1.2, 0.1, 0.9, 1.9], dtype=torch.double)[:, None]
    canvas, (axes,) = new_figure(width=6.0, height=2.6)
    for width, dashes in ((0.8, ":"), (0.4, "--"), (0.1, "-")):
        log_widths = torch.full_like(centres, width).log()
        density = aggregate_log_prob(nodes, centres, log_widths).exp()
        mass = torch.trapezoid(density, nodes[:, 0])
        axes.plot(nodes, density, dashes, color=Q, label=f"σ {width}: mass {mass:.3f}")
    axes.set(xlabel="z", ylabel="q(z)")
    axes.legend(frameon=False)
    display(Picture(canvas, "the aggregate of five posteriors for three widths, each of mass one"))

# %% tags=["raises-exception"]
check.aggregate_log_prob(aggregate_log_prob)

# %% grade="test" grade_id="test_aggregate_log_prob" points=5
# Graded: the same properties on other inputs.
check.aggregate_log_prob(aggregate_log_prob, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.aggregate_log_prob(aggregate_log_prob, seed=2693, input_scale=2.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 5 · What the rate is made of
#
# 4 points · ●●●○○ · 20 minutes · slides 15, 16
#
# The KL term of the ELBO, averaged over the data, has two parts (Hoffman and Johnson, 2016):
#
# $$E_{p_{data}} KL(q(z|x), p(z)) = \underbrace{E\left[\log q(z|x) - \log q(z)\right]}_{I_q(x;\, z)} + \underbrace{E\left[\log q(z) - \log p(z)\right]}_{KL(q(z),\, p(z))}.$$
#
# Given one draw $z_i \sim q(z|x_i)$ for each example, return both differences. q(z) is the mixture of *all* n posteriors, the own one included.


# %% grade="solution" grade_id="rate_parts"
def rate_parts(z: Tensor, mu: Tensor, log_scale: Tensor) -> tuple[Tensor, Tensor]:
    """Return both parts of the rate, one estimate per example; the prior is N(0, I).

    Gradients must reach z, mu and log_scale.

    Args:
        z: (n, dim) draws, z[i] from the posterior of example i; n = 1 is allowed.
        mu: (n, dim) means of the posteriors.
        log_scale: (n, dim) logs of their standard deviations.

    Returns:
        (information, marginal_kl), each (n,), in nats: log q(z_i|x_i) - log q(z_i), and
        log q(z_i) - log p(z_i).
    """

    ### BEGIN SOLUTION
    def log_normal(z: Tensor, mu: Tensor, log_scale: Tensor) -> Tensor:
        return torch.distributions.Normal(mu, log_scale.exp()).log_prob(z).sum(-1)

    own, zero = log_normal(z, mu, log_scale), torch.zeros_like(z)
    each = log_normal(z[:, None], mu, log_scale)  # (n, n): point i under posterior j
    aggregate = torch.logsumexp(each, 1) - torch.log(torch.tensor(len(mu), dtype=z.dtype))
    return own - aggregate, aggregate - log_normal(z, zero, zero)
    ### END SOLUTION


# %% [markdown]
# **Try it.** 200 posteriors whose means come from N(0, 1), with widths from wide to narrow. The information cannot pass log 200, however narrow the posteriors are.

# %% tags=["raises-exception"]
with skip_unfinished():
    torch.manual_seed(0)
    means, noise = torch.randn(200, 2), torch.randn(200, 2)
    log_widths = torch.linspace(-7, 0, 36)
    parts = [rate_parts(means + s.exp() * noise, means, s.expand(200, 2)) for s in log_widths]
    canvas, (axes,) = new_figure(width=6.0, height=2.6)
    axes.plot(log_widths, [a.mean() for a, _ in parts], color=Q, label="information")
    axes.plot(log_widths, [b.mean() for _, b in parts], "--", color=KL, label="KL(q(z), p(z))")
    axes.axhline(torch.tensor(200.0).log(), color=NEUTRAL, ls=":", label="log 200")
    axes.set(xlabel="log σ of every posterior", ylabel="nats")
    axes.legend(frameon=False)
    display(Picture(canvas, "information levels off at log 200 while the mismatch goes on growing"))

# %% tags=["raises-exception"]
check.rate_parts(rate_parts)

# %% grade="test" grade_id="test_rate_parts" points=4
# Graded: the same properties on other inputs.
check.rate_parts(rate_parts, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.rate_parts(rate_parts, seed=7793, input_scale=2.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 6 · Comparing two sets of samples
#
# 4 points · ●●●○○ · 15 minutes · slide 15
#
# A critic is one way to compare q(z) with p(z). A kernel is another. With $k(a, b) = \exp(-\|a - b\|^2 / 2h^2)$ and h the bandwidth, the squared **maximum mean
# discrepancy** is estimated without bias by
#
# $$\widehat{MMD}^2 = \frac{\sum_{i \ne j} k(x_i, x_j)}{n (n-1)} + \frac{\sum_{i \ne j} k(y_i, y_j)}{m (m-1)} - \frac{2 \sum_{i,j} k(x_i, y_j)}{n m}.$$
#
# Pairs of a point with itself are left out, so the estimate is zero on average for equal distributions, and negative about half of the time.


# %% grade="solution" grade_id="mmd2"
def mmd2(x: Tensor, y: Tensor, bandwidth: Tensor) -> Tensor:
    """Return the unbiased estimate of MMD^2 between two sets, with a Gaussian kernel.

    Gradients must reach x and y.

    Args:
        x: (n, dim) one set, n >= 2.
        y: (m, dim) the other set, m >= 2; m may differ from n.
        bandwidth: () the standard deviation h of the kernel.

    Returns:
        () the estimate, which may be negative.
    """

    ### BEGIN SOLUTION
    def kernel(a: Tensor, b: Tensor) -> Tensor:
        squares = (a[:, None] - b[None]).square().sum(-1)  # (len(a), len(b))
        return torch.exp(-squares / (2 * bandwidth**2))

    def within(a: Tensor) -> Tensor:
        pairs = kernel(a, a)
        return (pairs.sum() - pairs.diagonal().sum()) / (len(a) * (len(a) - 1))

    return within(x) + within(y) - 2 * kernel(x, y).mean()
    ### END SOLUTION


# %% [markdown]
# **Try it.** Two sets of 100 draws, the second shifted. Each dot is one pair of sets. Without a shift the dots scatter around zero.

# %% tags=["raises-exception"]
with skip_unfinished():
    torch.manual_seed(0)
    canvas, (axes,) = new_figure(width=6.0, height=2.6)
    for shift in (0.0, 0.25, 0.5, 0.75, 1.0):
        values = [
            mmd2(torch.randn(100, 2), shift + torch.randn(100, 2), torch.tensor(1.0))
            for _ in range(20)
        ]
        axes.plot([shift] * 20, values, ".", color=P)
    axes.axhline(0, color=NEUTRAL, lw=1)
    axes.set(xlabel="shift of the second set, in each of 2 dimensions", ylabel="MMD²")
    display(
        Picture(canvas, "MMD squared of shifted sets: around zero without a shift, then rising")
    )

# %% tags=["raises-exception"]
check.mmd2(mmd2)

# %% grade="test" grade_id="test_mmd2" points=4
# Graded: the same properties on other inputs.
check.mmd2(mmd2, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.mmd2(mmd2, seed=5347, input_scale=2.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 7 · Two players
#
# 4 points · ●●○○○ · 15 minutes · slide 15
#
# The critic of an adversarial autoencoder sees draws from the prior and draws from q(z). It returns a logit, and D = sigmoid(logit) is its probability that z came
# from the **prior**. The critic and the model minimise
#
# $$\text{critic: } -E_{p(z)}[\log D(z)] - E_{q(z)}[\log(1 - D(z))], \qquad \text{model: } -E[L(x)] - w\, E_{q(z)}[\log D(z)].$$
#
# The model's second term is the *non-saturating* loss: it has its minimum where q(z) passes for the prior, and a useful slope even when the critic is sure. (Its value is
# not the JSD.) A critic can be very sure, so compute with logits: $-\log \mathrm{sigmoid}(l) = \mathrm{softplus}(-l)$.


# %% grade="solution" grade_id="aae_losses"
def aae_losses(
    p_logits: Tensor, q_logits: Tensor, elbo: Tensor, weight: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the losses of both players of an adversarial autoencoder, means over the batch.

    Gradients must reach the logits and the ELBO.

    Args:
        p_logits: (batch,) the critic's logits for draws from p(z); a batch of one is allowed.
        q_logits: (batch,) its logits for draws from q(z|x).
        elbo: (batch,) the ELBO of each example, in nats.
        weight: () the weight w of the adversarial term.

    Returns:
        (critic_loss, model_loss), each (), finite also for logits of 200.
    """
    ### BEGIN SOLUTION
    softplus = torch.nn.functional.softplus
    critic_loss = softplus(-p_logits).mean() + softplus(q_logits).mean()
    model_loss = -elbo.mean() + weight * softplus(-q_logits).mean()
    return critic_loss, model_loss
    ### END SOLUTION


# %% [markdown]
# **Try it.** One draw of each kind. Both losses against the logit of the posterior's draw: what one player wants, the other does not.

# %% tags=["raises-exception"]
with skip_unfinished():
    logits = torch.linspace(-6, 6, 61)
    zero, one = torch.zeros(1), torch.ones(())
    both = [aae_losses(zero, logit[None], zero, one) for logit in logits]
    canvas, (axes,) = new_figure(width=6.0, height=2.6)
    axes.plot(logits, [critic for critic, _ in both], color=NEUTRAL, label="critic")
    axes.plot(logits, [model for _, model in both], "--", color=Q, label="model, ELBO 0, weight 1")
    axes.set(xlabel="logit for the draw from q(z|x)", ylabel="loss, nats")
    axes.legend(frameon=False)
    display(Picture(canvas, "the critic's loss rises with the logit and the model's falls"))

# %% tags=["raises-exception"]
check.aae_losses(aae_losses)

# %% grade="test" grade_id="test_aae_losses" points=4
# Graded: the same properties on other inputs.
check.aae_losses(aae_losses, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.aae_losses(aae_losses, seed=8111, input_scale=3.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 8 · A derivation
#
# 6 points · ●●●○○ · 25 minutes · slide 13
#
# Start from $E_{p_{data}}[L(x)] = E_{p_{data}}[\log p(x) - KL(q(z|x), p(z|x))]$.
#
# **(a)** Show in your own steps that $E_{p_{data}}[L(x)] = -KL(p_{data}(x)\, q(z|x),\ p(z)\, p(x|z)) - H(p_{data})$. Say in which step the product
# $p_{data}(x)\, q(z|x)$ first appears as one distribution, and which property of q(z|x) allows it. (3 points)
#
# **(b)** Split the same KL with z first, and show that $E_{p_{data}} KL(q(z|x), p(z)) = I_q(x; z) + KL(q(z), p(z))$. (2 points)
#
# **(c)** Slide 15 reads two conditions off this split: (1) q(z) = p(z) and (2) q(x|z) = p(x|z) for every z. Somebody adds $-JSD(q(z), p(z))$ to the ELBO and drives the JSD to zero.
# Which condition is now known to hold, and which is not? Give a reason in one sentence. (1 point)

# %% [markdown] grade="written" grade_id="derivation" points=6
# **(a)** Add and subtract $\log p_{data}(x)$, whose average is $-H(p_{data})$:
#
# $$E_{p_{data}}[L] = -E_{p_{data}}\!\left[\log \frac{p_{data}(x)}{p(x)}\right] - E_{p_{data}} \sum_z q(z|x) \log \frac{q(z|x)}{p(z|x)} - H(p_{data}).$$
#
# The first bracket does not depend on z. Because $\sum_z q(z|x) = 1$ for every x, it can be written as $\sum_z q(z|x) \log \frac{p_{data}(x)}{p(x)}$. Here
# $p_{data}(x)\, q(z|x)$ appears as the one weight of both sums. The logarithms add up:
#
# $$= -\sum_{x, z} p_{data}(x)\, q(z|x) \log \frac{p_{data}(x)\, q(z|x)}{p(x)\, p(z|x)} - H(p_{data}) = -KL(p_{data}(x)\, q(z|x),\ p(z)\, p(x|z)) - H(p_{data}),$$
#
# since p(x) p(z|x) = p(z) p(x|z) is the joint of the model.
#
# **(b)** With q(z) = Σ p_data(x) q(z|x) and q(x|z) = p_data(x) q(z|x) / q(z), the logarithm of the ratio is $\log \frac{q(z)}{p(z)} + \log \frac{q(x|z)}{p(x|z)}$, so the KL is
# $KL(q(z), p(z)) + E_{q(z)} KL(q(x|z), p(x|z))$. For the rate, insert q(z): $E_{q(z,x)} \log \frac{q(z|x)}{p(z)} = E_{q(z,x)} \log \frac{q(z|x)}{q(z)} + E_{q(z)} \log \frac{q(z)}{p(z)}$.
# The first term is $KL(q(z,x), p_{data}(x) q(z)) = I_q(x; z)$, the second is KL(q(z), p(z)).
#
# **(c)** Condition 1, q(z) = p(z), holds. Condition 2, q(x|z) = p(x|z), is not known: equal marginals of z say nothing about how z and x are coupled.
#
# ---
# **Mark scheme**
#
# | points | for | common losses |
# |---|---|---|
# | 1 | (a) the entropy of the data appears as the constant, with its sign | H dropped, or added with the wrong sign |
# | 1 | (a) names the step in which p_data(x) q(z given x) becomes one weight, and the normalisation of q | the step is taken silently: half a point |
# | 1 | (a) p(x) p(z given x) = p(z) p(x given z), and the KL in the right direction | KL(p, q) |
# | 1 | (b) split with z first, q(x given z) defined | q(x given z) taken for p(x given z) |
# | 1 | (b) the rate as information plus mismatch, q(z) inserted | information under p instead of q |
# | 1 | (c) both halves with the reason | one half: half a point |
#
# **Three answers and their marks**
#
# *6 points.* The model answer, or: "log p(x) - KL = Σ_z q log [p(z,x)/q]. Add and subtract log p_data. As Σ_z q(z|x) = 1, log p_data goes under the sum, and I get
# -KL of the joints - H. With z first ... (c) Only q(z) = p(z). The coupling is free: permute the z of all pairs."
#
# *4 points.* Right up to the last line of (a), but the constant is called "some constant independent of the parameters" (1 lost). (b) complete. (c) "The first holds", with
# no word on the second (half lost); the step with the normalisation is not named (half lost).
#
# *2 points.* (a) quotes slide 13 and adds the entropy with the right sign, without the step that joins the two sums (1 of 3). (b) writes the split with z first, but claims that the rate *is* the
# information (1 of 2). (c) "Both, since the JSD is zero" (0).

# %% [markdown]
# ## All together · an adversarial autoencoder of your own
#
# Nothing below is graded. The class holds three networks and no loss: `aae_losses` is yours. Training takes about ten seconds for each weight.


# %% grade="locked" grade_id="your_autoencoder"
class YourAutoencoder(torch.nn.Module):
    """An adversarial autoencoder on binary 8x8 digits, z of 2 dimensions, with your losses."""

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.encoder = mlp(64, (128, 128), 4, flatten=3)
        self.decoder = mlp(2, (128, 128), 64)
        self.critic = mlp(2, (64, 64), 1, flatten=1, activation=torch.nn.SiLU)
        self.weight = torch.tensor(weight)

    def posterior(self, x: Tensor) -> DiagonalGaussian:
        """Return q(z|x)."""
        return DiagonalGaussian(*self.encoder(x).chunk(2, -1))

    def players(self) -> dict[str, list[torch.nn.Parameter]]:
        """Return who moves which weights."""
        model = [*self.encoder.parameters(), *self.decoder.parameters()]
        return {"critic": list(self.critic.parameters()), "model": model}

    def turns(self) -> tuple[str, ...]:
        """Return the order of one step."""
        return ("critic", "model")

    def loss(self, batch: Tensor, player: str) -> Tensor:
        """Return what one player minimises, by your ``aae_losses``."""
        q = self.posterior(batch)
        z = q.rsample()
        p_x = IndependentBernoulli(self.decoder(z).reshape(batch.shape), event_dim=3)
        rate = (0.5 * ((2 * q.log_scale).exp() + q.mu**2 - 1) - q.log_scale).sum(-1)
        # Less KL than the ELBO has: the critic is to do the matching.
        bound = p_x.log_prob(batch) - 0.3 * rate
        logits = self.critic(torch.randn_like(z))[:, 0], self.critic(z)[:, 0]
        critic_loss, model_loss = aae_losses(*logits, bound, self.weight)
        return critic_loss if player == "critic" else model_loss


# %% tags=["raises-exception"]
splits = digits.load("binary")
torch.set_num_threads(1)  # for networks this small a second core only gets in the way
STEPS = 800
yours = {}
with skip_unfinished():
    for weight in (0.0, 30.0):
        torch.manual_seed(0)
        model = YourAutoencoder(weight)
        model.loss(splits.train.x[:2], "model")  # an unfinished exercise shows here
        options = {"learning_rate": cosine(2e-3, STEPS), "betas": (0.5, 0.9), "seed": 0}
        fit(model, splits.train.x, steps=STEPS, **options, checkpoint="checkpoints")
        yours[weight] = model

# %% tags=["raises-exception"]
with skip_unfinished():
    held_out = torch.cat([splits.validation.x, splits.test.x])
    for weight, model in yours.items():
        torch.manual_seed(0)
        with torch.no_grad():
            q = model.posterior(held_out)
            z = q.sample()
        information, mismatch = rate_parts(z, q.mu, q.log_scale)
        distance = mmd2(z, torch.randn(len(z), 2), torch.tensor(1.0))
        print(
            f"weight {weight:4.0f}: information {information.mean():.2f},"
            f" KL(q(z), p(z)) {mismatch.mean():.2f} nats, MMD² {distance:.4f}"
        )

# %% [markdown]
# The rate is the sum of the first two numbers. Compare the mismatch with and without the critic, and the information too: what did the critic cost?
#
# ## All together · the figure of the lecture
#
# The bars now show your `split_joint_kl`; the library's heights are dashed. As long as they coincide, so do you and the library.

# %%
figures.joint_tables(split_joint_kl)
