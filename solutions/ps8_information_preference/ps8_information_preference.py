# %% [markdown]
# # Problem set 8 · Information preference
#
# **Slides 16-18 of Lecture 12 of [CS236](https://deepgenerativemodels.github.io/).** You write what lecture 8 measures: the valley of solutions with one ELBO, the
# information in z, a remedy for an unused z, and the objectives that put a price on information. At the end your functions train a VAE that uses its z and drive
# the lecture's figure.
#
# | no. | exercise | points | difficulty | minutes | slide |
# |---|---|---|---|---|---|
# | 1 | `valley`: many solutions, one ELBO | 4 | ●●○○○ | 20 | 16 |
# | 2 | `mutual_information`: what z says about x | 4 | ●●○○○ | 15 | 16, 17 |
# | 3 | `shuffle_cost`: the price of a wrong z | 3 | ●●○○○ | 15 | 16 |
# | 4 | `free_bits`: a floor under the KL | 5 | ●●○○○ | 15 | 16 |
# | 5 | `info_vae_objective`: paying for information | 4 | ●●●○○ | 20 | 17, 18 |
# | 6 | `beta_split`: what a beta-VAE optimises | 6 | ●●●○○ | 25 | 18 |
# | 7 | `infogan_bound`: the information of a code | 4 | ●●○○○ | 15 | 17 |
# | 8 | a derivation, on paper | 6 | ●●●○○ | 25 | 18 |
#
# **How it works.** Replace each `raise NotImplementedError(...)` by your code. The cell below it draws a picture. The cell after that checks your function and, if
# something is wrong, says what it looks like. The graded cell runs the same check on other inputs. No exercise needs your answer to another one, and you may run the
# whole notebook at any time. Run it once from the top before you hand it in. You may call the library's public functions, but not `course_lib.checks`.
#
# **Conventions.** Logarithms are natural, so everything is in nats. In a table, **z runs down the rows and x along the columns**: shape (n_z, n_x). Results keep the
# dtype of the inputs, float32 or float64. Do not change a tensor that was passed in.

# %% grade="locked" grade_id="setup"
import torch
from torch import Tensor

from course_lib.checks import information_preference as check
from course_lib.checks.ask import ask
from course_lib.checks.report import skip_unfinished

# %%
from course_lib.data import mnist
from course_lib.distributions import (
    ConditionalAutoregressiveBernoulli,
    ConditionalGaussian,
    StandardGaussian,
    mlp,
)
from course_lib.figures import information_preference as figures
from course_lib.figures.images import Picture
from course_lib.figures.style import KL, NEUTRAL, P, Q, new_figure
from course_lib.objectives import kl_per_dimension, rate_terms
from course_lib.training import cosine, fit

# %% [markdown]
# ## Exercise 1 · Many solutions, one ELBO
#
# 4 points · ●●○○○ · 20 minutes · slide 16
#
# Take any encoder q(z|x), and let the prior be its aggregate, $p(z) = q(z) = \sum_x p_{data}(x)\, q(z|x)$. Move the encoder a share $1 - t$ of the way to a
# constant, and let the decoder follow by Bayes' rule:
#
# $$q_t(z|x) = (1 - t)\, p(z) + t\, q(z|x), \qquad p_t(x|z) = \frac{p_{data}(x)\, q_t(z|x)}{p(z)}.$$
#
# The aggregate of $q_t$ is p(z) for every t, so both joints agree and the ELBO is $-H(p_{data})$, its best value, all along the path. At t = 0 the decoder
# ignores z.


# %% grade="solution" grade_id="valley"
def valley(p_data: Tensor, q_z_given_x: Tensor, share: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return encoder, prior and decoder at one point of the path.

    Args:
        p_data: (n_x,) the distribution of the data, without zeros.
        q_z_given_x: (n_z, n_x) an encoder, zeros allowed; each column sums to one, and every z
            occurs for some x.
        share: () the share t, from 0 (z is ignored) to 1 (the given encoder).

    Returns:
        (encoder, prior, decoder): (n_z, n_x) with columns of sum one, (n_z,), and (n_z, n_x) with
        rows of sum one.
    """
    ### BEGIN SOLUTION
    prior = q_z_given_x @ p_data
    encoder = (1 - share) * prior[:, None] + share * q_z_given_x
    decoder = p_data * encoder / prior[:, None]
    return encoder, prior, decoder
    ### END SOLUTION


# %% [markdown]
# **Try it.** Four x, four z. The joint of the model at three points of the path. What do all three tables have in common?

# %% tags=["raises-exception"]
with skip_unfinished():
    data = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.double)
    canvas, panels = new_figure(columns=3, width=6.6, height=2.6)
    for panel, t in zip(panels, (0.0, 0.5, 1.0), strict=True):
        _, prior, decoder = valley(data, torch.eye(4).double(), torch.tensor(t).double())
        panel.imshow(prior[:, None] * decoder, cmap="Blues", vmin=0, vmax=0.4)
        panel.set(title=f"t = {t}", xlabel="x", ylabel="z", xticks=range(4), yticks=range(4))
    display(Picture(canvas, "the joint of z and x at three points: independent, mixed, diagonal"))

# %% tags=["raises-exception"]
check.valley(valley)

# %% grade="test" grade_id="test_valley" points=4
# Graded: the same properties on other inputs.
check.valley(valley, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.valley(valley, seed=3607, input_scale=2.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 2 · What z says about x
#
# 4 points · ●●○○○ · 15 minutes · slides 16, 17
#
# The points of the valley differ in one number, the **mutual information**: how far the joint is from independence.
#
# $$I(x; z) = KL(q(z, x),\ q(z)\, q(x)) = \sum_{z, x} q(z, x) \log \frac{q(z, x)}{q(z)\, q(x)}.$$
#
# Both marginals are those of the table itself. A term with q(z, x) = 0 counts nothing, since $a \log a \to 0$ as $a \to 0$; in floating point, 0 · log 0 is NaN.


# %% grade="solution" grade_id="mutual_information"
def mutual_information(joint: Tensor) -> Tensor:
    """Return I(x; z) of a joint table.

    Args:
        joint: (n_z, n_x) a table of sum one. Zeros are allowed, and also a z or an x that never
            occurs.

    Returns:
        () the information in nats: zero if z and x are independent, never NaN.
    """
    ### BEGIN SOLUTION
    independent = joint.sum(1, keepdim=True) * joint.sum(0, keepdim=True)
    return (torch.xlogy(joint, joint) - torch.xlogy(joint, independent)).sum()
    ### END SOLUTION


# %% [markdown]
# **Try it.** K equally likely values are sent through a code that is right with probability t and otherwise picks any value. How much arrives?

# %% tags=["raises-exception"]
with skip_unfinished():
    rights = torch.linspace(0, 1, 51, dtype=torch.double)
    canvas, (axes,) = new_figure(width=6.0, height=2.6)
    for k, colour, dashes in ((2, P, "-"), (4, Q, "--"), (8, KL, "-.")):
        codes = [(1 - t) / k**2 + t * torch.eye(k).double() / k for t in rights]
        axes.plot(rights, [mutual_information(c) for c in codes], dashes, color=colour, label=k)
        axes.axhline(torch.tensor(float(k)).log(), color=NEUTRAL, ls=":", lw=1)
    axes.set(xlabel="probability that the code is right", ylabel="I(x; z), nats")
    axes.legend(title="values K", frameon=False)
    display(Picture(canvas, "information rises from zero to log K, slowly at first"))

# %% tags=["raises-exception"]
check.mutual_information(mutual_information)

# %% grade="test" grade_id="test_mutual_information" points=4
# Graded: the same properties on other inputs.
check.mutual_information(mutual_information, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.mutual_information(mutual_information, seed=9923, input_scale=2.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 3 · The price of a wrong z
#
# 3 points · ●●○○○ · 15 minutes · slide 16
#
# Does a decoder listen to z? Give it the z of another image and see what it loses. For n images with one z each, let the table hold
# $\log p(x_i|z_j)$ in row i and column j. The own z stands on the diagonal. For each image, compare it with the mean of the others:
#
# $$\mathrm{cost}_i = \log p(x_i|z_i) - \frac{1}{n - 1} \sum_{j \ne i} \log p(x_i|z_j).$$


# %% grade="solution" grade_id="shuffle_cost"
def shuffle_cost(log_p: Tensor) -> Tensor:
    """Return what log p(x|z) loses when z comes from another image.

    Gradients must reach log_p.

    Args:
        log_p: (n, n) log p(x_i|z_j) in row i, column j; n >= 2.

    Returns:
        (n,) nats, one for each image: zero if the decoder ignores z.
    """
    ### BEGIN SOLUTION
    own = log_p.diagonal()
    others = (log_p.sum(1) - own) / (len(log_p) - 1)
    return own - others
    ### END SOLUTION


# %% [markdown]
# **Try it.** The decoders of the valley, on 8 images that are all different. The information in z cannot pass log 8. What happens to the cost of a wrong z?

# %% tags=["raises-exception"]
with skip_unfinished():
    shares = torch.linspace(0, 0.99, 34, dtype=torch.double)
    eye = torch.eye(8, dtype=torch.double)
    tables = [((1 - t) / 8 + t * eye).log() for t in shares]
    canvas, (axes,) = new_figure(width=6.0, height=2.6)
    axes.plot(shares, [shuffle_cost(table).mean() for table in tables], color=Q)
    axes.axhline(torch.tensor(8.0).log(), color=NEUTRAL, ls=":", label="log 8")
    axes.set(xlabel="share t of the informative solution", ylabel="cost of a wrong z, nats")
    axes.legend(frameon=False)
    display(Picture(canvas, "the cost of a wrong z rises without limit as t goes to one"))

# %% tags=["raises-exception"]
check.shuffle_cost(shuffle_cost)

# %% grade="test" grade_id="test_shuffle_cost" points=3
# Graded: the same properties on other inputs.
check.shuffle_cost(shuffle_cost, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.shuffle_cost(shuffle_cost, seed=1187, input_scale=3.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 4 · A floor under the KL
#
# 5 points · ●●○○○ · 15 minutes · slide 16
#
# A remedy for an unused z makes the first few nats free (Kingma et al., 2016). Each dimension of z gets a floor λ under the **mean** of its KL over the batch:
#
# $$\sum_j \max\Big(\lambda,\ \frac1B \sum_b KL_{bj}\Big).$$
#
# A dimension below the floor costs λ whatever it does, so its KL gets no gradient there and the reconstruction can use it. A floor under each example, or under
# the sum over dimensions, would be another algorithm.


# %% grade="solution" grade_id="free_bits"
def free_bits(kl: Tensor, floor: Tensor) -> Tensor:
    """Return the KL with a floor under the batch mean of each dimension.

    Gradients must reach kl: zero in dimensions whose batch mean is below the floor, and those of
    the mean KL in the others.

    Args:
        kl: (batch, dim) KL of each example in each dimension; a batch of one is allowed.
        floor: () nats per dimension, at least 0.

    Returns:
        () nats, at least dim * floor.
    """
    ### BEGIN SOLUTION
    return torch.maximum(kl.mean(0), floor).sum()
    ### END SOLUTION


# %% [markdown]
# **Try it.** Two dimensions: one has a KL of 2 nats, the other moves. Where does training feel the second one?

# %% tags=["raises-exception"]
with skip_unfinished():
    moving = torch.linspace(0, 2, 41)
    canvas, (axes,) = new_figure(width=6.0, height=2.6)
    for floor, colour, dashes in ((0.0, P, "-"), (0.5, Q, "--"), (1.0, KL, "-.")):
        costs = [free_bits(torch.tensor([[2.0, k]]), torch.tensor(floor)) for k in moving]
        axes.plot(moving, costs, dashes, color=colour, label=floor)
    axes.set(xlabel="KL of the second dimension, nats", ylabel="cost, nats")
    axes.legend(title="floor λ", frameon=False)
    display(Picture(canvas, "the cost is flat below the floor and then rises with slope one"))

# %% tags=["raises-exception"]
check.free_bits(free_bits)

# %% grade="test" grade_id="test_free_bits" points=5
# Graded: the same properties on other inputs.
check.free_bits(free_bits, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.free_bits(free_bits, seed=5051, input_scale=2.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 5 · Paying for information
#
# 4 points · ●●●○○ · 20 minutes · slides 17, 18
#
# Slide 17 adds information to the matching of the joints with z first, and InfoVAE (Zhao et al., 2019) also weighs the matching of q(z):
#
# $$\alpha\, I_q(x; z) - \lambda\, KL(q(z), p(z)) - E_{q(z)} KL(q(x|z), p(x|z)).$$
#
# $I_q$ is not what a VAE computes. Use $E_{p_{data}}[L] = -KL(q(z), p(z)) - E_{q(z)} KL(q(x|z), p(x|z)) - H(p_{data})$ and
# $E\,[\text{rate}] = I_q + KL(q(z), p(z))$ to rewrite it, up to the constant $H(p_{data})$, in reconstruction, rate and KL(q(z), p(z)). Which weight do the
# last two get? At α = 0, λ = 1 it must be the ELBO.


# %% grade="solution" grade_id="info_vae_objective"
def info_vae_objective(
    reconstruction: Tensor, rate: Tensor, marginal_kl: Tensor, alpha: Tensor, lambda_: Tensor
) -> Tensor:
    """Return the objective of each example, which training maximises.

    Gradients must reach reconstruction, rate and marginal_kl.

    Args:
        reconstruction: (batch,) E_q[log p(x|z)] in nats; a batch of one is allowed.
        rate: (batch,) KL(q(z|x), p(z)).
        marginal_kl: () KL(q(z), p(z)), the same for all examples.
        alpha: () the weight of the information; negative values penalise it.
        lambda_: () the weight of KL(q(z), p(z)).

    Returns:
        (batch,) nats.
    """
    ### BEGIN SOLUTION
    return reconstruction - (1 - alpha) * rate - (alpha + lambda_ - 1) * marginal_kl
    ### END SOLUTION


# %% [markdown]
# **Try it.** Two models with the same ELBO, one of which leaves z unused. Which one does each (α, λ) prefer?

# %% tags=["raises-exception"]
with skip_unfinished():
    # unused z: log p(x|z) -12, rate 0; used z: log p(x|z) -8, rate 4 = 3.8 + 0.2
    logs, rates = torch.tensor([-12.0, -8.0]), torch.tensor([0.0, 4.0])
    mismatches = (torch.tensor(0.0), torch.tensor(0.2))
    for alpha, lambda_ in ((0.0, 1.0), (-3.0, 4.0), (0.5, 1.0), (1.0, 10.0), (0.5, 20.0)):
        weights = torch.tensor(alpha), torch.tensor(lambda_)
        unused, used = (
            float(info_vae_objective(logs[i : i + 1], rates[i : i + 1], mismatches[i], *weights))
            for i in (0, 1)
        )
        print(f"α {alpha:4.1f}, λ {lambda_:4.1f}: z unused {unused:7.2f}, z used {used:7.2f}")

# %% tags=["raises-exception"]
check.info_vae_objective(info_vae_objective)

# %% grade="test" grade_id="test_info_vae_objective" points=4
# Graded: the same properties on other inputs.
check.info_vae_objective(info_vae_objective, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.info_vae_objective(info_vae_objective, seed=2879, input_scale=3.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 6 · What a beta-VAE optimises
#
# 6 points · ●●●○○ · 25 minutes · slide 18
#
# A beta-VAE maximises $E[\log p(x|z)] - \beta\, E\,KL(q(z|x), p(z))$, averages over $p_{data}(x)\, q(z|x)$. Slide 18 says what that means, up to a constant:
#
# $$= \underbrace{-(\beta - 1)\, I_q(x; z)}_{\text{information}} \underbrace{-\, \beta\, KL(q(z), p(z))}_{\text{marginal}}
# \underbrace{-\, E_{q(z)} KL(q(x|z), p(x|z))}_{\text{conditional}} \underbrace{-\, H(p_{data})}_{\text{constant}}.$$
#
# Compute all four, with their signs and weights, from the tables.


# %% grade="solution" grade_id="beta_split"
def beta_split(
    p_data: Tensor, q_z_given_x: Tensor, p_z: Tensor, p_x_given_z: Tensor, beta: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the four terms that add up to the average objective of a beta-VAE.

    Args:
        p_data: (n_x,) the distribution of the data; no table has zeros.
        q_z_given_x: (n_z, n_x) the encoder; each column sums to one.
        p_z: (n_z,) the prior.
        p_x_given_z: (n_z, n_x) the decoder; each row sums to one.
        beta: () the weight of the rate, at least 0.

    Returns:
        (information, marginal, conditional, constant), each () and in nats, with its sign and
        weight.
    """
    ### BEGIN SOLUTION
    joint = p_data * q_z_given_x
    q_z = joint.sum(1)
    information = (joint * (q_z_given_x / q_z[:, None]).log()).sum()
    marginal = (q_z * (q_z / p_z).log()).sum()
    conditional = (joint * (joint / q_z[:, None] / p_x_given_z).log()).sum()
    constant = (p_data * p_data.log()).sum()
    return (1 - beta) * information, -beta * marginal, -conditional, constant
    ### END SOLUTION


# %% [markdown]
# **Try it.** One random world, β from 0 to 4. Which term changes its sign, and where?

# %% tags=["raises-exception"]
with skip_unfinished():
    torch.manual_seed(0)
    world = (
        torch.randn(5).softmax(0),
        torch.randn(7, 5).mul(2).softmax(0),
        torch.randn(7).softmax(0),
        torch.randn(7, 5).mul(2).softmax(1),
    )
    betas = torch.linspace(0, 4, 41)
    terms = torch.stack([torch.stack(beta_split(*world, beta)) for beta in betas])
    canvas, (axes,) = new_figure(width=6.6, height=2.8)
    names = ("information", "marginal", "conditional", "constant")
    looks = ((Q, "-"), (P, "--"), (KL, "-."), (NEUTRAL, ":"))
    for i, (colour, dashes) in enumerate(looks):
        axes.plot(betas, terms[:, i], dashes, color=colour, label=names[i])
    axes.axhline(0, color=NEUTRAL, lw=0.8)
    axes.set(xlabel="β", ylabel="nats")
    axes.legend(frameon=False, ncols=2)
    display(Picture(canvas, "four terms of the objective of a beta-VAE against beta"))

# %% tags=["raises-exception"]
check.beta_split(beta_split)

# %% grade="test" grade_id="test_beta_split" points=6
# Graded: the same properties on other inputs.
check.beta_split(beta_split, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.beta_split(beta_split, seed=7151, input_scale=2.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 7 · The information of a code
#
# 4 points · ●●○○○ · 15 minutes · slide 17
#
# InfoGAN draws a code c ~ p(c), generates x from it, and asks a recogniser q(c|x) to read the code back. The information is bounded from below:
#
# $$I(c; x) \ge H(c) + E_{p(c)\, p(x|c)}[\log q(c|x)], \qquad H(c) = -\sum_c p(c) \log p(c).$$
#
# Return the bound of each generated example: H(c) plus the log-probability that the recogniser gives to the true code.


# %% grade="solution" grade_id="infogan_bound"
def infogan_bound(code: Tensor, logits: Tensor, p_code: Tensor) -> Tensor:
    """Return H(c) + log q(c|x) for each example, whose mean bounds I(c; x) from below.

    Gradients must reach logits.

    Args:
        code: (batch,) int64, the code that each x was made from; a batch of one is allowed.
        logits: (batch, k) the recogniser's logits; q(c|x) is their softmax.
        p_code: (k,) the distribution of the codes, without zeros.

    Returns:
        (batch,) nats, finite also for logits that are 1000 apart.
    """
    ### BEGIN SOLUTION
    entropy = -(p_code * p_code.log()).sum()
    log_q = logits.log_softmax(1).gather(1, code[:, None])[:, 0]
    return entropy + log_q
    ### END SOLUTION


# %% [markdown]
# **Try it.** A recogniser that is right with growing confidence, and one that is wrong in one case of ten. Can confidence be too large?

# %% tags=["raises-exception"]
with skip_unfinished():
    confidence = torch.linspace(0, 12, 49)
    codes, ten = torch.arange(10), torch.full((10,), 0.1)
    canvas, (axes,) = new_figure(width=6.0, height=2.6)
    for slips, colour, dashes in ((0, P, "-"), (1, Q, "--")):
        read = codes.clone()
        read[:slips] = 9
        hot = torch.nn.functional.one_hot(read, 10).float()
        bounds = [infogan_bound(codes, c * hot, ten).mean() for c in confidence]
        axes.plot(confidence, bounds, dashes, color=colour, label=f"{slips} of 10 wrong")
    axes.axhline(torch.tensor(10.0).log(), color=NEUTRAL, ls=":", label="log 10")
    axes.set(xlabel="logit of the code that was read", ylabel="bound, nats")
    axes.legend(frameon=False)
    display(Picture(canvas, "the bound rises to log 10, or has a maximum if the code is misread"))

# %% tags=["raises-exception"]
check.infogan_bound(infogan_bound)

# %% grade="test" grade_id="test_infogan_bound" points=4
# Graded: the same properties on other inputs.
check.infogan_bound(infogan_bound, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.infogan_bound(infogan_bound, seed=6701, input_scale=3.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 8 · A derivation
#
# 6 points · ●●●○○ · 25 minutes · slide 18
#
# Start from the objective of a beta-VAE, $E_{p_{data}(x) q(z|x)}[\log p(x|z)] - \beta\, E_{p_{data}} KL(q(z|x), p(z))$.
#
# **(a)** Show in your own steps that it equals the right side of exercise 6. Say where the constant $-H(p_{data})$ comes from. (3 points)
#
# **(b)** Which α and λ of exercise 5 give the beta-VAE? For which β does it reward information, and what is the price: what becomes of the ELBO that
# training reaches, and of q(z)? (2 points)
#
# **(c)** A decoder can be $p_{data}(x)$ whatever z is, and the encoder can be p(z) whatever x is. Is that pair a maximum of the beta-VAE's objective for β = 1, for β > 1,
# and for β < 1? Give a reason in one sentence. (1 point)

# %% [markdown] grade="written" grade_id="derivation" points=6
# **(a)** All averages are over $q(z, x) = p_{data}(x)\, q(z|x)$. By Bayes' rule, $q(x|z) = q(z, x)/q(z)$, so $\log q(x|z) - \log p_{data}(x) = \log q(z|x) - \log q(z)$, whose
# average is $I_q(x; z)$. Insert q(x|z) into the reconstruction:
#
# $$E[\log p(x|z)] = -E\left[\log \frac{q(x|z)}{p(x|z)}\right] + E[\log q(x|z)] = -E_{q(z)} KL(q(x|z), p(x|z)) + I_q - H(p_{data}),$$
#
# because $E[\log q(x|z)] = I_q + E[\log p_{data}(x)]$. The constant is the average of $\log p_{data}(x)$: it does not depend on the model. Insert q(z) into the rate:
#
# $$E_{p_{data}} KL(q(z|x), p(z)) = E\left[\log \frac{q(z|x)}{q(z)}\right] + E\left[\log \frac{q(z)}{p(z)}\right] = I_q + KL(q(z), p(z)).$$
#
# Add them up with the weight β: $I_q - \beta I_q = -(\beta - 1) I_q$, and the other terms are as stated.
#
# **(b)** α = 1 - β, λ = β: then (1 - α) = β weighs the rate and α + λ - 1 = 0. The weight of $I_q$ is 1 - β, so information is rewarded for β < 1. The ELBO
# is still a bound on log p(x), but it is no longer what is maximised, so the bound reached is lower in general, and q(z) may leave the prior, because its mismatch is weighed by β < 1 too.
#
# **(c)** Both matching terms are zero and $I_q = 0$. For β = 1 it is a maximum, one of many. For β > 1 it is a maximum too, since information now costs, and every maximum has $I_q = 0$. For β < 1 it is
# not, if z can carry information with both matches kept, because $(1 - \beta) I_q$ is then positive.
#
# ---
# **Mark scheme**
#
# | points | for | common losses |
# |---|---|---|
# | 1 | (a) q(x given z) inserted into the reconstruction, I_q found there | I_q taken from the rate only, weight -β instead of -(β - 1) |
# | 1 | (a) the rate as information plus mismatch | q(z) taken for p(z) |
# | 1 | (a) the constant is the average of log p_data | "some constant", or the sign of H reversed |
# | 1 | (b) α = 1 - β, λ = β, with the weights that follow | one of the two: half a point |
# | 1 | (b) β < 1 rewards information, and the price: a lower bound, or a mismatch of q(z) | the price not named: half a point |
# | 1 | (c) all three cases with the reason | two cases: half a point |
#
# **Three answers and their marks**
#
# *6 points.* The model answer, or: "log p(x|z) = log q(x|z) - log(q(x|z)/p(x|z)), and log q(x|z) = log q(z|x) - log q(z) + log p_data(x). The average of the last is -H. ... (b) 1 - α = β and
# α + λ = 1. For β < 1 I_q has a plus sign, paid with a worse ELBO. (c) β = 1 yes, β > 1 yes, β < 1 no: more I_q at no cost elsewhere is better."
#
# *4 points.* (a) complete. (b) α = 1 - β, λ = β, "so β < 1 rewards information", without the price (half lost). (c) "Yes for β = 1, where all points of the valley are equal" with no word on the
# other cases (1 lost). In (a) the constant is called "independent of θ" and not identified (half lost).
#
# *2 points.* (a) writes the rate as information plus mismatch (1 of 3), and then says that the reconstruction is the conditional KL. (b) "α = -β, λ = β" (0), β < 1 rewards information (half).
# (c) two cases right (half).

# %% [markdown]
# ## All together · a VAE that uses its z
#
# Nothing below is graded. The decoder is autoregressive over the pixels of small images, so it can do without z (slide 16). The class holds the networks; the cost of z is your
# `free_bits`. Training takes about five seconds for each floor.


# %% grade="locked" grade_id="your_vae"
class YourVAE(torch.nn.Module):
    """A VAE on binary 7x7 digits with an autoregressive decoder and your free bits."""

    def __init__(self, floor: float) -> None:
        super().__init__()
        self.posterior = ConditionalGaussian(mlp(49, (100,), 8, flatten=3), 4)
        self.prior = StandardGaussian(4)
        self.likelihood = ConditionalAutoregressiveBernoulli((1, 7, 7), (200,), context_dim=4)
        self.floor = torch.tensor(floor)

    def losses(self, batch: Tensor) -> dict[str, Tensor]:
        """Return what training minimises, with your ``free_bits`` as the cost of z."""
        q = self.posterior(batch)
        reconstruction = self.likelihood(q.rsample()).log_prob(batch).mean()
        cost = free_bits(kl_per_dimension(q, self.prior()), self.floor)
        return {"model": cost - reconstruction}


# %% tags=["raises-exception"]
def small(part: Tensor) -> Tensor:
    return (torch.nn.functional.avg_pool2d(part, 4) > 127).float()


large = mnist.load("grey")
train, held_out = small(large.train.x), small(large.test.x)
torch.set_num_threads(1)  # for networks this small a second core only gets in the way
STEPS = 800
yours = {}
with skip_unfinished():
    for floor in (0.0, 0.5):
        torch.manual_seed(0)
        model = YourVAE(floor)
        model.losses(train[:2])  # an unfinished exercise shows here
        options = {"learning_rate": cosine(3e-3, STEPS), "seed": 0, "checkpoint": "checkpoints"}
        fit(model, train, steps=STEPS, **options, label=f"floor {floor}")
        yours[floor] = model

# %% tags=["raises-exception"]
with skip_unfinished():
    for floor, model in yours.items():
        torch.manual_seed(0)
        with torch.no_grad():
            q = model.posterior(held_out)
            z = q.sample()
            reconstruction = model.likelihood(z).log_prob(held_out)
            parts = rate_terms(q, model.prior())
            weights = torch.tensor(0.0), torch.tensor(0.0), torch.tensor(1.0)
            elbo = info_vae_objective(reconstruction, parts.rate, *weights)
            images, codes = held_out[:100], z[:100]
            log_p = torch.stack(
                [model.likelihood(c.expand(100, 4)).log_prob(images) for c in codes]
            )
        print(
            f"floor {floor}: ELBO {elbo.mean():.2f} nats per image,"
            f" I_q {parts.information.mean():.2f} nats,"
            f" a wrong z costs {shuffle_cost(log_p.T).mean():.2f} nats"
        )

# %% [markdown]
# Compare the bounds with each other, and then the use of z. Which of the two would you keep if you wanted to generate images, and which one if you wanted a code of each image?
#
# ## All together · the figures of the lecture
#
# The tables and the dots are now made by your `valley` and `mutual_information`; the library's curves are dashed. As long as the dots lie on them, you and the library agree.

# %%
figures.preference_path(valley, mutual_information)

# %% [markdown]
# Here the curve is your `info_vae_objective` along the path, and the dots are its maxima. The decoder can follow up to its limit c.

# %%
figures.priced_information(info_vae_objective)
