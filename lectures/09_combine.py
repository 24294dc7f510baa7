# %% [markdown]
# # 9 · Now build your own
#
# **Slides 2 and 19 of Lecture 12 of [CS236](https://deepgenerativemodels.github.io/).** Eight lectures have taken models apart. Slide 19 closes with two sentences: many
# combinations are possible, and evaluating them is hard. This lecture takes both at their word. Which combination is best, and best at what?
#
# | section | you will |
# |---|---|
# | 1 | see the course's models in one table, trained alike, and sort it |
# | 2 | find out how far the orders agree, and how far a second seed agrees with the first |
# | 3 | build a model of your own, predict its row, and put it into the table |
# | 4 | fool two measures on purpose, one after the other |
# | 5 | try any other combination with menus and a button |
#
# About 40 minutes to read, under a minute to run. You need lecture 0 and one or two of the others. At each **Q**, commit to an answer before you run the next
# cell; the answers are folded. Logarithms are natural, so every likelihood is in *nats*.

# %%
import math

import torch

from course_lib.data import digits
from course_lib.evaluation import (
    Leaderboard,
    Row,
    evaluate,
    mean_and_error,
    rank_correlation,
    relative_costs,
    sample_accuracy,
    score,
)
from course_lib.exact import identities, tables
from course_lib.figures import combine as figures
from course_lib.figures.closing_table import closing_table
from course_lib.figures.images import tile
from course_lib.measured import measured, verdict
from course_lib.models import combine
from course_lib.training import cosine, fit

torch.set_num_threads(1)  # for networks this small a second core only gets in the way
SEED, STEPS = 0, figures.BUDGET
splits = digits.load("binary")

# %% [markdown]
# ## 1 · One table
#
# Slide 2 lists what a model is made of: a representation and an objective, each with pros and cons. Here are nine of the course's models on the same 8x8 digits, with nets of the
# same size and the same number of steps, all fixed before the first run. Six columns say how good they are:
#
# | column | what it is | from |
# |---|---|---|
# | -log p(x) | nats per test image: an upper bound by 300 importance samples (≤), or exact (=) | lectures 1, 3 |
# | gap | how far the ELBO lies below that bound, so at least this large (≥) | lecture 1 |
# | I_q(x; z) | how much z tells about x, of at most log 300 | lecture 8 |
# | C2ST | the accuracy of a classifier that tells samples from test images; dotted: training images in the samples' place | lecture 7 |
# | step, sampling | CPU time, as a multiple of the plain VAE's, measured in turns | lecture 3 |
#
# The digits are **bits**. A likelihood of bits and a density of grey levels have different units, and no constant turns one into the other. So FlowGAN, whose flow needs real numbers, is
# not in this table; its own is in [lecture 6](06_flow_gan.ipynb).
#
# **Q1.** Before you sort: which model is first by likelihood, which by its samples, which by z, which by speed? How many different names did you write down?

# %%
figures.leaderboard()

# %%
COLUMNS = figures.COLUMNS
table = figures.values()


def column(key: str) -> dict[str, float]:
    return {name: line[key].value for name, line in table.items() if key in line}


first = {}
for key, about in COLUMNS.items():
    order = sorted(column(key), key=column(key).get, reverse=not about.lowest_first)
    first[key] = order[0]
    print(f"{key:10s} first {order[0]:20s} last {order[-1]}")
print(len(set(first.values())), "different names in the first column")

# %% [markdown]
# <details><summary><b>Answer to Q1</b></summary>
#
# Read the names above. PixelVAE is first by likelihood, and takes hundreds of times as long to sample as a VAE. InfoVAE is paid for information and has the most of it, with a likelihood behind
# the VAE's and the largest gap. The IAF posterior has the smallest gap, which is what it is for. The PixelCNN's likelihood is within about a nat of the VAE's, and its samples are far easier to
# tell from digits. (VAE and beta-VAE have the same net: their order by cost is noise.) Whoever sorts by one column does not see the others, and a paper that reports one number does just that.
#
# </details>
#
# The first column mixes two kinds of number. That of the PixelCNN is exact. All others are bounds, and a bound can be loose by an unknown amount.
#
# **Q2.** Model A has a higher ELBO than model B on the same test images. Can B have the higher likelihood? In a world of tables, where all is known, let B be *the distribution of the
# data itself*, with a posterior that ignores x; in A, x does not depend on z at all.

# %%
p_b = tables.random((4, 6), seed=SEED)
p_z, p_x = tables.marginals(p_b)
p_a = torch.outer(p_z, (0.9 * p_x + 0.1 / 6))  # a little wrong about x, and z is not used
q = p_z[:, None].expand(4, 6)  # the posterior of both: it ignores x
for name, p in {"A": p_a, "B": p_b}.items():
    likelihood = (p_x * tables.marginals(p)[1].log()).sum()
    print(f"{name}: E[log p(x)] {likelihood:.4f}   E[ELBO] {(p_x * tables.elbo(p, q)).sum():.4f}")
    gap_closed = identities.log_prob_is_elbo_plus_gap_table(p, q)
    print("  ", gap_closed)

# %% [markdown]
# <details><summary><b>Answer to Q2</b></summary>
#
# Yes. B is perfect and its bound is lower, because its posterior is poor; A's bound is tight. What decides is the gap, $\log p(x) = L(x) + KL(q(z|x), p(z|x))$ (slide 6). So two
# bounds order two models only if their difference is larger than the gaps. The column "gap" is there for this, and it is itself only a lower bound on the gap.
#
# </details>
#
# ## 2 · Orders that disagree
#
# Spearman's **rank correlation** compares two orders of the same models: 1 if they are equal, 0 if they have nothing to do with each other, -1 if one is the other reversed. It needs a reference.
# How far does a column agree with *itself*, when all models are trained again from another seed?
#
# **Q3.** Rank these by their agreement with likelihood: C2ST, the gap, I_q, the time of sampling, and likelihood with another seed.


# %%
def of_seed(key: str, seed: int) -> dict[str, float]:
    sign = 1 if COLUMNS[key].lowest_first else -1  # so that the best comes first in all
    have = column(key)
    return {n: sign * measured("leaderboard", f"{n}, {key}").values[seed] for n in have}


def agreement(one: dict[str, float], other: dict[str, float]) -> float:
    both = [name for name in one if name in other]
    return rank_correlation([one[n] for n in both], [other[n] for n in both])


# %%
likelihood, seeds = "-log p(x)", range(3)
print("rank correlation     with likelihood    with itself, another seed")
agreements = {}
for key in COLUMNS:
    across = [agreement(of_seed(likelihood, s), of_seed(key, s)) for s in seeds]
    again = [agreement(of_seed(key, s), of_seed(key, (s + 1) % 3)) for s in seeds]
    agreements[key] = (sum(across) / 3, sum(again) / 3)
    print(f"{key:20s} {agreements[key][0]:12.2f} {agreements[key][1]:21.2f}")

# %% [markdown]
# <details><summary><b>Answer to Q3</b></summary>
#
# Compare the two columns of numbers. Where the second is near 1, a seed hardly changes the order, and a small number in the first is a real disagreement between two measures: so it is for the gap and the
# two costs, which even run against likelihood. C2ST agrees with likelihood about as far as it agrees with itself: on these models the two tell the same story, as far as 300 images can tell. Nobody could have
# known that beforehand, and section 4 shows that it need not be so.
#
# </details>
#
# A disagreement is not an error of one of the measures. Likelihood asks whether *every* test image is likely; C2ST asks whether *samples* can be told from images; I_q asks what z
# knows, and p(x) does not even mention z (slide 16); the costs ask what a model is worth to somebody who waits for it.
#
# ## 3 · A model of your own
#
# Lecture 0 built a model without a name: an autoregressive prior, autoregressive pixels and a posterior with IAF layers. It has everything that makes a likelihood better, and everything
# that makes a model slow. These are the default choices; change them.
#
# **Q4.** Predict its row before you run the cell. Will it be ahead of PixelVAE by likelihood? By C2ST? How many times the VAE's sampling time does it take?

# %%
choices = {"prior": "autoregressive", "likelihood": "pixelcnn", "posterior": "iaf"}
options = figures.options(choices, STEPS)  # the course's weights, e.g. of a JSD, and warm-up
torch.manual_seed(SEED)
mine = combine((1, 8, 8), 8, (128,), **choices, **options)
recipe = {"steps": STEPS, "learning_rate": cosine(2e-3, STEPS), "seed": SEED}
history = fit(mine, splits.train.x, **recipe, label="mine", checkpoint="checkpoints")

# %%
test, train = splits.test.x, splits.train.x
found = score(mine, test, train, seed=SEED)
both = {"VAE": figures.build({}), "mine": mine}
cost = relative_costs(both, train[:100], base="VAE")["mine"]
print(found)
print(f"a step takes {cost.step:.1f} times the VAE's, sampling {cost.sampling:.0f} times")

# %% [markdown]
# The score says which number it is: "at most" for a bound, "=" for an exact likelihood. A ± is one standard error over the test images; another seed would change the number, too,
# and a single run does not know by how much. The row goes into a file in `my/`, which git ignores, and is there again tomorrow.

# %%
board = Leaderboard()
row = Row(figures.title(choices, STEPS, SEED), found, cost, f"{choices}, {STEPS} steps")
board.add(row)
figures.leaderboard(board.rows())

# %%
table = figures.values([row])
for key, about in COLUMNS.items():
    have = column(key)
    order = sorted(have, key=have.get, reverse=not about.lowest_first)
    place, pixelvae = order.index(row.name) + 1, have["PixelVAE"]
    print(
        f"{key:10s} {have[row.name]:7.2f}, place {place} of {len(order)}; PixelVAE {pixelvae:.2f}"
    )

# %% [markdown]
# <details><summary><b>Answer to Q4</b></summary>
#
# Sampling is sequential twice, in z and in the pixels, and the pixels take nearly all of the time. For the rest, run the section again with `SEED = 1`. With some seeds this model ends ahead of PixelVAE by likelihood, with others
# behind it, and then its I_q says why: z is used less, because the pixels had explained each other before the posterior was of any use (lecture 8). Three good bricks are no sum, and one run is one draw.
#
# </details>
#
# Was your prediction right, and for the right reason? If it was wrong, which lecture would you read again? That question is [the project](../assignments/project_combine/project_combine.ipynb) in one line.
#
# ## 4 · Two impostors
#
# Why can no single column be trusted? Because each can be driven to a good value by a model that nobody wants (Theis, van den Oord and Bethge, 2016). First, a model with good likelihood and useless
# samples: with probability 1/100 it draws from yours, otherwise it draws noise.
#
# **Q5.** How many nats of likelihood does it lose, at most?

# %%
bound = evaluate(mine, test, k=50, samples=1, batch_size=50, seed=SEED).importance_bound
of_noise = torch.full_like(bound, -64 * math.log(2))  # 64 fair coins
mixed = torch.logaddexp(math.log(0.01) + bound, math.log(0.99) + of_noise)
torch.manual_seed(SEED)
is_mine = torch.rand(len(test), 1, 1, 1) < 0.01
noise = torch.bernoulli(torch.full_like(test, 0.5))
samples = torch.where(is_mine, mine.sample(len(test)), noise)
impostor = mean_and_error(-mixed), sample_accuracy(test, samples, SEED)
lost = float((bound - mixed).max())
print(f"-log p(x) at most {impostor[0]}, C2ST {impostor[1]:.3f}; it lost {lost:.2f} nats an image")

# %% [markdown]
# <details><summary><b>Answer to Q5</b></summary>
#
# At most $\log 100 \approx 4.6$, for every image: $\log(0.01\, p(x) + 0.99\, r(x)) \ge \log p(x) - \log 100$. On 64 pixels that moves it down the table. On an image of 256x256 pixels, whose
# likelihood is thousands of nats, nobody would notice.
#
# </details>
#
# Second, a model with perfect samples that has learnt nothing: it draws a training image. As a density of bits it needs some spread, so let it flip each pixel with a small probability ε.
#
# **Q6.** Where does it stand by C2ST, and where by likelihood?


# %%
def memoriser_log_prob(x: torch.Tensor, flip: float) -> torch.Tensor:
    apart = torch.cdist(x.flatten(1), train.flatten(1), p=1)  # (n, train): pixels that differ
    log_each = apart * math.log(flip) + (64 - apart) * math.log(1 - flip)
    return log_each.logsumexp(1) - math.log(len(train))


# %%
flips = [0.005 * 1.3**k for k in range(14)]
best = max(flips, key=lambda f: float(memoriser_log_prob(splits.validation.x, f).mean()))
remembers = {
    flip: (mean_and_error(-memoriser_log_prob(test, flip)), sample_accuracy(test, train, SEED))
    for flip in (1e-6, best)
}
for flip, (nats, accuracy) in remembers.items():
    print(f"ε = {flip:.2g}: -log p(x) = {nats}, C2ST {accuracy:.3f} of its images before the flips")
behind = [name for name, nats in column("-log p(x)").items() if nats > remembers[best][0].value]
print("models of the table that the better of the two beats by likelihood:", behind or "none")

# %% [markdown]
# <details><summary><b>Answer to Q6</b></summary>
#
# By C2ST it *is* the floor, as near to the test images as images of the same kind are, and it has only stored its data. With hardly any flips its likelihood is the worst of all, since a test image that
# differs from every training image in a few pixels is next to impossible. With the best ε it is a kernel density: a baseline that a model should beat before anybody looks at its other columns.
#
# </details>
#
# So a report needs a likelihood *and* a look at samples, each with its floor. And it needs what neither shows: the same table with other seeds. Samples of both impostors, and of your model:

# %%
torch.manual_seed(SEED)
rows = torch.cat([mine.sample(16), samples[:16], train[torch.randperm(len(train))[:16]]])
tile(rows, columns=16, zoom=5, alt="16 images each of: the model, the noisy mixture, the memoriser")

# %% [markdown]
# ## 5 · Menus
#
# The same functions behind menus. Choose, **predict**, press **Train**. You can press **Stop** at any time; **Train** goes on from there, today or after a restart, to the same
# numbers as without the stop. A finished model is scored and its row joins the table below. The notebook stays awake meanwhile.

# %%
figures.menus(splits, board)

# %% [markdown]
# Your rows are in `my/leaderboard.json`. `board.remove("mine: ...")` drops one. Delete the file to start anew; a file that cannot be read is set aside, not deleted. Two warnings. With every
# model that you try and compare on the test images, the best of them looks a little better than it is: to *choose*, use `splits.validation`. And a difference that is smaller than the
# bars of the table is not a difference.
#
# ## What the lecture claims, what we measured

# %%
closing_table(
    [
        (
            "many combinations are possible (slide 19): one without a name, -log p at most",
            found.nats,
            ("leaderboard", "PixelVAE, -log p(x)"),
            "holds, with this condition: all but one of the grid; beside it PixelVAE",
        ),
        (
            "evaluation is hard (slide 19): rank correlation of likelihood and C2ST",
            f"{agreements['C2ST'][0]:.2f}, the measured table's",
            ("leaderboard", "rank correlation: -log p(x) and C2ST"),
            "not shown here, because the two agree as far as C2ST agrees with itself",
        ),
        (
            "of likelihood and sampling time",
            f"{agreements['sampling'][0]:.2f}, the measured table's",
            ("leaderboard", "rank correlation: -log p(x) and sampling"),
            "holds, with this condition: on these models; the orders are rather opposite",
        ),
        (
            "which is best depends on the measure (slide 19): different names in first place",
            f"{len(set(first.values()))} names, the measured table's",
            None,
            verdict("leaderboard"),
        ),
        (
            "a higher bound is no higher likelihood (slide 6)",
            f"residual {gap_closed.residual:.0e}",
            None,
            "holds exactly: in a world of tables the orders are opposite",
        ),
        (
            "a good likelihood does not mean good samples: nats lost by 99 % noise",
            f"{lost:.2f}, C2ST {impostor[1]:.2f}",
            None,
            "holds exactly: at most log 100 = 4.61",
        ),
        (
            "good samples do not mean a good likelihood: C2ST of training images",
            f"{remembers[best][1]:.3f}",
            ("leaderboard", "floor: C2ST, train for samples"),
            "holds exactly: the floor belongs to a model that only remembers",
        ),
    ]
)

# %% [markdown]
# "Best" has no meaning without "at what". What the lecture says of combinations is easy to confirm: all but one of them build, and by the same lines. What it says of evaluation is the
# harder half: the orders differ, some differences are noise, and every measure has its impostor.
#
# ## Exercises
#
# **1.** Train the plain VAE with three seeds through the menus. How large is the range of each column, and which differences of section 1 are larger?
#
# <details><summary><b>Answer</b></summary>
#
# The range should be like that of the bars in the figure, since these are half ranges over three seeds. Differences that are clearly larger are between the models with a PixelCNN and the
# others, in likelihood and in both times.
#
# </details>
#
# **2.** Find a combination that is ahead of the plain VAE in likelihood *and* in I_q *and* not slower to sample than twice. Which brick or comparison did you try first, and why?
#
# <details><summary><b>Answer</b></summary>
#
# Think of what each does: a posterior with IAF layers changes the gap and costs nothing at sampling; a MAF prior improves the bound and is sequential in z only, which is 8 steps; the comparisons act on z and
# usually pay in likelihood. There may be none that is ahead beyond the noise. That is a result, too.
#
# </details>
#
# **3.** A report says: "our model has 0.3 nats more than the baseline, and its samples are visibly better." Name four questions that you would ask.
#
# <details><summary><b>Answer</b></summary>
#
# Is it a bound, and are the two gaps alike? How many seeds, and what is their range? Was the budget equal, and were settings chosen on the images that are reported? How do the samples score against a floor, and
# does the model reproduce training images?
#
# </details>
#
# **Next:** [the project](../assignments/project_combine/project_combine.ipynb): a combination of your own, with a prediction, three seeds and a report.
#
# **Papers.** Theis, van den Oord, Bethge (2016), A note on the evaluation of generative models, arXiv:1511.01844 (the two impostors). Wu, Burda, Salakhutdinov, Grosse (2017), On the quantitative analysis of
# decoder-based generative models, arXiv:1611.04273 (bounds on both sides). Lopez-Paz, Oquab (2017), arXiv:1610.06545 (C2ST). Lucic, Kurach, Michalski, Gelly, Bousquet (2018), Are GANs created
# equal?, arXiv:1711.10337 (budgets and seeds). Sajjadi, Bachem, Lucic, Bousquet, Gelly (2018), Assessing generative models via precision and recall, arXiv:1806.00035.
