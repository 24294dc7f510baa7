# %% [markdown]
# # 4 · Several modalities
#
# **Slide 8 of Lecture 12 of [CS236](https://deepgenerativemodels.github.io/).** A digit in grey, the same digit in colour: two views of one thing. How does one model
# answer for any half of what it saw? "Slide 8" means the deck of that lecture ("Variants and Combinations of Basic Models"), which the course's site lists on its syllabus
# page; each formula is repeated here.
#
# | section | you will |
# |---|---|
# | 1 | meet two views whose common information is known, and a VAE with one z for both |
# | 2 | combine two posteriors exactly, and price four ways to get it wrong |
# | 3 | see experts as ellipses, and drop a modality |
# | 4 | find out what the two directions of a tie keep and lose |
# | 5 | train both directions on colour pairs, and read the difference off the colours |
# | 6 | train experts, choose what is missing, and add a third modality |
# | 7 | replace a modality by a label: the semi-supervised VAE |
#
# About 45 minutes to read, a minute to run. You need [lecture 1](01_elbo_gap.ipynb). At each **Q**, commit to an answer before you run the next cell; the answers are
# folded. Logarithms are natural, so every number is in *nats* (1 nat = 1.44 bits).

# %%
import math
from functools import partial

import torch
from torch.distributions import MultivariateNormal, Normal, kl_divergence
from torch.nn.functional import avg_pool2d, cross_entropy, interpolate, one_hot

from course_lib.data import digits, pairs
from course_lib.evaluation import mean_and_error
from course_lib.exact import identities, tables
from course_lib.exact.grid import Grid
from course_lib.exact.linear_gaussian import LinearGaussian
from course_lib.figures import multimodal as figures
from course_lib.figures.closing_table import closing_table
from course_lib.figures.images import tile
from course_lib.measured import measured
from course_lib.models import MultimodalVAE, SemiSupervisedVAE
from course_lib.models.multimodal_vae import jmvae_objective
from course_lib.training import cosine, fit

torch.set_num_threads(1)  # for networks this small a second core only gets in the way
SEED = 0

# %% [markdown]
# ## 1 · Two views of one thing
#
# Our pairs are a black-and-white digit and a small picture of it in one of ten colours. All ten have the same brightness, so a grey copy does not show the hue. In the
# first set the hue is the digit's own with probability 0.7, in the second it is drawn evenly. So we know what one view can tell about the other:
# at most $H(\text{hue}) - H(\text{hue} \mid \text{digit})$ nats.

# %%
tied_hues, free_hues = pairs.load(0.7), pairs.load(0.1)
for name, stay in (("hue of the digit", 0.7), ("even hues", 0.1)):
    left, told = pairs.hue_entropy_given_class(stay), pairs.hue_information(stay)
    print(f"{name:17s} H(hue | digit) {left:.3f} nats, the digit tells {abs(told):.3f} nats")
shown = torch.randperm(300, generator=torch.Generator().manual_seed(SEED))[:12]
grey = free_hues.test.x["grey"][shown].expand(-1, 3, -1, -1)
colour = interpolate(free_hues.test.x["colour"][shown], scale_factor=2)
tile(torch.cat([grey, colour]), 12, 6, alt="twelve digits above their coloured thumbnails")

# %% [markdown]
# Slide 8 models both views by a VAE with **one z**, which explains everything that the views have in common. Given z they are independent:
#
# $$p(x_1, x_2) = \int p(z)\, p(x_1|z)\, p(x_2|z)\, dz.$$
#
# To train it, one posterior q(z|x1,x2) would do. To *use* it, we want to infer z from whatever is there, so the slide asks for three inference nets: q(z|x1), q(z|x2) and
# q(z|x1,x2). Each of them gives a bound: on log p(x1), on log p(x2), on log p(x1,x2).

# %%
SHAPES = {"grey": (1, 8, 8), "colour": (3, 4, 4)}
KINDS = {"grey": "bernoulli", "colour": "gaussian"}
torch.manual_seed(SEED)
untrained = MultimodalVAE.build(SHAPES, z_dim=16, hidden=(256,), likelihood=KINDS)
print("posteriors:", *map(" and ".join, untrained.posterior.subsets), sep="\n  q(z given ")
pair = {name: view[:2] for name, view in free_hues.test.x.items()}
for names in untrained.posterior.subsets:
    bound = untrained.elbo({name: pair[name] for name in names}).total
    print(f"ELBO of {' and '.join(names):15s} shape {tuple(bound.shape)}: one bound per example")

# %% [markdown]
# **Q1.** For M modalities, how many inference nets does this scheme need? What would you do about it?
#
# <details><summary><b>Answer</b></summary>
#
# One for each set of modalities that may be observed, $2^M - 1$ in all: 3 for two, 1023 for ten. Section 2 shows a way to build all of them from M parts.
#
# </details>
#
# ## 2 · Two posteriors, exactly
#
# How should q(z|x1,x2) follow from q(z|x1) and q(z|x2)? Bayes' rule answers for the true posteriors. With views that are independent given z,
#
# $$p(z|x_1,x_2) \propto p(z)\, p(x_1|z)\, p(x_2|z) \propto \frac{p(z|x_1)\, p(z|x_2)}{p(z)}.$$
#
# The prior is in both posteriors, but may count only once, so it is divided out. We check it in a linear-Gaussian world: $p(z) = N(0, I)$, and both views
# are linear in z with Gaussian noise. The first view sees z₁ well and z₂ hardly, the second the opposite.

# %%
first = LinearGaussian([[2.0, 0.3], [1.5, 0.0], [1.0, -0.3]], [0.0, 0.5, -0.5], noise_scale=1.0)
second = LinearGaussian([[0.2, 1.5], [-0.2, 1.0]], [1.0, 0.0], noise_scale=0.8)
torch.manual_seed(SEED)
z = torch.randn(200, 2).double()
x1, x2 = (
    z @ world.weight.T + world.bias + world.noise_scale * torch.randn(200, world.x_dim).double()
    for world in (first, second)
)
bayes = identities.posterior_is_product_of_posteriors(first, second, x1, x2, z)
print(bayes)
print(f"largest difference of the two log-densities: {bayes.residual:.0e}")

# %% [markdown]
# **Q2.** Suppose you do not know this rule, and combine the two posteriors in a way that sounds reasonable: (a) multiply them and forget the division; (b) average their
# means and covariances; (c) use the mixture, $\frac12 p(z|x_1) + \frac12 p(z|x_2)$. Order them by their cost, $E\, KL(p(z|x_1,x_2), q)$.

# %%
p1, p2 = first.posterior(x1), second.posterior(x2)
both = p1.precision_matrix + p2.precision_matrix
pull = sum(p.precision_matrix @ p.mean[..., None] for p in (p1, p2))
averaged = (p1.mean + p2.mean) / 2, (p1.covariance_matrix + p2.covariance_matrix) / 2
fused = [
    MultivariateNormal((precision.inverse() @ pull)[..., 0], precision_matrix=precision)
    for precision in (both - torch.eye(2), both)
]
exact, doubled = fused
rules = {
    "(a) doubled prior": doubled,
    "(b) averaged": MultivariateNormal(*averaged),
    "x1 alone": p1,
}
cost = {rule: kl_divergence(exact, q).mean() for rule, q in rules.items()}
torch.manual_seed(SEED)
draws = exact.sample((2000,))
log_mixture = torch.logaddexp(p1.log_prob(draws), p2.log_prob(draws)) - math.log(2)
cost["(c) mixture"] = (exact.log_prob(draws) - log_mixture).mean()
for rule, value in sorted(cost.items()):
    print(f"{rule:18s} costs {value:.3f} nats on average")

# %% [markdown]
# <details><summary><b>Answer to Q2</b></summary>
#
# (a) < (c) < (b). The doubled prior gets the sum of the precisions nearly right, and only pulls a little too much towards 0. The mixture and the average never become *narrower* than what
# they combine, although two views together know more than each. Averaging throws so much away that leaving x2 out costs about as little.
#
# </details>
#
# So the slide's three posteriors are not three separate things. In the exact world the third one follows from the first two, and two Gaussians are combined by
# adding their precisions (the inverse of the covariance) and subtracting the prior's. What a rule gets wrong costs a definite number of nats per example.
#
# ## 3 · Experts
#
# A **product of experts** makes this rule an architecture (Wu and Goodman, 2018). Each view has one net, its expert $\tilde q(z|x_m)$, which stands for $p(z|x_m)/p(z)$. Then
#
# $$q(z|x_S) \propto p(z) \prod_{m \in S} \tilde q(z|x_m), \qquad \frac{1}{\sigma^2} = 1 + \sum_{m \in S} \frac{1}{\sigma_m^2}, \qquad
# \mu = \sigma^2 \sum_{m \in S} \frac{\mu_m}{\sigma_m^2}.$$
#
# The one is the prior's precision. A missing modality is a factor that is not there. M nets now serve all $2^M - 1$ sets.
#
# **Q3.** In the figure, z₁ is the direction of a bar and z₂ its hue. The grey view sees the direction and hardly the hue, the colour view the opposite. Before you touch
# the menus: what becomes of the pictures on the right if the colour view is dropped? If the two are combined as a mixture?

# %%
figures.experts()

# %% [markdown]
# <details><summary><b>Answer to Q3</b></summary>
#
# Without the colour view the ellipse grows along z₂ and nearly reaches the prior: all bars keep their direction and take any hue. As a mixture, each draw trusts one view and
# ignores the other, so about half of the bars have a free hue, and the others a free direction. Only the product has both right at once.
#
# </details>
#
# Move *grey's precision* and watch how the terms add up below the figure. With nobody observed, the prior is left. On a grid we can test the closed form
# against the definition: multiply densities, divide by the integral.

# %%
means, scales = [[1.0, 0.0], [0.0, 1.2]], [[0.35, 2.0], [2.0, 0.35]]
plane = Grid(-7.0, 7.0, 301, dim=2)
for observed in ([True, True], [True, False], [False, False]):
    residual = identities.product_of_experts_is_normalised_product(means, scales, plane, observed)
    centre, width = identities.product_of_experts(means, scales, observed)
    print(
        f"observed {observed!s:14s} mean {centre.numpy().round(2)}, sd {width.numpy().round(2)},"
        f" residual {residual.residual:.0e}"
    )

# %% [markdown]
# ## 4 · The tie
#
# The other way is the slide's: a net for each set. The joint net is trained by the ELBO, but what trains q(z|x1)? JMVAE (Suzuki et al., 2016) *ties* it to the joint net:
#
# $$\text{maximise} \quad L(x_1, x_2) - \alpha \sum_m KL\big(q(z|x_1,x_2),\, q(z|x_m)\big).$$
#
# Fix a grey digit x1. In the data it occurs with many colours x2, so the tie averages over x2 given x1. Write $\bar q = E_{x_2|x_1}[q(z|x_1,x_2)]$.
#
# **Q4.** Which q(z|x1) does this tie prefer? And which one, if the two arguments of the KL change places?

# %%
p_x2 = tables.random((4,), SEED)
q_both = tables.random((6, 4), SEED + 1, normalise="z")
q_one = tables.random((6,), SEED + 2)
forward = identities.tie_is_least_at_the_average(p_x2, q_both, q_one)
reverse = identities.reverse_tie_is_least_at_the_geometric_mean(p_x2, q_both, q_one)
print(forward, reverse, sep="\n")
average, geometric = q_both @ p_x2, (q_both.log() @ p_x2).softmax(0)
for name, q in (("average", average), ("geometric mean", geometric)):
    covering = sum(w * tables.kl(column, q) for w, column in zip(p_x2, q_both.T, strict=True))
    backwards = sum(w * tables.kl(q, column) for w, column in zip(p_x2, q_both.T, strict=True))
    print(f"q(z|x1) = {name:14s} forward tie {covering:.4f}, reverse tie {backwards:.4f} nats")

# %% [markdown]
# <details><summary><b>Answer to Q4</b></summary>
#
# Forward: $E\,KL(q_{12}, q_1) = E\,KL(q_{12}, \bar q) + KL(\bar q, q_1)$, and only the last term knows $q_1$. The best $q_1$ is the average $\bar q$, with mass wherever *some* colour has
# mass. Reverse: $E\,KL(q_1, q_{12}) = KL(q_1, g/c) - \log c$ with $g = \exp E \log q_{12}$. The best $q_1$ is the geometric mean, with mass only where *all* colours have mass.
#
# </details>
#
# The reverse tie is a product of experts over answers that exclude each other. With Gaussians the two optima are easy to draw. The forward tie takes the mean and the
# variance of the mixture. The reverse tie averages precisions, so its q is as narrow as a posterior that has seen the colour.
#
# **Q5.** Below, one x1 leaves five answers open, and the forward tie moves the joint posteriors as well, as in the paper. Raise α: what is lost? Then choose *forward*, which holds the
# joint posteriors, and *reverse*. Where does q(z|x1) go?

# %%
figures.tie()

# %% [markdown]
# <details><summary><b>Answer to Q5</b></summary>
#
# If the joint posteriors may move, the tie pulls them together, and with a large α they become one: z forgets what x1 does not know. That is why our tie holds the joint posterior (no
# gradient reaches it); then α only sets a learning speed. The reverse q stands in the middle of the answers, weighted by their shares, and its width does not depend on their distance. Its
# draws give the one or two answers that happen to lie there, not the most probable one.
#
# </details>
#
# The figure shows a limit, too. The forward q is the best *Gaussian*, and a Gaussian cannot put 40 % of its mass on answer 2 if others lie around it. Compare the bars with
# the dashes: the shares come out flatter than they are.
#
# ## 5 · Both directions on colour pairs
#
# Now with networks: the same joint VAE twice, tied forwards and in reverse. The joint parts stay equal during training, weight by weight, because the tie does not move them. The hues
# are even, so grey tells nothing about them. (A little noise on the encoders' inputs and weight decay keep 1297 pairs from being learned by heart; both were chosen on validation pairs.)


# %%
STEPS = 1000
settings = {"steps": STEPS, "learning_rate": cosine(3e-3, STEPS), "weight_decay": 1.0, "seed": SEED}


def trained(splits: pairs.PairSplits, label: str, **options: object) -> MultimodalVAE:
    torch.manual_seed(SEED)
    model = MultimodalVAE.build(SHAPES, 16, (256,), KINDS, input_noise=0.1, **options)
    fit(model, splits.train.x, **settings, checkpoint="checkpoints", label=label)
    return model.eval()


in_reverse = partial(jmvae_objective, direction="reverse")
models = {
    "forward": trained(free_hues, "the forward tie"),
    "reverse": trained(free_hues, "the reverse tie", objective=in_reverse),
}

# %% [markdown]
# We take one test digit, colour its thumbnail in all ten hues, and ask the joint net for ten posteriors: the mixture that q(z|grey) should cover. z has 16 dimensions; the
# figure shows the one in which the ten differ most.
#
# **Q6.** What will the learned q(z|grey) look like in the two models?

# %%
one = {name: view[:1] for name, view in free_hues.test.x.items()}
grey_levels = digits.load("grey").test.x / 16
thumbnail = avg_pool2d(grey_levels[:1], 2)
painted = pairs.palette()[:, :, None, None] * thumbnail  # (10, 3, 4, 4), without noise
ten = {"grey": one["grey"].expand(10, -1, -1, -1), "colour": painted}
with torch.no_grad():
    learned = {
        name: (model.posterior(ten), model.posterior({"grey": one["grey"]}))
        for name, model in models.items()
    }
figures.learned_tie(learned)

# %% [markdown]
# <details><summary><b>Answer to Q6</b></summary>
#
# As in the figure of section 4. Forwards, q(z|grey) covers most of the mixture. In reverse it is about as narrow as a posterior that has seen the colour, and stands between the
# answers.
#
# </details>
#
# What does that mean for pictures? We draw z from q(z|grey), decode a colour, and read off its hue. If a model knows that it does not know the hue, the hues of 50 draws are nearly
# even. Their entropy has a ceiling, that of 50 even draws.


# %%
@torch.no_grad()
def drawn(model: MultimodalVAE, grey: torch.Tensor, n: int = 50) -> torch.Tensor:
    torch.manual_seed(SEED)
    z = model.posterior({"grey": grey}).sample((n,))
    return model.likelihood.of(["colour"])(z).mean["colour"]  # (n, batch, 3, 4, 4)


def hue_entropy(hues: torch.Tensor) -> float:
    share = one_hot(hues, pairs.HUES).float().mean(0)
    return torch.special.entr(share).sum(-1).mean().item()


test = free_hues.test
entropies = {
    name: hue_entropy(pairs.hue_of(drawn(m, test.x["grey"]))) for name, m in models.items()
}
ceiling = hue_entropy(torch.randint(10, (50, 20_000)))
print(", ".join(f"{name} {value:.2f}" for name, value in entropies.items()))
print(f"entropy of the drawn hues in nats; ceiling {ceiling:.2f}")

# %%
rows = [
    interpolate(drawn(model, test.x["grey"][i : i + 1], 11)[:, 0].clamp(0, 1), scale_factor=2)
    for i in (0, 1)
    for model in models.values()
]
asked = [test.x["grey"][i : i + 1].expand(-1, 3, -1, -1) for i in (0, 0, 1, 1)]
sheet = torch.cat([part for pair in zip(asked, rows, strict=True) for part in pair])
tile(sheet, 12, 6, alt="draws for two digits: many hues by the forward tie, few by the reverse")

# %% [markdown]
# Each row starts with the grey digit that was asked about. Rows 1 and 3 are the forward tie, rows 2 and 4 the reverse. The reverse tie is sure of itself without a
# reason. Its colours are pale besides: a z between the answers decodes to a mixture of hues that occurs in no picture. Note what would *not* have shown all this: the shape of the
# digit is right in both models, and a classifier of shapes would call both good.
#
# **Q7.** Which model gives the colours that really came with the test digits more probability, and what is the most that any model could reach?


# %%
def ceiling_given_grey(part: pairs.Pairs, stay: float) -> torch.Tensor:
    """log p(colour | thumbnail, digit): somebody who knows everything but hue and noise."""
    thumbnail = avg_pool2d(digits.load("grey").test.x / 16, 2)
    means = pairs.palette()[:, :, None, None] * thumbnail[:, None]  # (n, 10, 3, 4, 4)
    log_each = Normal(means, pairs.NOISE).log_prob(part.x["colour"][:, None]).sum((2, 3, 4))
    own = one_hot(part.label, pairs.HUES)
    return (log_each + torch.where(own > 0, stay, (1 - stay) / 9).log()).logsumexp(1)


with torch.no_grad():
    scores = {
        name: model.conditional_bound(test.x, ["grey"], 100) for name, model in models.items()
    }
    scores["ceiling"] = ceiling_given_grey(test, 0.1)
for name, score in scores.items():
    print(f"log p(colour | grey), {name:8s} {mean_and_error(score)} nats per pair")

# %% [markdown]
# <details><summary><b>Answer to Q7</b></summary>
#
# The forward model, by far. To be sure of a hue that turns out wrong costs more than to spread over all of them. The ceiling is what somebody scores who knows the thumbnail and how hues
# are drawn, but neither the hue nor the noise. No model can beat it on average; it is out of reach, since black-and-white pixels do not determine the thumbnail.
#
# </details>
#
# The scores are lower bounds (`conditional_bound`): z is proposed by q(z|grey,colour), which has seen the answer, and every draw is weighted by
# q(z|grey)/q(z|grey,colour). Beware of the popular estimate $L(x_1,x_2) - L(x_1)$. It subtracts a bound, so a *worse* q(z|x1) makes it look better.
#
# Now the pairs in which the hue follows the digit with probability 0.7. Is it the digit's own hue in 70 % of the draws?

# %%
own_hue = trained(tied_hues, "the forward tie, hues of the digits")
test7 = tied_hues.test
share = (pairs.hue_of(drawn(own_hue, test7.x["grey"])) == test7.label).float().mean().item()
with torch.no_grad():
    given_grey = own_hue.conditional_bound(test7.x, ["grey"], 100)
print(f"draws with the digit's own hue: {share:.2f}")
for kind in ("test data", "forward tie", "forward tie, flows", "reverse tie", "product"):
    print(f"  {kind:18s} {measured('multimodal', f'class hue frequency, {kind}')}")
best = mean_and_error(ceiling_given_grey(test7, 0.7))
print(f"log p(colour | grey): {mean_and_error(given_grey)}, ceiling {best} nats")
for kind in ("one Gaussian", "of draws, forward tie", "of draws, forward tie, flows"):
    separator = ", " if kind == "one Gaussian" else " "
    print(f"  {kind:28s} {measured('multimodal', f'log p(colour | grey){separator}{kind}')}")

# %% [markdown]
# Not nearly, with any tie (the indented rows are means of three seeds). Two limits meet here. The right q(z|grey) has a high peak at one hue and nine low ones around it, and
# a Gaussian that covers all ten flattens the peak: that was the figure of section 4. And our Gaussians have *independent dimensions*. The posteriors of ten hues lie on something like a
# ring; matched one dimension at a time, q(z|grey) fills the whole box around it. A *flow* of three MAF layers ([lecture 2](02_autoregressive_flows.ipynb)) in the place of q(z|grey) has neither
# limit. It raises the likelihood; but 1297 pairs are few for nets that should tell how sure a digit makes a hue, and its share of own hues stays far below the truth as well. For
# scale: *one Gaussian* over both views, without any latent, is already a fair model of these thumbnails.
#
# ## 6 · Experts, and what you choose to leave out
#
# A product of experts is trained on what it will be asked: the sum of the ELBOs of every set of modalities (MVAE). It needs no tie, since q(z|grey) and q(z|grey,colour) share
# their nets.

# %%
experts = trained(free_hues, "experts", inference="product")
entropies["experts"] = hue_entropy(pairs.hue_of(drawn(experts, test.x["grey"])))
with torch.no_grad():
    for given, asked in (("grey", "colour"), ("colour", "grey")):
        for name, model in (("forward tie", models["forward"]), ("experts", experts)):
            score = model.conditional_bound(test.x, [given], 100)
            print(f"log p({asked} | {given}), {name:11s} {mean_and_error(score)} nats per pair")
print(f"hue entropy: experts {entropies['experts']:.2f}, ceiling {ceiling:.2f} nats")

# %% [markdown]
# Experts keep the uncertainty, too: their hue entropy is far above the reverse tie's. The reason is the same. The ELBO of the grey view alone asks q(z|grey) to be the *posterior* of z,
# and nothing in it rewards confidence about the hue.
#
# Which modality is missing is your choice. **Change `OBSERVED` below and run the cell again:** `["grey"]`, `["colour"]`, or both. An expert that has nothing to say is not called.

# %%
OBSERVED = ["colour"]  # your choice: any of "grey" and "colour"

seen = {name: test.x[name][:12] for name in OBSERVED}
torch.manual_seed(SEED)
with torch.no_grad():
    z = experts.posterior(seen).sample((1,))[0]
    both = experts.likelihood(z).mean
    print(f"ELBO of {' and '.join(OBSERVED)}: {mean_and_error(experts.elbo(seen).total)} nats")
views = [test.x["grey"][:12], test.x["colour"][:12], both["grey"], both["colour"].clamp(0, 1)]
large = [interpolate(view, size=(8, 8)).expand(-1, 3, -1, -1) for view in views]
tile(
    torch.cat(large), 12, 6, alt="rows: grey and coloured digits, and both as the model draws them"
)

# %% [markdown]
# The first two rows are the test pairs, the last two what the model makes of the views that you let it see. From colour alone the hue returns, and the digit is sharp where 16 pooled values
# determine it. From grey alone the shape returns, and the hue is free.
#
# A third modality costs one more expert. We cut the grey digit into an upper and a lower half: three views, seven sets, one cell.

# %%
halves = {
    part: {"top": x["grey"][:, :, :4], "bottom": x["grey"][:, :, 4:], "colour": x["colour"]}
    for part, x in (("train", free_hues.train.x), ("test", test.x))
}
shapes = {"top": (1, 4, 8), "bottom": (1, 4, 8), "colour": (3, 4, 4)}
kinds = {"top": "bernoulli", "bottom": "bernoulli", "colour": "gaussian"}
torch.manual_seed(SEED)
three = MultimodalVAE.build(shapes, 16, (256,), kinds, inference="product")
options = {"learning_rate": cosine(3e-3, 400), "seed": SEED, "checkpoint": "checkpoints"}
fit(three, halves["train"], steps=400, **options, label="three views")
print(len(three.posterior.experts), "experts for", len(three.posterior.subsets), "sets")

# %%
with torch.no_grad():
    lower = {"nothing": three.importance_bound({"bottom": halves["test"]["bottom"]}, 100)}
    for given in (["top"], ["colour"], ["top", "colour"]):
        x = {name: halves["test"][name] for name in [*given, "bottom"]}
        lower[" and ".join(given)] = three.conditional_bound(x, given, 100)
for given, score in lower.items():
    print(f"log p(bottom | {given}): {mean_and_error(score)} nats per image")

# %% [markdown]
# Every view helps. The coloured thumbnail says more about the lower half than the upper half does, since it shows the lower half, if coarsely; on top of it, the upper half adds little.
#
# ## 7 · A modality that is a label
#
# "Conceptually similar to the semi-supervised VAE", says slide 8. There x2 is the class y, and it is missing for most examples. If y is seen, the joint ELBO L(x,y) bounds
# log p(x,y). If not, y is a latent variable, and since it has few values, the average over q(y|x) is a sum (Kingma et al., 2014):
#
# $$U(x) = \sum_y q(y|x)\, L(x, y) + H(q(y|x)) \le \log p(x).$$
#
# **Q8.** Where does the entropy come from? Is U(x) an ELBO at all?

# %%
n_y, n_z, n_x = 3, 4, 5
p_y, p_z = tables.random((n_y,), SEED), tables.random((n_z,), SEED + 1)
p_x = tables.random((n_y, n_z, n_x), SEED + 2)
p_x = p_x / p_x.sum(-1, keepdim=True)  # p(x|y,z)
q_y = tables.random((n_y, n_x), SEED + 3, normalise="z")  # q(y|x)
q_z = torch.stack([tables.random((n_z, n_x), SEED + 4 + y, normalise="z") for y in range(n_y)])
log_joint = (p_y[:, None, None] * p_z[:, None] * p_x).log()
l_xy = (q_z * (log_joint - q_z.log())).sum(1)  # L(x, y): (y, x)
u_x = (q_y * (l_xy - q_y.log())).sum(0)
joint_elbo = tables.elbo(log_joint.exp().flatten(0, 1), (q_y[:, None] * q_z).flatten(0, 1))
label_residual = (u_x - joint_elbo).abs().max().item()
print("U(x)                     ", u_x.numpy().round(6))
print("ELBO with latent (y, z)  ", joint_elbo.numpy().round(6))
print(f"largest difference {label_residual:.0e}")

# %% [markdown]
# <details><summary><b>Answer to Q8</b></summary>
#
# U(x) *is* the ELBO of a VAE whose latent is the pair (y,z), with q(y,z|x) = q(y|x) q(z|x,y). Its term -E log q(y,z|x) contains -E log q(y|x), the entropy. The cell above
# computes both on a table, and they agree to rounding.
#
# </details>
#
# Does it help? We keep 50 or 100 labels of 1297 digits. The classifier q(y|x) learns from the labels alone, or in the joint VAE, where the digits without a label train it through
# U(x) as well.

# %%
images = digits.load()
train, held_out = images.train, images.test


def few(count: int) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(SEED))
    keep = torch.cat([order[train.label[order] == y][: count // 10] for y in range(10)])
    label = torch.full_like(train.label, -1)  # -1: not observed
    label[keep] = train.label[keep]
    again = keep.repeat(len(label) // count - 1)  # labelled digits are half of every batch
    x, label = torch.cat([train.x, train.x[again]]), torch.cat([label, label[again]])
    return keep, {"x": x, "label": label}


# %%
def new() -> SemiSupervisedVAE:
    torch.manual_seed(SEED)
    return SemiSupervisedVAE.build((1, 8, 8), classes=10, z_dim=8, hidden=(128,), alpha=5.0)


def from_labels_alone(keep: torch.Tensor) -> SemiSupervisedVAE:
    model = new()
    adam = torch.optim.Adam(model.classifier.parameters(), lr=1e-3)
    for _ in range(500):
        adam.zero_grad()
        cross_entropy(model.classifier(train.x[keep]).logits, train.label[keep]).backward()
        adam.step()
    return model


# %%
wrong = {}
for count in (50, 100):
    keep, data = few(count)
    joint = new()
    options = {"learning_rate": cosine(2e-3, 800), "seed": SEED, "checkpoint": "checkpoints"}
    fit(joint, data, steps=800, **options, label=f"{count} labels")
    for name, model in (("labels alone", from_labels_alone(keep)), ("with the rest", joint)):
        wrong[count, name] = (model.classify(held_out.x) != held_out.label).float()

# %%
for count in (50, 100):
    alone, joint_wrong = wrong[count, "labels alone"], wrong[count, "with the rest"]
    worse, better = (joint_wrong > alone).sum().item(), (joint_wrong < alone).sum().item()
    saved = mean_and_error(100 * (alone - joint_wrong))
    print(f"{count} labels: error {100 * alone.mean():.1f} % from labels alone,", end=" ")
    print(f"{100 * joint_wrong.mean():.1f} % with the rest, a gain of {saved}:")
    print(f"  the joint VAE alone reads {better} images, the other alone {worse}")

# %% [markdown]
# Both classifiers are tested on the same 300 images, so the ± of the gain counts only the images on which exactly one of them is wrong. One point is three images. Before you believe a
# difference, look at three seeds in the table below.
#
# ## What the lecture claims, what we measured

# %%
closing_table(
    [
        (
            "p(z|x1,x2) = p(z|x1) p(z|x2) / p(z), up to a constant",
            f"residual {bayes.residual:.0e}",
            None,
            "holds exactly",
        ),
        (
            "a VAE learns p(x1, x2) with q(z|x1), q(z|x2), q(z|x1,x2) (slide 8):"
            " log p(colour | grey) of draws",
            f"{mean_and_error(given_grey)} nats per pair",
            ("multimodal", "log p(colour | grey) of draws, forward tie"),
        ),
        (
            "q(z|x1) keeps what x1 does not tell: hue entropy, forward tie",
            f"{entropies['forward']:.2f} of {ceiling:.2f} nats",
            ("multimodal", "hue entropy, forward tie"),
            "holds, nearly: the forward tie covers what x1 leaves open",
        ),
        (
            "the same with the reverse tie",
            f"{entropies['reverse']:.2f} of {ceiling:.2f} nats",
            ("multimodal", "hue entropy, reverse tie"),
            "does not hold: this tie is least at a geometric mean",
        ),
        (
            "the same with a product of experts",
            f"{entropies['experts']:.2f} of {ceiling:.2f} nats",
            ("multimodal", "hue entropy, product"),
            "holds",
        ),
        (
            "draws of x2 given x1 follow p(x2|x1): the digit's own hue, 0.67 of the test pairs",
            f"{share:.2f} of the draws",
            ("multimodal", "class hue frequency, forward tie"),
            "does not hold for a Gaussian q(z|x1), which flattens the peak",
        ),
        (
            "similar to the semi-supervised VAE (slide 8): U(x) is the ELBO with latent (y, z)",
            f"residual {label_residual:.0e}",
            None,
            "holds exactly",
        ),
        (
            "and unlabelled x help: error with 100 labels and the rest without",
            mean_and_error(wrong[100, "with the rest"]),
            ("semi_supervised", "error, 100 labels and 1197 without"),
        ),
    ]
)

# %% [markdown]
# One z, and a posterior for every set of views: that part of slide 8 holds as it stands. What the slide leaves open decides how well it works. The tie must cover, so
# its direction matters; the joint posterior must not be dragged; and a Gaussian q(z|x1) can say "I do not know which", but not "probably this one, perhaps one of those".
#
# ## Exercises
#
# **1.** Two experts with means 0 and 4 and standard deviation 1 disagree. What are mean and variance of the product with the prior N(0, 1), and of the mixture of
# the two posteriors? Which of the two shows that the experts disagree?
#
# <details><summary><b>Answer</b></summary>
#
# Product: precision 3, mean 4/3, variance 1/3. Each posterior has variance 1/2 and mean 0 or 2, so the mixture has mean 1 and variance 1/2 + 1 = 3/2. The product's variance does
# not depend on the means at all: it cannot show a disagreement. The mixture's can.
#
# </details>
#
# **2.** The value of the forward tie at its optimum is $E\,KL(q_{12}, \bar q)$. Which information is that, and when is it zero?
#
# <details><summary><b>Answer</b></summary>
#
# It is the information that z has about x2 once x1 is known, $I(z; x_2 | x_1)$, under p(x2|x1) q(z|x1,x2). It is zero if and only if x2 changes nothing about q(z|x1,x2). A tie that moves the joint posterior
# can lower this term by forgetting x2, and with a large α it does.
#
# </details>
#
# **3.** Show that U(x) is largest over q(y|x) where q(y|x) is proportional to exp L(x,y), and find that value.
#
# <details><summary><b>Answer</b></summary>
#
# With $s = \log \sum_y e^{L(x,y)}$ and $r(y) = e^{L(x,y) - s}$, $U(x) = \sum_y q(y|x) [s + \log r(y) - \log q(y|x)] = s - KL(q(y|x), r)$. So the largest value is s, at q(y|x) = r(y).
#
# </details>
#
# **Next:** [problem set 4](../assignments/ps4_multimodal/ps4_multimodal.ipynb), where you write the experts, the tie and both bounds, train a VAE of two views with them, and plug them
# into the explorables above. [Lecture 5](05_variational_rnn.ipynb) asks what a latent adds to a memory.
#
# **Papers.** Suzuki, Nakayama, Matsuo (2016), Joint multimodal learning with deep generative models, arXiv:1611.01891. Wu, Goodman (2018), Multimodal generative models
# for scalable weakly-supervised learning, arXiv:1802.05335. Shi, Siddharth, Paige, Torr (2019), Variational mixture-of-experts autoencoders for multi-modal deep generative
# models, arXiv:1911.03393. Kingma, Rezende, Mohamed, Welling (2014), Semi-supervised learning with deep generative models, arXiv:1406.5298. Hinton (2002), Training products of experts
# by minimizing contrastive divergence, Neural Computation 14(8).
