# %% [markdown]
# # Problem set 5 · The variational RNN
#
# **Slide 9 of Lecture 12 of [CS236](https://deepgenerativemodels.github.io/).** You write one step of a variational RNN, its bound, two tighter bounds, and the loop by which
# it draws. At the end your functions train a VRNN on the rows of digits, and they drive the lecture's figure.
#
# | no. | exercise | points | difficulty | minutes | slide |
# |---|---|---|---|---|---|
# | 1 | `masked_sum`: padding adds exactly zero | 3 | ●○○○○ | 10 | 9 |
# | 2 | `vrnn_step`: the four parts of the slide | 7 | ●●○○○ | 25 | 9 |
# | 3 | `vrnn_elbo`: a sum over time | 6 | ●●●○○ | 20 | 9 |
# | 4 | `path_bound`: one weight for each path | 4 | ●●○○○ | 15 | 9 |
# | 5 | `filter_step`: paths that explain nothing are dropped | 6 | ●●●●○ | 30 | 9 |
# | 6 | `dream`: the model goes on by itself | 5 | ●●●○○ | 15 | 9 |
# | 7 | a derivation, on paper | 6 | ●●●○○ | 30 | 9 |
#
# **How it works.** Replace each `raise NotImplementedError(...)` by your code. The cell below it draws a picture. The cell after that checks your function and, if
# something is wrong, says what it looks like. The graded cell runs the same check on other inputs. No exercise needs your answer to another one, and you may run the
# whole notebook at any time. Run it once from the top before you hand it in. You may call the library's public functions, but not `course_lib.checks`.
#
# **Conventions.** Logarithms are natural, so everything is in nats. The batch is always the first dimension, and time comes after it. A Gaussian is one tensor whose last
# dimension holds mu and then `log_scale`: `mu, log_scale = parameters.chunk(2, -1)`. `log_scale` is the logarithm of the *standard deviation*. Results keep the dtype of the
# inputs, float32 or float64. A batch of one is a batch. Do not change a tensor that was passed in, and draw no random numbers: all noise is an argument.

# %% grade="locked" grade_id="setup"
import torch
from torch import Tensor

from course_lib.checks import variational_rnn as check
from course_lib.checks.ask import ask
from course_lib.checks.report import skip_unfinished

# %%
from course_lib.data import rows
from course_lib.figures import variational_rnn as figures
from course_lib.figures.images import Picture, tile
from course_lib.figures.style import ELBO, KL, NEUTRAL, P, Q, new_figure
from course_lib.models.warm_up import WarmUp
from course_lib.training import cosine, fit

# %% [markdown]
# ## Exercise 1 · Padding
#
# 3 points · ●○○○○ · 10 minutes · slide 9
#
# Sequences of different lengths stand in one tensor; the shorter ones are *padded*. The log-likelihood of a sequence is a sum over its own steps,
#
# $$\sum_{t=1}^{T_b} \text{terms}_{b,t}, \qquad T_b = \text{length of sequence } b.$$
#
# Padding must add exactly zero, whatever it holds. A network may well return $-\infty$ there, and $0 \cdot \infty$ is NaN.


# %% grade="solution" grade_id="masked_sum"
def masked_sum(terms: Tensor, length: Tensor) -> Tensor:
    """Return the sum of each sequence's own terms.

    Gradients must reach the terms that count; those of the padding are exactly zero.

    Args:
        terms: (batch, time) one number per step; from step ``length`` on it is padding and may
            hold anything, infinity too.
        length: (batch,) int64, how many steps each sequence has, at least 1.

    Returns:
        (batch,) sums, in nats per sequence.
    """
    ### BEGIN SOLUTION
    valid = torch.arange(terms.shape[1]) < length[:, None]  # (batch, time)
    return terms.where(valid, 0.0).sum(1)
    ### END SOLUTION


# %% [markdown]
# **Try it.** Three sequences whose steps have -2 nats each, padded with zeros and padded with -9. Does the padding change your sums?

# %% tags=["raises-exception"]
with skip_unfinished():
    length = torch.tensor([8, 5, 2])
    canvas, (axes,) = new_figure(width=6.0, height=2.4)
    for i, (padding, colour) in enumerate(((0.0, P), (-9.0, Q))):
        inside = torch.arange(8) < length[:, None]
        sums = masked_sum(torch.where(inside, -2.0, padding), length)
        places = torch.arange(3) + 0.3 * i - 0.15
        axes.bar(places, sums, 0.28, color=colour, label=f"padded with {padding:g}")
    axes.set(ylabel="nats", xlabel="length of the sequence", xticks=range(3), ylim=(-30, 0))
    axes.set_xticklabels(length.tolist())
    axes.legend(frameon=False, loc="lower right")
    display(Picture(canvas, "sums over sequences of length 8, 5 and 2 under two kinds of padding"))

# %% tags=["raises-exception"]
check.masked_sum(masked_sum)

# %% grade="test" grade_id="test_masked_sum" points=3
# Graded: the same properties on other inputs.
check.masked_sum(masked_sum, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.masked_sum(masked_sum, seed=4211, input_scale=3.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 2 · One step, four parts
#
# 7 points · ●●○○○ · 25 minutes · slide 9
#
# The diagram of slide 9 has four parts. Here each of them is one matrix, and $(a, b)$ means that two vectors stand one after the other in one:
#
# $$\begin{aligned}
# \text{(a) prior} &\quad p(z_t \mid h_{t-1}): & \text{parameters } & W_{prior}\, h_{t-1} \\
# \text{(d) inference} &\quad q(z_t \mid x_t, h_{t-1}): & \text{parameters } & W_{posterior}\, (x_t, h_{t-1}) \\
# \text{draw} &\quad z_t \sim q: & z_t = {} & \mu + e^{\text{log-scale}}\, \epsilon_t \\
# \text{(b) generation} &\quad p(x_t \mid z_t, h_{t-1}): & \text{logits } & W_x\, (z_t, h_{t-1}) \\
# \text{(c) recurrence} &\quad h_t = {} & & \tanh\big(W_h\, (x_t, z_t, h_{t-1})\big)
# \end{aligned}$$
#
# Mind who sees what: only inference and recurrence may look at $x_t$, and nobody sees $h_t$ before the step is over.


# %% grade="solution" grade_id="vrnn_step"
def vrnn_step(
    x: Tensor,
    h: Tensor,
    eps: Tensor,
    w_prior: Tensor,
    w_posterior: Tensor,
    w_x: Tensor,
    w_h: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return one step of a variational RNN; each matrix multiplies every row of the batch.

    Gradients must reach h and the four matrices, through z too.

    Args:
        x: (batch, x_dim) the step's observation.
        h: (batch, state) the state before the step, h_{t-1}.
        eps: (batch, z_dim) standard normal noise.
        w_prior: (2 z_dim, state); its product with h_{t-1} is mu, then log_scale.
        w_posterior: (2 z_dim, x_dim + state), for (x_t, h_{t-1}) in this order.
        w_x: (x_dim, z_dim + state), for (z_t, h_{t-1}).
        w_h: (state, x_dim + z_dim + state), for (x_t, z_t, h_{t-1}).

    Returns:
        (prior, posterior, z, logits, h_next): (batch, 2 z_dim) twice, mu before log_scale;
        (batch, z_dim); (batch, x_dim), no sigmoid; and (batch, state).
    """
    ### BEGIN SOLUTION
    prior = h @ w_prior.T
    posterior = torch.cat((x, h), -1) @ w_posterior.T
    mu, log_scale = posterior.chunk(2, -1)
    z = mu + log_scale.exp() * eps
    logits = torch.cat((z, h), -1) @ w_x.T
    h_next = torch.tanh(torch.cat((x, z, h), -1) @ w_h.T)
    return prior, posterior, z, logits, h_next
    ### END SOLUTION


# %% [markdown]
# **Try it.** An untrained model walks through 30 steps of a random sequence twice; the second time, x of step 10 is another. From which step on does the prior notice it, and from which step on does
# the posterior?

# %% tags=["raises-exception"]
with skip_unfinished():
    torch.manual_seed(0)
    sizes = ((4, 16), (4, 24), (8, 18), (16, 26))
    weights = [0.5 * torch.randn(size) / size[1] ** 0.5 for size in sizes]
    x, noise, walks = torch.randn(30, 1, 8), torch.randn(30, 1, 2), []
    for seen in (x, torch.where(torch.arange(30)[:, None, None] == 9, -3 * x, x)):
        h, walk = torch.ones(1, 16), []
        for x_t, eps in zip(seen, noise, strict=True):
            prior, posterior, _, _, h = vrnn_step(x_t, h, eps, *weights)
            walk.append(torch.cat((prior, posterior)))
        walks.append(torch.stack(walk))
    apart = (walks[0] - walks[1]).norm(dim=-1)  # (time, 2)
    canvas, (axes,) = new_figure(width=6.6, height=2.6)
    axes.plot(range(1, 31), apart[:, 0], "o-", ms=4, color=P, label="prior")
    axes.plot(range(1, 31), apart[:, 1], "s--", ms=4, color=Q, label="posterior")
    axes.axvline(10, color=NEUTRAL, lw=1, ls=":")
    axes.set(xlabel="step t (x of step 10 differs)", ylabel="difference")
    axes.legend(frameon=False)
    display(Picture(canvas, "difference of prior and posterior of two walks, zero before step 10"))

# %% tags=["raises-exception"]
check.vrnn_step(vrnn_step)

# %% grade="test" grade_id="test_vrnn_step" points=7
# Graded: the same properties on other inputs.
check.vrnn_step(vrnn_step, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.vrnn_step(vrnn_step, seed=9041, input_scale=2.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 3 · The bound is a sum over time
#
# 6 points · ●●●○○ · 20 minutes · slide 9
#
# $$L(x) = E_q \sum_{t=1}^T \Big[ \log p(x_t \mid z_{\le t}, x_{<t}) - KL\big(q(z_t \mid z_{<t}, x_{\le t}),\ p(z_t \mid z_{<t}, x_{<t})\big) \Big].$$
#
# You get $\log p(x_t | \ldots)$ and the parameters of both Gaussians for every step of one sampled path. The KL of two Gaussians with diagonal covariance is the sum over the dimensions of
#
# $$\log \sigma_p - \log \sigma_q + \frac{\sigma_q^2 + (\mu_q - \mu_p)^2}{2 \sigma_p^2} - \frac12.$$
#
# The prior is *learned*: it is not N(0, I).


# %% grade="solution" grade_id="vrnn_elbo"
def vrnn_elbo(
    log_px: Tensor, posterior: Tensor, prior: Tensor, length: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the ELBO of each sequence and its two parts, estimated from one path.

    Gradients must reach log_px, posterior and prior.

    Args:
        log_px: (batch, time) log p(x_t | z_<=t, x_<t); from step ``length`` on it may hold
            anything, infinity too.
        posterior: (batch, time, 2 z_dim) mu and log_scale of q(z_t | ...), finite.
        prior: (batch, time, 2 z_dim) mu and log_scale of p(z_t | ...), finite.
        length: (batch,) int64, how many steps count.

    Returns:
        (elbo, reconstruction, kl), each (batch,), in nats per sequence.
    """
    ### BEGIN SOLUTION
    valid = torch.arange(log_px.shape[1]) < length[:, None]
    m, s = posterior.chunk(2, -1)
    n, t = prior.chunk(2, -1)
    each = t - s + 0.5 * ((2 * (s - t)).exp() + ((m - n) * (-t).exp()) ** 2 - 1)
    reconstruction = log_px.where(valid, 0.0).sum(1)
    kl = each.sum(-1).where(valid, 0.0).sum(1)
    return reconstruction - kl, reconstruction, kl
    ### END SOLUTION


# %% [markdown]
# **Try it.** Ten steps whose posterior stands 1.5 standard deviations away from N(0, 1). The prior follows it: a share of 0 is N(0, 1), a share of 1 is the posterior's mean. What does a prior that
# looks back save?

# %% tags=["raises-exception"]
with skip_unfinished():
    share = torch.linspace(0, 1, 41)
    means = torch.full((41, 10, 1), 1.5)
    q = torch.cat((means, torch.full_like(means, -0.7)), -1)
    p = torch.cat((share[:, None, None] * means, torch.zeros_like(means)), -1)
    terms = vrnn_elbo(torch.full((41, 10), -3.0), q, p, torch.full((41,), 10))
    canvas, (axes,) = new_figure(width=6.2, height=2.6)
    looks = (("ELBO", ELBO, "-"), ("reconstruction", P, "--"), ("KL", KL, "-."))
    for values, (name, colour, dashes) in zip(terms, looks, strict=True):
        axes.plot(share, values, dashes, color=colour, label=name)
    axes.set(xlabel="how far the prior follows the posterior", ylabel="nats")
    axes.legend(frameon=False)
    display(Picture(canvas, "ELBO, reconstruction and KL against the share; the KL falls"))

# %% tags=["raises-exception"]
check.vrnn_elbo(vrnn_elbo)

# %% grade="test" grade_id="test_vrnn_elbo" points=6
# Graded: the same properties on other inputs.
check.vrnn_elbo(vrnn_elbo, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.vrnn_elbo(vrnn_elbo, seed=6373, input_scale=2.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 4 · Whole paths
#
# 4 points · ●●○○○ · 15 minutes · slide 9
#
# Draw k whole paths from q. Each has one weight, the product of the weights of its steps, and the mean of these weights is p(x) on average. So
#
# $$L_k(x) = E \log \frac1k \sum_{j=1}^k \prod_{t=1}^T w_t^j, \qquad w_t = \frac{p(x_t | z_{\le t}, x_{<t})\, p(z_t | z_{<t}, x_{<t})}{q(z_t | z_{<t}, x_{\le t})}$$
#
# is a lower bound on log p(x), and it grows with k. A product of many weights is far below what a float can hold, so stay in logarithms.


# %% grade="solution" grade_id="path_bound"
def path_bound(log_w: Tensor, length: Tensor) -> Tensor:
    """Return an estimate of the importance bound of each sequence, from k whole paths.

    Gradients must reach log_w.

    Args:
        log_w: (batch, k, time) the logarithms of w_t for k paths; padding may contain anything,
            infinity too.
        length: (batch,) int64, how many steps count.

    Returns:
        (batch,) bounds, in nats per sequence, finite also for weights of exp(-10000).
    """
    ### BEGIN SOLUTION
    valid = torch.arange(log_w.shape[2]) < length[:, None, None]  # (batch, 1, time)
    paths = log_w.where(valid, 0.0).sum(2)  # (batch, k)
    return paths.logsumexp(1) - torch.tensor(paths.shape[1], dtype=log_w.dtype).log()
    ### END SOLUTION


# %% [markdown]
# **Try it.** Weights with mean one at every step, so that log p(x) is 0. The bound for 1, 10 and 1000 paths, against the number of steps. Does a thousand paths help for long?

# %% tags=["raises-exception"]
with skip_unfinished():
    torch.manual_seed(0)
    times = [1, 2, 4, 8, 16, 32, 64]
    canvas, (axes,) = new_figure(width=6.4, height=2.8)
    for k, colour in ((1, NEUTRAL), (10, P), (1000, Q)):
        bounds = []
        for time in times:
            log_w = torch.randn(50, k, time) - 0.5
            bounds.append(path_bound(log_w, torch.full((50,), time)).mean())
        axes.plot(times, bounds, "o-", ms=4, color=colour, label=f"k = {k}")
    axes.axhline(0, color=NEUTRAL, ls=":", label="log p(x)")
    axes.set(xlabel="steps T", ylabel="bound, nats", xscale="log", xticks=times)
    axes.set_xticklabels(times)
    axes.minorticks_off()
    axes.legend(frameon=False)
    display(Picture(canvas, "the bound falls below log p(x) as T grows, more slowly for large k"))

# %% tags=["raises-exception"]
check.path_bound(path_bound)

# %% grade="test" grade_id="test_path_bound" points=4
# Graded: the same properties on other inputs.
check.path_bound(path_bound, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.path_bound(path_bound, seed=2693, input_scale=2.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 5 · One step of a particle filter
#
# 6 points · ●●●●○ · 30 minutes · slide 9
#
# After many steps almost all weight rests on one path, and the others are wasted. A particle filter *resamples* after each step: paths with a large weight are copied, and paths with a small one are
# dropped. From then on all paths count alike. Each step contributes the logarithm of its mean weight, and the sum over time,
#
# $$\sum_{t=1}^T \log \frac1k \sum_{j=1}^k w_t^j,$$
#
# is again a lower bound on log p(x) in expectation (Maddison et al., 2017). *Systematic resampling* needs one uniform number u for each sequence. Normalise the weights,
# $W^i = w^i / \sum_j w^j$, and lay them side by side as intervals that fill [0, 1): path i owns $[W^0 + \ldots + W^{i-1},\ W^0 + \ldots + W^i)$. Then the k places
# $(j + u) / k$, j = 0, ..., k - 1, say who survives: one copy of path i for every place in its interval. `torch.searchsorted(sums, places, right=True)` finds the intervals. Rounding may move
# the last place to 1, or the last sum below it; even then the last place must not point behind the last path.


# %% grade="solution" grade_id="filter_step"
def filter_step(log_w: Tensor, state: Tensor, offset: Tensor) -> tuple[Tensor, Tensor]:
    """Return the evidence of a step, and the states after systematic resampling.

    Gradients must reach log_w by the evidence and state by the copies; the choice of ancestors
    has none.

    Args:
        log_w: (batch, k) the logarithms of the step's weights; all of them may be near -1000, and
            some so low that the weight rounds to zero beside the others.
        state: (batch, k, dim) what each path remembers.
        offset: (batch,) the uniform number u of each sequence, in [0, 1).

    Returns:
        (evidence, chosen): (batch,) log of the mean weight, in nats, and (batch, k, dim) the
        states of the surviving paths, in the order of the places.
    """
    ### BEGIN SOLUTION
    k = log_w.shape[1]
    evidence = log_w.logsumexp(1) - torch.tensor(k, dtype=log_w.dtype).log()
    sums = log_w.softmax(1).cumsum(1)  # (batch, k)
    places = (torch.arange(k) + offset[:, None]) / k
    ancestors = torch.searchsorted(sums, places, right=True).clamp(max=k - 1)
    return evidence, state[torch.arange(len(state))[:, None], ancestors]
    ### END SOLUTION


# %% [markdown]
# **Try it.** A chain of two states that stays where it is with probability 0.9, and is seen through a coin that is right with probability 0.8. Here log p(x) is known: it is a sum over all paths, which two
# lines of algebra compute. A filter with 30 paths draws each next state from the chain and resamples by your function. Whole paths (weights multiplied) are shown beside it.

# %% tags=["raises-exception"]
with skip_unfinished():
    torch.manual_seed(0)
    stay, right, k, runs = 0.9, 0.8, 30, 40
    hidden = torch.cumsum(torch.rand(60) > stay, 0) % 2
    x = torch.where(torch.rand(60) < right, hidden, 1 - hidden)
    exact, belief = [0.0], torch.tensor([0.5, 0.5])
    filtered, paths = [torch.zeros(runs)], [torch.zeros(runs)]
    whole, alive = torch.zeros(runs, k), torch.randint(0, 2, (2, runs, k, 1)).float()
    for t in range(60):
        if t:
            belief = stay * belief + (1 - stay) * belief.flip(0)
            alive = torch.where(torch.rand(2, runs, k, 1) < stay, alive, 1 - alive)
        seen = torch.where(torch.arange(2) == x[t], right, 1 - right)
        exact.append(exact[-1] + float((belief * seen).sum().log()))
        belief = belief * seen / (belief * seen).sum()
        log_w = torch.where(alive[..., 0] == x[t], right, 1 - right).log()
        evidence, chosen = filter_step(log_w[0], alive[0], torch.rand(runs))
        alive = torch.stack((chosen, alive[1]))
        whole = whole + log_w[1]
        filtered.append(filtered[-1] + evidence)
        paths.append(whole.logsumexp(1) - torch.tensor(k).log())
    canvas, (axes,) = new_figure(width=6.6, height=2.8)
    looks = (("whole paths", paths, Q, "--"), ("particle filter", filtered, P, "-"))
    for name, bounds, colour, dashes in looks:
        gap = torch.stack(bounds).mean(1) - torch.tensor(exact)
        axes.plot(range(61), gap, dashes, color=colour, label=name)
    axes.axhline(0, color=NEUTRAL, ls=":", label="log p(x), exact")
    axes.set(xlabel="steps", ylabel="bound - log p(x), nats")
    axes.legend(frameon=False, loc="lower left")
    display(
        Picture(canvas, "the bound of whole paths falls away from log p(x), the filter's stays")
    )

# %% tags=["raises-exception"]
check.filter_step(filter_step)

# %% grade="test" grade_id="test_filter_step" points=6
# Graded: the same properties on other inputs.
check.filter_step(filter_step, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.filter_step(filter_step, seed=7793, input_scale=2.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 6 · A dream
#
# 5 points · ●●●○○ · 15 minutes · slide 9
#
# Without an x to look at, the model goes on by itself: $z_t$ comes from the *prior* of the step, $x_t$ from the generation, and the recurrence takes both into the state. Each bit of $x_t$ is one if its uniform
# number is smaller than its probability. Because all noise is an argument, the same noise gives the same dream.


# %% grade="solution" grade_id="dream"
def dream(
    h: Tensor, eps: Tensor, uniforms: Tensor, w_prior: Tensor, w_x: Tensor, w_h: Tensor
) -> Tensor:
    """Return the steps that a VRNN draws when it goes on from a state.

    The parts are those of ``vrnn_step``: the prior's parameters are the product of w_prior and h
    (mu, then log_scale), the logits that of w_x and (z, h), the next state the tanh of the
    product of w_h and (x, z, h).

    Args:
        h: (batch, state) the state to go on from.
        eps: (batch, steps, z_dim) standard normal noise for z.
        uniforms: (batch, steps, x_dim) numbers in [0, 1); a bit is 1 where its number is smaller
            than its probability.
        w_prior: (2 z_dim, state).
        w_x: (x_dim, z_dim + state).
        w_h: (state, x_dim + z_dim + state).

    Returns:
        (batch, steps, x_dim) zeros and ones, in the dtype of h.
    """
    ### BEGIN SOLUTION
    drawn = []
    for noise, u in zip(eps.unbind(1), uniforms.unbind(1), strict=True):
        mu, log_scale = (h @ w_prior.T).chunk(2, -1)
        z = mu + log_scale.exp() * noise
        p = (torch.cat((z, h), -1) @ w_x.T).sigmoid()
        x = (u < p).to(h.dtype)
        h = torch.tanh(torch.cat((x, z, h), -1) @ w_h.T)
        drawn.append(x)
    return torch.stack(drawn, 1)
    ### END SOLUTION


# %% [markdown]
# **Try it.** Two rows of four dreams by an untrained model, time from left to right. The dreams of the upper row share the uniforms and differ in the noise of z; in the lower row it is the other way round. They
# part within a few steps either way, because the state remembers whatever was drawn.

# %% tags=["raises-exception"]
with skip_unfinished():
    torch.manual_seed(0)
    sizes = ((4, 12), (8, 14), (12, 22))
    weights = [1.5 * torch.randn(size) / size[1] ** 0.5 for size in sizes]
    eps, uniforms = torch.randn(8, 24, 2), torch.rand(8, 24, 8)
    uniforms[:4], eps[4:] = uniforms[0], eps[4]
    dreams = dream(torch.ones(8, 12), eps, uniforms, *weights)
    display(tile(dreams.mT, columns=4, zoom=6, alt="eight dreams, time from left to right"))

# %% tags=["raises-exception"]
check.dream(dream)

# %% grade="test" grade_id="test_dream" points=5
# Graded: the same properties on other inputs.
check.dream(dream, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.dream(dream, seed=8111, input_scale=3.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 7 · A derivation
#
# 6 points · ●●●○○ · 30 minutes · slide 9
#
# The model is $p(x, z) = \prod_t p(x_t | z_{\le t}, x_{<t})\, p(z_t | z_{<t}, x_{<t})$, and $q(z | x) = \prod_t q(z_t | z_{<t}, x_{\le t})$.
#
# **(a)** Start from $L(x) = E_q[\log p(x, z) - \log q(z | x)]$ and derive the sum over time of exercise 3. Say over which variables the outer expectation of the KL at step t still runs, and
# which property of q allows you to drop the others. (3 points)
#
# **(b)** By the chain rule, the exact posterior is $\prod_t p(z_t | z_{<t}, x_{1:T})$. Name the conditional independence that would make a q of the form above able to equal it, and give a reason why it fails
# in general. (2 points)
#
# **(c)** Which formula is left for T = 1, and what is $h_0$ then good for? (1 point)

# %% [markdown] grade="written" grade_id="derivation" points=6
# **(a)** Both logarithms are sums over time, so
#
# $$L(x) = E_q \sum_t \Big[ \log p(x_t | z_{\le t}, x_{<t}) + \log p(z_t | z_{<t}, x_{<t}) - \log q(z_t | z_{<t}, x_{\le t}) \Big].$$
#
# The expectation of a sum is the sum of the expectations. The term of step t contains no z after step t. Because q is a product in the order of time, each later factor $q(z_s | z_{<s}, x_{\le s})$ integrates to one
# over $z_s$, from the last step backwards, so only $E_{q(z_{\le t} | x_{\le t})}$ remains. Split it into the expectation over $z_{<t}$ and the one over $z_t$ given $z_{<t}$:
#
# $$E_{q(z_{<t} | x_{<t})}\, E_{q(z_t | z_{<t}, x_{\le t})} \big[ \log p(z_t | z_{<t}, x_{<t}) - \log q(z_t | z_{<t}, x_{\le t}) \big]
# = -E_{q(z_{<t} | x_{<t})}\, KL\big(q(z_t | z_{<t}, x_{\le t}),\ p(z_t | z_{<t}, x_{<t})\big).$$
#
# So the KL at step t is averaged over the earlier $z_{<t}$ alone, and $\log p(x_t | \ldots)$ over $z_{\le t}$.
#
# **(b)** It would need $z_t \perp x_{t+1:T} \mid z_{<t}, x_{\le t}$ under the model, for every t. In general this is false: $z_t$ acts on $x_{t+1}, \ldots$ through the state, so later observations carry information about it. (In the Kalman chain, $x_{t+1}$ is a noisy
# measurement of $A z_t$.) Hence a gap remains even if all networks are perfect.
#
# **(c)** $L(x) = E_{q(z_1 | x_1)} \log p(x_1 | z_1) - KL(q(z_1 | x_1), p(z_1))$, the ELBO of a VAE. $h_0$ is a constant: it acts as a bias of prior, inference and generation, and carries no information.
#
# ---
# **Mark scheme**
#
# | points | for | common losses |
# |---|---|---|
# | 1 | (a) both joints as sums of logarithms over time, grouped by step | the grouping claimed, not shown: half a point |
# | 1 | (a) later factors of q integrate to one | the step is taken silently: half a point |
# | 1 | (a) the KL appears, averaged over z_<t and not over z_t | "averaged over z": half a point |
# | 1 | (b) the independence, with its conditioning set | "z_t independent of the future", nothing given: half a point |
# | 1 | (b) why it fails: z_t influences later x | "the networks are not perfect" is no reason |
# | 1 | (c) the VAE's ELBO, and h_0 as a constant | one half: half a point |
#
# **Three answers and their marks**
#
# *6 points.* The model answer, or: "Write log p and log q as sums over t. In term t the variables z_s with s > t occur only in later q factors, which sum to 1 one after the other starting at s = T. What is left is an average
# over z_<t of an average over z_t; the latter is log-likelihood minus KL. (b) z_t ⟂ x_{>t} given (z_<t, x_≤t). It fails since x_{t+1} depends on z_t through h_t. (c) The VAE; h_0 is fixed, so it is only a bias."
#
# *4 points.* (a) complete but for the later factors, which vanish without a word (half lost), and the KL is "averaged over q(z|x)" (half lost). (b) The independence is right, the reason given is that q is Gaussian (1 lost). (c) complete.
#
# *2 points.* (a) The two sums are grouped by step (1), then "the last two terms are the KL" with no word on what is averaged or why (0). (b) "The future does not matter for z_t" (0). (c) "The VAE's ELBO", with the right formula, and "h_0 is
# always the same vector, so it can only shift things" (1).

# %% [markdown]
# ## All together · a VRNN of your own
#
# Nothing below is graded. The class holds four matrices and nothing else: the step and the bound are yours. The state begins as ones, so that one column of each matrix can serve as a bias. Training on the rows of 8x8
# digits takes about fifteen seconds.


# %% grade="locked" grade_id="your_vrnn"
class YourVRNN(torch.nn.Module):
    """A VRNN over rows of eight bits, with your ``vrnn_step`` and your ``vrnn_elbo``."""

    def __init__(self, z_dim: int = 4, state: int = 48) -> None:
        super().__init__()
        self.z_dim, self.state, self.warm_up = z_dim, state, WarmUp(300)
        sizes = (2 * z_dim, state), (2 * z_dim, 8 + state), (8, z_dim + state)
        sizes += ((state, 8 + z_dim + state),)
        scaled = (0.5 * torch.randn(size) / size[1] ** 0.5 for size in sizes)
        self.weights = torch.nn.ParameterList(scaled)

    def walk(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Return log p(x_t), posterior, prior, z and the states, (batch, time, ...) each."""
        h, steps = torch.ones(len(x), self.state), []
        for row in x.unbind(1):
            eps = torch.randn(len(x), self.z_dim)
            prior, posterior, z, logits, after = vrnn_step(row, h, eps, *self.weights)
            log_px = -torch.nn.functional.softplus((1 - 2 * row) * logits).sum(-1)
            steps.append((log_px, posterior, prior, z, h))
            h = after
        return tuple(torch.stack(parts, 1) for parts in zip(*steps, strict=True))

    def losses(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the batch mean of weight * KL - reconstruction, by your ``vrnn_elbo``."""
        _, reconstruction, kl = vrnn_elbo(*self.walk(batch["x"])[:3], batch["length"])
        return {"model": (self.warm_up() * kl - reconstruction).mean()}


# %% tags=["raises-exception"]
splits = rows.load()
torch.set_num_threads(1)  # for networks this small a second core only gets in the way
STEPS = 900
yours = []
with skip_unfinished():
    torch.manual_seed(0)
    model = YourVRNN()
    model.losses({name: part[:2] for name, part in splits.train.items()})  # unfinished? say so now
    rate = cosine(1e-2, STEPS)
    options = {"batch_size": 100, "seed": 0, "checkpoint": "checkpoints"}
    fit(model, splits.train, steps=STEPS, learning_rate=rate, **options)
    yours.append(model.eval())

# %% [markdown]
# Three bounds on the same held-out images: your ELBO, the bound of 50 whole paths, and your particle filter, which resamples z and state of 50 paths after every row.

# %% tags=["raises-exception"]
with skip_unfinished():
    test, k = splits.test["x"], 50
    n = len(test)
    for model in yours:
        torch.manual_seed(0)
        with torch.no_grad():
            parts = model.walk(test.repeat_interleave(k, 0))
            elbo, _, kl = vrnn_elbo(*parts[:3], torch.full((n * k,), 8))
            normal = torch.distributions.Normal
            log_q, log_p = (
                normal(*(v if i == 0 else v.exp() for i, v in enumerate(g.chunk(2, -1))))
                .log_prob(parts[3])
                .sum(-1)
                for g in parts[1:3]
            )
            log_w = (parts[0] + log_p - log_q).reshape(n, k, 8)
            paths = path_bound(log_w, torch.full((n,), 8))
        print(f"ELBO        {elbo.mean():.2f} nats per image, of which KL {kl.mean():.2f}")
        print(f"whole paths {paths.mean():.2f}, k = {k}")

# %% tags=["raises-exception"]
with skip_unfinished():
    for model in yours:
        torch.manual_seed(0)
        h, bound = torch.ones(n, k, model.state), torch.zeros(n)
        for row in test.unbind(1):
            flat = row.repeat_interleave(k, 0), h.flatten(0, 1)
            with torch.no_grad():
                eps = torch.randn(n * k, model.z_dim)
                prior, q, z, logits, after = vrnn_step(*flat, eps, *model.weights)
                log_w = -torch.nn.functional.softplus((1 - 2 * flat[0]) * logits).sum(-1)
                for sign, gaussian in ((1, prior), (-1, q)):
                    mu, log_scale = gaussian.chunk(2, -1)
                    each = normal(mu, log_scale.exp()).log_prob(z)
                    log_w = log_w + sign * each.sum(-1)
                evidence, h = filter_step(log_w.view(n, k), after.view(n, k, -1), torch.rand(n))
            bound = bound + evidence
        print(f"filter      {bound.mean():.2f}, k = {k}")

# %% [markdown]
# The ELBO is the lowest, and the other two are close together: eight steps are too few for whole paths to fall behind. Now let it dream: the first two rows of each digit are given, the other six are drawn.

# %% tags=["raises-exception"]
with skip_unfinished():
    for model in yours:
        torch.manual_seed(0)
        with torch.no_grad():
            start = model.walk(test[:32, :3])[-1][:, 2]  # the state after two rows
            eps, uniforms = torch.randn(32, 6, model.z_dim), torch.rand(32, 6, 8)
            prior, _, to_x, to_h = model.weights
            rest = dream(start, eps, uniforms, prior, to_x, to_h)
        digits = torch.cat((test[:32, :2], rest), 1)
        display(
            tile(digits, columns=16, zoom=4, alt="32 digits, dreamt after their first two rows")
        )

# %% [markdown]
# ## All together · the figure of the lecture
#
# The ellipses, the bars and the futures now come from your `vrnn_step` and your `dream`; what the library computes is dashed. As long as they coincide, so do you and the library.

# %%
figures.row_by_row(vrnn_step, dream)
