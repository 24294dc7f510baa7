# %% [markdown]
# # 5 · The variational RNN
#
# **Slide 9 of Lecture 12 of [CS236](https://deepgenerativemodels.github.io/).** A recurrent network already models a sequence exactly: each step is predicted from a memory of all steps before. The
# variational RNN (VRNN) adds a latent variable to every step, and pays for it with a bound in the place of a likelihood. What does a latent add to a memory?
#
# | section | you will |
# |---|---|
# | 1 | write the four parts of the slide as four lines of one loop |
# | 2 | see the bound become a sum over time in which padding counts exactly nothing |
# | 3 | compute what a posterior that cannot see the future must cost, before you measure it |
# | 4 | tighten the bound twice: whole paths, and a particle filter |
# | 5 | train VAEs of single rows, an RNN and a VRNN on the rows of digits |
# | 6 | meet the sceptic: the same memory, no latent, and a better output |
# | 7 | hear a chorale, its continuation and its dream, if an optional package is installed |
#
# About 50 minutes to read, about a minute to run. You need lecture 1. At each **Q**, commit to an answer before you run the next cell; the answers are folded. Logarithms are natural, so
# every number is in *nats* (1 nat = 1.44 bits).

# %%
import torch
from IPython.display import display
from torch import nn
from torch.distributions import Normal, kl_divergence

from course_lib import objectives
from course_lib.data import chorales, rows
from course_lib.distributions import ConditionalAutoregressiveBernoulli as Made
from course_lib.distributions import ConditionalBernoulli, mlp
from course_lib.evaluation import mean_and_error
from course_lib.exact import filtering, identities, tables
from course_lib.exact.kalman import LinearGaussianChain
from course_lib.figures import variational_rnn as figures
from course_lib.figures.closing_table import closing_table
from course_lib.figures.images import tile
from course_lib.figures.pixel_vae import ladder
from course_lib.measured import measured
from course_lib.models import VAE, VariationalRNN
from course_lib.models.warm_up import WarmUp
from course_lib.training import cosine, fit

torch.set_num_threads(1)  # for networks this small a second core only gets in the way
SEED = 0

# %% [markdown]
# ## 1 · Four parts, one loop
#
# Slide 9 factors the joint distribution of a sequence x and its latents z in the order of time:
#
# $$\begin{aligned}
# p(x_{\le T}, z_{\le T}) &= \prod_{t=1}^T p(x_t \mid z_{\le t}, x_{<t})\ p(z_t \mid z_{<t}, x_{<t}), \\
# q(z_{\le T} \mid x_{\le T}) &= \prod_{t=1}^T q(z_t \mid z_{<t}, x_{\le t}).
# \end{aligned}$$
#
# A recurrent network makes this finite: its **state** $h_{t-1}$ stands for all of $z_{<t}$ and $x_{<t}$. The slide's diagram has four parts. Our data are digits of 8x8 bits, read row by row: eight steps of eight bits.

# %%
splits = rows.load()
x = splits.test["x"]
print("sequences, steps, bits per step:", *x.shape)
tile(x[:24], columns=12, zoom=4, alt="24 digits of 8x8 bits; each is a sequence of eight rows")

# %% [markdown]
# Here is the whole model, untrained, with one line for each part of the diagram. `features` is a small layer that prepares $x_t$ for inference and recurrence (the paper has one for $z_t$, too). The last line adds this step's share of the ELBO.

# %%
torch.manual_seed(SEED)
vrnn = VariationalRNN.build(x_dim=8, z_dim=2, hidden=32).double()
few, h, bound = x[:5].double(), torch.zeros(5, 32).double(), torch.zeros(5).double()
torch.manual_seed(SEED + 1)
for x_t in few.unbind(1):
    seen = vrnn.features(x_t)
    prior = vrnn.prior(h)  # (a) prior: p(z_t | h)
    posterior = vrnn.inference(torch.cat((seen, h), -1))  # (d) inference: q(z_t | x_t, h)
    z = posterior.rsample()
    likelihood = vrnn.generation(torch.cat((z, h), -1))  # (b) generation: p(x_t | z_t, h)
    h = vrnn.recurrence(torch.cat((seen, z), -1), h)  # (c) recurrence: h becomes h_t
    bound += likelihood.log_prob(x_t) - kl_divergence(posterior, prior)

# %% [markdown]
# The library's `VariationalRNN.elbo` is this loop and nothing else, as equal random numbers show:

# %%
torch.manual_seed(SEED + 1)
print(f"loop - library: {(bound - vrnn.elbo(few).total).abs().max().item():.0e} nats")

# %% [markdown]
# **Q1.** The state $h_t$ contains $x_t$. Which of the four parts may see $h_t$ at step t? What would go wrong if the prior did?

# %%
figures.who_sees_what(vrnn, few)

# %% [markdown]
# <details><summary><b>Answer to Q1</b></summary>
#
# None of them: prior, inference and generation of step t use $h_{t-1}$, and the recurrence produces $h_t$ when the step is over. A prior that saw $h_t$ would know $x_t$: the KL would nearly vanish, and the bound would be a
# bound on nothing, since the model could not be sampled step by step.
#
# </details>
#
# The tables show how strongly the mean of $z_t$ reacts to $x_s$, by automatic differentiation through the whole model. A cross is an exact zero. The prior of step t sees the steps before t, the posterior sees step t as
# well, and neither sees the future.
#
# ## 2 · The bound is a sum over time
#
# Insert both products into $E_q[\log p(x, z) - \log q(z | x)]$, and the logarithms fall apart step by step:
#
# $$L(x) = E_q \sum_{t=1}^T \Big[ \log p(x_t \mid z_{\le t}, x_{<t}) - KL\big(q(z_t \mid z_{<t}, x_{\le t}),\ p(z_t \mid z_{<t}, x_{<t})\big) \Big].$$
#
# On a table of three steps both sides can be computed exactly. On the left all z are one variable, as in a VAE. On the right is the sum over time.

# %%
p = tables.random((2, 3, 2, 3, 2, 3), seed=SEED)  # z_1, x_1, z_2, x_2, z_3, x_3
filters = identities.random_filters(p, seed=SEED + 1)
over_time = identities.sequence_bound_is_sum_over_time(p, filters)
padded = identities.padding_adds_nothing(p, filters)
print(over_time, padded, sep="\n")

# %% [markdown]
# Sequences of different lengths stand in one tensor, and the shorter ones are **padded**. The second line above says that a step that is not there must add exactly zero.
#
# **Q2.** A careless program scores the padding as if it were silence: rows of zeros. Does its model look better or worse than it is?

# %%
length = torch.tensor([8, 5, 2, 7, 1])
alone = torch.stack([vrnn.elbo(few[i : i + 1, :n], 500).total[0] for i, n in enumerate(length)])
padding = (torch.arange(8) >= length[:, None])[..., None]
bounds = {"one by one": alone}
for name, filling in (("zeros", 0.0), ("NaN", float("nan"))):
    torch.manual_seed(SEED)
    bounds[name] = vrnn.elbo((few.masked_fill(padding, filling), length), 500).total
bounds["as silence"] = vrnn.elbo(few.masked_fill(padding, 0.0), 500).total
for name, value in bounds.items():
    print(f"{name:11s}", *(f"{v:8.2f}" for v in value.tolist()))
nothing_added = (bounds["zeros"] - bounds["NaN"]).abs().max().item()
print(f"padding of zeros or of NaN: difference {nothing_added}")

# %% [markdown]
# <details><summary><b>Answer to Q2</b></summary>
#
# In nats per sequence it looks worse: the extra rows cost nats. In nats per *step* a trained model looks better, because silence is easy to predict and the sum is divided by more steps. Published nats per step can be compared only if
# they count the same steps.
#
# </details>
#
# Whatever the padding holds, the padded batch gives the same numbers, and they agree with the sequences one by one up to the noise of sampling. Scored as silence, every sequence shorter than eight gets another number.
#
# **T = 1 is the VAE.** With one step there is no memory: h is zero, and the three remaining parts are prior, encoder and decoder.

# %%
one = few[:, 0]
torch.manual_seed(SEED)
nothing = torch.zeros(5, 32).double()
q = vrnn.inference(torch.cat((vrnn.features(one), nothing), -1))
z = q.rsample()
vae_elbo = vrnn.generation(torch.cat((z, nothing), -1)).log_prob(one)
vae_elbo = vae_elbo - kl_divergence(q, vrnn.prior(nothing))
torch.manual_seed(SEED)
one_step = (vrnn.elbo(few[:, :1]).total - vae_elbo).abs().max().item()
print(f"VRNN with T = 1 minus VAE: residual {one_step:.0e}")

# %% [markdown]
# ## 3 · The price of not seeing the future
#
# The slide's q is a **filter**: $q(z_t | z_{<t}, x_{\le t})$. The true posterior is a **smoother**. By the chain rule it is $\prod_t p(z_t | z_{<t}, x_{1:T})$, and it looks at all of x. So a gap remains even if every network is perfect.
#
# How large is it? In a linear-Gaussian chain, $z_t = a z_{t-1} + \text{noise}$, $x_t = c z_t + \text{noise}$, everything is known: the likelihood from the Kalman filter, the posterior, and the *best* filter.

# %%
chain = LinearGaussianChain([[0.9]], [[1.2]], [0.5], [0.3])
T = 10
best = filtering.best_filter(chain, T)
price = filtering.expected_gap(chain, best).sum().item()
print(f"known beforehand: the best filter loses {price:.4f} nats per sequence of {T} steps")

# %% [markdown]
# Where does the number come from? The posterior of $z_t$ given $z_{t-1}$ is Gaussian, and its mean is linear in the x that are still to come. The best filter puts their expectation given $x_{\le t}$ in their place. What is lost at step t is
# $\frac12 \mathrm{tr}\big(C_t^{-1}\, \mathrm{Var}[o_t \mid x_{\le t}]\big)$, where $o_t$ is the part of the mean that comes from x, and $C_t$ is the posterior's covariance.
#
# **Q3.** Now we sample the ELBO of both on 20,000 sequences from the chain. What will log p(x) - ELBO be for the filter, and what for the smoother?

# %%
torch.manual_seed(SEED)
draws = chain.sample(20_000, T, generator=torch.Generator().manual_seed(SEED))
log_p = chain.log_prob(draws)
smoother = filtering.smoother(chain, T)
gap = mean_and_error(log_p - filtering.sampled_elbo(chain, best, draws))
exact_gap = (log_p - filtering.sampled_elbo(chain, smoother, draws)).abs().max().item()
print(f"best filter: gap {gap.value:.4f} ± {gap.error:.4f} nats, known beforehand {price:.4f}")
print(f"smoother: largest gap of any sequence, residual {exact_gap:.0e}")

# %% [markdown]
# <details><summary><b>Answer to Q3</b></summary>
#
# The filter's gap is the number that was known beforehand, up to the noise of sampling. The smoother's gap is zero, and not only on average: log p(x, z) - log q(z|x) is log p(x) at every z that it draws.
#
# </details>
#
# No network, however large, can bring a filter's gap below this price. Only another *form* of q can: one that also reads the sequence backwards. (Such smoothing posteriors exist: Fraccaro et al., 2016.)
#
# **Q4.** Move the sliders. When does the future matter most: when x tells almost everything about z, almost nothing, or something in between?

# %%
figures.filtering_price()

# %% [markdown]
# <details><summary><b>Answer to Q4</b></summary>
#
# In between. If the noise of x is small, $x_t$ alone fixes $z_t$, and the future has nothing to add. If it is large, the future is as uninformative as the past. Without memory (a = 0) later x say nothing about $z_t$, and the price is zero. The last step never
# costs anything: it has no future.
#
# </details>
#
# The grey marks are $p(z_t | z_{t-1}, x_t)$, a q that is right about the present and expects nothing of the future. It is the standard proposal of particle filters, and it costs a little more than the best filter.
#
# ## 4 · Two tighter bounds
#
# Lecture 1 tightened the ELBO with k samples. Here a sample is a whole **path**, and its weight is a product over time:
#
# $$L_k(x) = E \log \frac1k \sum_{j=1}^k \prod_{t=1}^T w_t^j, \qquad w_t = \frac{p(x_t | z_{\le t}, x_{<t})\, p(z_t | z_{<t}, x_{<t})}{q(z_t | z_{<t}, x_{\le t})}.$$
#
# A product of T factors spreads out as T grows, and soon one path holds nearly all of the weight. A **particle filter** does not wait: whenever the weights become uneven, it *resamples*, so that paths with a large weight are copied and paths with a
# small one are dropped. The product over steps of the mean weights is again an unbiased estimate of p(x), and its logarithm is a third lower bound (Maddison et al., 2017).


# %%
def propose(t: int, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw z_t for all paths from p(z_t | z_{t-1}, x_t); return log w_t and z_t."""
    present = filtering.smoother(chain, 1)  # one step has no future
    mean = z * present.gain[0, 0, 0] + long[:, t, 0] * present.pull[0, 0, 0]
    q = Normal(mean, present.covariance[0, 0, 0].sqrt())
    drawn = q.sample()
    log_p = Normal(0.9 * z, 0.5**0.5).log_prob(drawn)
    log_p = log_p + Normal(1.2 * drawn, 0.3**0.5).log_prob(long[:, t, 0])
    return log_p - q.log_prob(drawn), drawn


# %% [markdown]
# `objectives.filtering_bound` walks through time, calls `propose` for all paths at once (`long` holds the sequences) and resamples when the effective number of paths falls below a threshold, as a share of k. So the three bounds differ in two numbers alone. With k = 1 this is the ELBO. With k = 30 and
# a threshold of zero it is the bound of whole paths. With a threshold of one half it is the particle filter.
#
# **Q5.** log p(x) is known. How will the distance of each bound from it grow with the number of steps?

# %%
torch.manual_seed(SEED)
TIMES, RUNS = (4, 8, 16, 32, 64, 128), 200
SETTINGS = {"ELBO": (1, 0.0), "30 whole paths": (30, 0.0), "particle filter, 30": (30, 0.5)}
gaps = {name: [] for name in SETTINGS}
for steps in TIMES:
    long = chain.sample(RUNS, steps, generator=torch.Generator().manual_seed(SEED + steps))
    valid, exact = torch.ones(steps, RUNS, dtype=torch.bool), chain.log_prob(long)
    for name, (k, threshold) in SETTINGS.items():
        start = torch.zeros(k, RUNS, dtype=torch.float64)
        estimate = objectives.filtering_bound(propose, start, valid, threshold)
        gaps[name].append(mean_and_error(estimate - exact))

# %%
figures.bounds_over_time(TIMES, gaps)

# %% [markdown]
# <details><summary><b>Answer to Q5</b></summary>
#
# The ELBO's gap grows in proportion to T: each step adds its price. The bound of whole paths starts much tighter, but falls away faster and faster as the weight gathers on a few paths. To keep its gap small, k would have to grow exponentially with T. The filter's
# gap grows in proportion to T again, with a far smaller factor.
#
# </details>
#
# The order is ELBO, whole paths, particle filter, log p(x). Between the ELBO and whole paths it is a theorem. A particle filter need not beat whole paths: on short sequences they are equal up to noise. On long ones it does.
#
# ## 5 · Rows of digits
#
# Now a ladder on real data. Each model is a likelihood of the same 300 test images, in nats per image:
#
# - **VAE of single rows**: every row by itself, z and no memory, which is what slide 9 calls "training separate VAEs";
# - **RNN**: memory and no z. Its likelihood is exact, with the eight bits of a row independent given the state;
# - **VRNN**: both.
#
# **Q6.** The RNN knows its likelihood exactly. The VRNN has only a bound. Which will be higher, and what can z express that the RNN's output cannot?


# %%
class RNN(nn.Module):
    """p(x) as a product of p(x_t | h_{t-1}): a memory and no latent."""

    def __init__(self, generation: nn.Module, hidden: int = 64) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Linear(8, hidden), nn.ReLU(), nn.Dropout(0.3))
        self.recurrence = nn.GRU(hidden, hidden, batch_first=True)
        self.dropout, self.generation = nn.Dropout(0.3), generation

    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        """Return log p(x) of each sequence, (batch,)."""
        states, _ = self.recurrence(self.features(x[:, :-1]))
        states = torch.cat((torch.zeros_like(states[:, :1]), states), 1)
        return self.generation(self.dropout(states)).log_prob(x).sum(1)

    def losses(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return the batch mean of -log p(x)."""
        return {"model": -self.log_prob(batch["x"]).mean()}


# %% [markdown]
# One more piece is needed. A VRNN whose recurrence can predict a good deal by itself may never start to use z. So, as for PixelVAE in lecture 3, the weight of the KL rises from 0 to 1 over the first third of training: **warm-up**
# (Bowman et al., 2016). Section 6 shows what happens without it.


# %%
class Warmed(nn.Module):
    """A VRNN that is trained with the weight of its KL rising to one."""

    def __init__(self, model: VariationalRNN, over: int) -> None:
        super().__init__()
        self.model, self.weight = model, WarmUp(over)

    def losses(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return the batch mean of weight * KL - reconstruction."""
        bound = self.model.elbo(batch)
        return {"model": (self.weight() * bound.kl - bound.reconstruction).mean()}


# %%
STEPS = 900


def train(model: nn.Module, label: str) -> nn.Module:
    """Fit on the rows, and keep the weights that are best on the validation images."""
    options = {"batch_size": 100, "learning_rate": cosine(5e-3, STEPS), "record_every": 50}
    options |= {"validation": splits.validation, "checkpoint": "checkpoints", "label": label}
    fit(model, splits.train, steps=STEPS, seed=SEED, **options)
    return model.eval()


# %%
torch.manual_seed(SEED)
rnn = train(RNN(ConditionalBernoulli(mlp(64, (64,), 8), 8)), "RNN")
vrnn = VariationalRNN.build(x_dim=8, z_dim=8, hidden=64, dropout=0.3)
warmed = train(Warmed(vrnn, STEPS // 3), "VRNN")

# %%
torch.manual_seed(SEED)
row_vae = VAE.build(x_shape=8, z_dim=4, hidden=(64,))
single = [part["x"].flatten(0, 1) for part in (splits.train, splits.validation)]
options = {"learning_rate": cosine(3e-3, 600), "batch_size": 200, "validation": single[1]}
_ = fit(row_vae, single[0], steps=600, seed=SEED, **options, checkpoint="checkpoints")

# %%
K = 100
with torch.no_grad():
    alone = row_vae.eval().importance_bound(x.flatten(0, 1), K).view(len(x), 8).sum(1)
    log_p_rnn, elbo = rnn.log_prob(x), vrnn.elbo(x, samples=20)
    paths, filtered = vrnn.importance_bound(x, K), vrnn.filtering_bound(x, K)
print("VRNN, three bounds of one model, nats per image")
for name, value in (("ELBO", elbo.total), ("whole paths", paths), ("particle filter", filtered)):
    print(f"{name:16s}{mean_and_error(value)}")

# %%
ladder(
    {"RNN": mean_and_error(-log_p_rnn)},
    {"VRNN": mean_and_error(-paths), "VAE of single rows": mean_and_error(-alone)},
    K,
)

# %% [markdown]
# <details><summary><b>Answer to Q6</b></summary>
#
# The VRNN is higher, although its number is only a lower bound. Given its state, the RNN decides each bit of a row by a coin of its own. Two ways to continue a digit, say a stroke that goes left or a stroke that goes right, then mix within one row. One $z_t$ is shared by all bits of the row, so it can choose between them.
#
# </details>
#
# The three bounds keep their order. The last two are close together, since eight steps are too few for whole paths to fall behind. Separate VAEs are far away: most of what there is to know about a row is in the rows above it.
#
# The explorable walks through a digit with a small VRNN whose z has two dimensions. It opens at the fourth row of a four, where the model is surprised: the posterior moves away from the prior, and the KL of the row is larger than that of the others.
#
# **Q7.** Move t from 1 to 8. In which rows does z have something to say? Why do the futures look more and more alike?

# %%
figures.row_by_row()

# %% [markdown]
# <details><summary><b>Answer to Q7</b></summary>
#
# In those where the digit takes a turn that the rows above did not announce: there the bar is high. The more rows are given, the fewer continuations fit them, and what is left of the choice is fixed by the state.
#
# </details>
#
# The trained VRNN of this notebook continues digits as well. In each column the first four rows are given, the rest is drawn. Top: the held-out image. Below: three continuations.

# %%
torch.manual_seed(SEED)
start = x[:16, :4]
sheet = [x[:16], *(torch.cat((start, vrnn.continuation(start, 4)), 1) for _ in range(3))]
tile(torch.cat(sheet), columns=16, zoom=4, alt="16 held-out digits and three continuations of each")

# %% [markdown]
# ## 6 · The sceptic
#
# The answer to Q6 says what z repairs: the *output* of the RNN was too simple. A sceptic objects that there is a simpler repair. Let the bits of a row see the bits before them in the same row, by a MADE (lecture 2). There is no z, and the likelihood is exact.
#
# **Q8.** RNN with a MADE output, against the VRNN: which is higher? And what does a VRNN learn if its KL has full weight from the first step on?

# %%
torch.manual_seed(SEED)
rnn_made = train(RNN(Made(8, (256,), context_dim=64)), "RNN with MADE")
hasty = VariationalRNN.build(x_dim=8, z_dim=8, hidden=64, dropout=0.3)
hurried = train(Warmed(hasty, 0), "VRNN without warm-up")
with torch.no_grad():
    log_p_made, no_warm_up = rnn_made.log_prob(x), hasty.elbo(x, samples=20)
print(f"RNN                   {mean_and_error(log_p_rnn)} nats per image, exact")
print(f"VRNN, bound           {mean_and_error(paths)}, KL {elbo.kl.mean():.2f}")
print(f"RNN with MADE         {mean_and_error(log_p_made)}, exact")
print(f"VRNN without warm-up  {mean_and_error(no_warm_up.total)}, KL {no_warm_up.kl.mean():.2f}")

# %% [markdown]
# <details><summary><b>Answer to Q8</b></summary>
#
# The RNN with MADE is at least as good as the VRNN, within the errors or ahead of it. Without warm-up the KL stays near zero: the VRNN has become an RNN, and its bound is about the RNN's likelihood.
#
# </details>
#
# With three seeds and longer training we can also give the VRNN the MADE output, and ask twice what a latent adds to the same memory:

# %%
for made in ("", " with MADE"):
    memory = measured("vrnn_rows", f"log p, RNN{made}")
    both = measured("vrnn_rows", f"importance bound, VRNN{made}")
    print(f"RNN{made:10s} {memory}, exact")
    print(f"VRNN{made:9s} {both}, bound", end=": ")
    print(f"a latent adds at least {both.mean - memory.mean:.2f}")

# %% [markdown]
# With the good output, a latent adds less than with the poor one. On **music** the sceptic's point is stronger. The standard test of sequence models are Bach's chorales: 88 keys at each step, of which about four sound, and which of them sound together is a matter of harmony.

# %%
figures.chorale_ladder()

# %% [markdown]
# The slide's claim, VAEs of steps < RNN < VRNN, is there, and so is the value of a prior that looks back. But the RNN whose 88 keys see each other leaves the VRNN far behind, with no latent at all. Why? In a chord, each note restricts the others.
# An RNN with independent keys cannot say so, and a VRNN can, through z. But everything that z says about the chord costs KL, and the posterior that pays for it is a filter with a diagonal Gaussian. MADE states the same dependence exactly, for nothing.

# %%
vrnn_bound = measured("vrnn_chorales", "filtering bound, VRNN")
sceptic = measured("vrnn_chorales", "log p, RNN with MADE, no z")
print(f"VRNN, best bound     {vrnn_bound}, KL {measured('vrnn_chorales', 'KL, VRNN')}")
print(f"RNN with MADE, no z  {sceptic}, exact")
print(f"distance             {sceptic.mean - vrnn_bound.mean:.2f} nats at every step")

# %% [markdown]
# What if the VRNN gets the same output? Here both have a MADE over the keys, and both are trained alike: the same steps, and the learning rate that was chosen for this RNN on the validation pieces.

# %%
memory = measured("vrnn_chorales_made", "log p, RNN with MADE, no z")
print(f"RNN with MADE, no z  {memory}, exact")
for name in ("ELBO", "importance bound", "filtering bound", "KL"):
    found = measured("vrnn_chorales_made", f"{name}, VRNN with MADE")
    print(f"VRNN with MADE       {found}, {name}")
both = measured("vrnn_chorales_made", "filtering bound, VRNN with MADE")
added = both.mean - memory.mean
print(f"z adds {added:+.2f}, another seed changes that by {both.half_range:.2f}")

# %% [markdown]
# The VRNN's tightest bound is about where the RNN's likelihood is, and the seeds of the VRNN differ by more than the two models do. z is not silent, as its KL shows. But what it says, the memory and the output can say without it, and they need no bound.
#
# This is the **information preference** of slide 16, met early: an output that is flexible enough leaves little for z to do. It does not make the VRNN useless. z is still the place to look for *what* a step is about, and speech, whose outputs are continuous, was the
# paper's best case. But a comparison with an RNN is worth only as much as that RNN's output.
#
# ## 7 · To hear it
#
# A roll of 88 keys can be played. The next cells need the chorales that the package music21 carries, an optional extra. Without it they do nothing, and the continued digits of section 5 tell the same story in pictures.

# %%
try:
    music = chorales.corpus()
    print(len(music.train["length"]), "chorales to train on, a step is a quarter note")
except FileNotFoundError as missing:
    music = None
    print(f"no sound: {missing}")

# %%
if music:
    torch.manual_seed(SEED)
    bach = VariationalRNN.build(x_dim=88, z_dim=16, hidden=96, dropout=0.2)
    parts = (music.train, music.validation)
    short, held_out = (chorales.crop(part, 32) for part in parts)
    options = {"batch_size": 32, "learning_rate": cosine(1e-2, 500)}
    options |= {"validation": held_out, "checkpoint": "checkpoints"}
    fit(Warmed(bach, 250), short, steps=500, seed=SEED, **options)
    with torch.no_grad():
        in_nats = bach.eval().elbo(music.test).total.sum()
    print(f"ELBO {in_nats / music.test['length'].sum():.2f} nats per step, test")

# %% [markdown]
# Three versions of a piece to compare. The **chorale** is held out. Its **continuation** has the first 16 beats from Bach, and the rest is drawn with z from the prior. In the **dream** all $z_t$ are those that q infers from Bach's piece, and every note is drawn anew, so that the memory is the dream's own.
#
# **Q9.** Which of the two has more notes in common with Bach's from beat 16 on, as a mean over the test pieces? Does it have nearly all of them?


# %%
def dream_again(model: VariationalRNN, z: torch.Tensor) -> torch.Tensor:
    """Draw pieces from given z, (time, n, z_dim), with memories of their own."""
    h, steps = z.new_zeros(z.shape[1], model.recurrence.hidden_size), []
    for z_t in z:
        x_t = model.generation(torch.cat((z_t, h), -1)).sample()
        steps.append(x_t)
        h = model.recurrence(torch.cat((model.features(x_t), z_t), -1), h)
    return torch.stack(steps, 1)


# %%
PIECE, GIVEN, BEATS = 1, 16, 32  # try others
if music:
    torch.manual_seed(SEED)
    pieces = music.test["x"][music.test["length"] >= BEATS, :BEATS]
    with torch.no_grad():
        dreamt = dream_again(bach, bach.infer(pieces).z[:, 0])
        goes_on = bach.continuation(pieces[:, :GIVEN], BEATS - GIVEN)
    heard = {"chorale": pieces, "dream": dreamt}
    heard["continuation"] = torch.cat((pieces[:, :GIVEN], goes_on), 1)
    for name, drawn in heard.items():
        display(figures.Recording(drawn[PIECE], name))

# %%
if music:
    print(f"share of Bach's notes from beat {GIVEN}, mean of the test pieces")
    for name, drawn in heard.items():
        common = (drawn * pieces)[:, GIVEN:].sum((1, 2))
        share = common / pieces[:, GIVEN:].sum((1, 2))
        print(f"{name:14s}{mean_and_error(share)}")

# %% [markdown]
# <details><summary><b>Answer to Q9</b></summary>
#
# The dream: its z were inferred from the very notes that are compared, while the continuation knows the beginning alone, and Bach could have gone on in many ways. But the dream is far from a copy. Each z was inferred beside Bach's memory, and the dream's memory soon holds other notes. A single piece may also come out the other way round: try others.
#
# </details>
#
# ## What the lecture claims, what we measured

# %%
closing_table(
    [
        (
            "the ELBO is a sum over time, and padding adds nothing (slide 9)",
            f"residuals {over_time.residual:.0e}, {padded.residual:.0e}",
            None,
            "holds exactly",
        ),
        ("with T = 1 the VRNN is a VAE", f"residual {one_step:.0e}", None, "holds exactly"),
        (
            "RNNs do the inference, by q(z_t | z_<t, x_<=t) (slide 9): the gap in a known chain",
            f"{gap.value:.3f} ± {gap.error:.3f} nats, known beforehand: {price:.3f}",
            None,
            "holds, with this condition: the future says nothing about z_t; otherwise a gap stays",
        ),
        (
            "a joint model beats separate VAEs z_i -> x_i: importance bound of VAEs of single rows",
            f"{mean_and_error(alone)} nats per image",
            ("vrnn_rows", "importance bound, VAE of single rows"),
        ),
        (
            "z adds to the memory: importance bound of the VRNN on rows",
            f"{mean_and_error(paths)} nats per image",
            ("vrnn_rows", "importance bound, VRNN"),
        ),
        (
            "the same on chorales: filtering bound of the VRNN",
            "not run here",
            ("vrnn_chorales", "filtering bound, VRNN"),
        ),
        (
            "z still adds when the keys see each other: filtering bound, VRNN with MADE",
            "not run here",
            ("vrnn_chorales_made", "filtering bound, VRNN with MADE"),
        ),
    ]
)

# %% [markdown]
# The algebra of slide 9 is exact, and its order holds: VAEs of steps, RNN, VRNN, the last by its importance bound. The condition is the RNN's output. Whoever wants likelihood should first make the output of a step as good as possible and then ask what a latent adds.
#
# ## Exercises
#
# **1.** Let the prior be N(0, I) at every step, without a look at $h_{t-1}$. Is the model then without memory?
#
# <details><summary><b>Answer</b></summary>
#
# No: generation still sees $h_{t-1}$. But everything that the past tells about $z_t$ must now be paid for again at every step, since the KL compares q with a prior that knows nothing. On chorales this variant is below the VRNN.
#
# </details>
#
# **2.** Show that the bound of k whole paths is at least the ELBO, and that the ELBO with k paths (the mean of k logarithms) is not tighter for large k.
#
# <details><summary><b>Answer</b></summary>
#
# By Jensen's inequality the logarithm of a mean is at least the mean of the logarithms, path by path, so $L_k \ge L$. The mean of k logarithms has the same expectation for every k: more paths reduce its noise, and nothing else.
#
# </details>
#
# **3.** In the Kalman chain, what is the price of filtering for a = 0, and for T = 1? Check it with `filtering.expected_gap`.
#
# <details><summary><b>Answer</b></summary>
#
# Zero in both cases. For a = 0 the steps are independent, and for T = 1 there is no future. In both, $z_t$ is independent of $x_{>t}$ given $z_{<t}$ and $x_{\le t}$, which is the condition under which a filter is exact.
#
# </details>
#
# **Next:** [problem set 5](../assignments/ps5_variational_rnn/ps5_variational_rnn.ipynb), where you write the step, its bound, both tighter bounds and the dreaming loop. [Lecture 6](06_flow_gan.ipynb) turns to models that are trained by a likelihood and by a critic at once.
#
# **Papers.** Chung, Kastner, Dinh, Goel, Courville, Bengio (2015), A recurrent latent variable model for sequential data, arXiv:1506.02216. Burda, Grosse, Salakhutdinov (2016), arXiv:1509.00519. Maddison et al. (2017), Filtering variational
# objectives, arXiv:1705.09279. Fraccaro, Sønderby, Paquet, Winther (2016), Sequential neural models with stochastic layers, arXiv:1605.07571. Bowman, Vilnis, Vinyals, Dai, Jozefowicz, Bengio (2016), arXiv:1511.06349. Germain, Gregor, Murray,
# Larochelle (2015), MADE, arXiv:1502.03509. Boulanger-Lewandowski, Bengio, Vincent (2012), arXiv:1206.6392. Kalman (1960), A new approach to linear filtering and prediction problems.
