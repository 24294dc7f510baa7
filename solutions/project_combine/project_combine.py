# %% [markdown]
# # Project · Propose, predict, measure
#
# **Slides 2 and 19 of Lecture 12 of [CS236](https://deepgenerativemodels.github.io/).** Many combinations are possible, and evaluating them is hard. You propose one, predict from the
# lectures what it will do, measure it, and say what failed. It is graded by a person. A prediction that turns out wrong, and is explained, earns as much as one that comes true.
#
# | no. | part | points | what earns them |
# |---|---|---|---|
# | 1 | the proposal | 5 | one combination, one baseline that differs from it in what you want to study, and a reason to expect a difference |
# | 2 | the prediction | 6 | for each column a direction and a rough size, each from a lecture; written before the first run |
# | 3 | the protocol | 5 | equal budgets, three seeds, floors, what was chosen on which images |
# | 4 | the result | 6 | figures with their spread, bounds called bounds, each prediction marked as right or wrong |
# | 5 | what failed | 5 | what went wrong or cannot be concluded, with a reason that could be tested |
# | 6 | in four sentences | 3 | an abstract that claims no more than part 4 shows |
#
# 30 points. About ten hours, of which one is computing time. You need [lecture 9](../../lectures/09_combine.ipynb) and the lectures on your bricks.
#
# **How it works.** Write your text into the cells that say so; each holds about 100 to 250 words. The code is a frame: it trains your combination and a baseline, scores both and prints a table.
# Change it as you like, add cells, add models of your own. It runs as it stands, as a *draft* of a few steps, so that you can see at once whether everything works. Run the whole notebook before you hand
# it in, and leave the outputs in.

# %% grade="locked" grade_id="setup"
import torch

from course_lib.data import digits
from course_lib.evaluation import my_folder, relative_costs, score
from course_lib.figures import combine as figures

torch.set_num_threads(1)
splits = digits.load("binary")

# %% [markdown]
# ## Part 1 · The proposal
#
# Which combination, which baseline, and why these two? Name the brick or the comparison in which they differ, and the property that it is meant to change. If two bricks differ at once, say how you will
# tell their effects apart. You may use `figures.build`, `combine` with options of your own, or a model that you write.

# %% [markdown] grade="written" grade_id="proposal" points=5
# **What a good answer has.** I compare a VAE with an autoregressive (MAF) prior to the plain VAE: same encoder, same decoder, same KL. Only p(z) differs. In a trained VAE q(z) is not N(0, I): the rate has a part
# KL(q(z), p(z)) that is paid for nothing (lecture 7), and samples come from places of z that no image leads to. A prior that can follow q(z) should remove this part. It changes neither how much z
# must tell about x nor how well q(z|x) fits, so it is a clean test of one term. As a control I want to fit the prior afterwards to codes of the finished plain VAE (lecture 3, section 6): if the whole gain is there, the prior alone made it.
#
# ---
# **Mark scheme**
#
# | points | for | common losses |
# |---|---|---|
# | 1 | the combination is stated so that a reader could build it | sizes or options missing: half a point |
# | 2 | the baseline differs in one thing, or the effects of several are told apart | "the best model of the lecture" as baseline of a model with three other bricks: 0 |
# | 2 | the reason names a term of the ELBO, a gap or a cost, and a lecture or slide | "more flexible, so better": 0 of 2 |
#
# **Two reports and their marks.** The figures in both are those of the hand-ins; another machine gives others.
#
# *Report A, 5 of 5.* The text above, in the student's words.
#
# *Report B, 2 of 5.* "I combine an autoregressive prior, a PixelCNN and IAF layers, and compare with the VAE. All three make the model more powerful, so I expect the best results." Stated clearly (1). The baseline
# differs in three bricks and nothing is planned to tell them apart, though the lecture's table has models with one of each (1 of 2, for a baseline of equal size). The reason would fit any change (0 of 2).

# %% [markdown]
# ## Part 2 · The prediction
#
# Before you train: for each of -log p(x), the gap, I_q, C2ST, the time of a step and of sampling, say whether your combination will be higher, lower or level with its baseline, roughly by how much, and from which
# lecture you know. Say which of them you are least sure of, and what result would surprise you.

# %% [markdown] grade="written" grade_id="prediction" points=6
# **What a good answer has.** -log p(x): lower by about half a nat, since lecture 3 gains about this with the same prior on a PixelVAE, and KL(q(z), p(z)) of the plain VAE is not much more. Gap: level; it belongs to q(z|x), which I do not change.
# I_q: level or slightly higher, because q(z) need not look like N(0, I) any more. C2ST: lower, since samples now start where codes are; I am least sure of this, for the classifier sees pixels and not z. Step: less than twice, two small masked
# nets more. Sampling: about eight times, z has eight dimensions and is drawn one after the other (lecture 2). A gain in the gap would surprise me.
#
# ---
# **Mark scheme**
#
# | points | for | common losses |
# |---|---|---|
# | 2 | a direction for every column | each column without one: a third of a point |
# | 2 | rough sizes for at least three columns, from a number in a lecture or a count | sizes without a source: half |
# | 1 | sources are named and say what is claimed of them | |
# | 1 | the least sure prediction, and a result that would speak against the idea | "anything is possible": 0 |
#
# Whether a prediction comes true is not marked here.
#
# *Report A, 6 of 6.* As above.
#
# *Report B, 2.5 of 6.* "Likelihood will be the best of all, samples the best of all, and it will be slower." Three of six directions (1); "about a hundred times slower to sample, one pass for each pixel" is a size with its
# reason (1 of 2); the lecture named for it is the right one (half); nothing could speak against it (0).

# %% [markdown]
# ## Part 3 · The protocol
#
# A draft of 60 steps and one seed stands here. For the report, set `STEPS` and `SEEDS`. Whatever you *choose* (a weight, a width, when to stop) you choose on `splits.validation`; the test images are for the last run.

# %%
CHOICES = {"prior": "autoregressive"}  # your combination
BASELINE = {}  # the plain VAE; or whatever differs from yours in one thing
STEPS, SEEDS = 60, (0,)  # a draft; the report needs figures.BUDGET steps and three seeds
HELD_OUT = splits.validation.x  # a report's last run: splits.test.x


# %%
def trained(choices: dict, seed: int) -> torch.nn.Module:
    model = figures.build(choices, STEPS, seed)
    return figures.train(model, splits, STEPS, seed, checkpoint=my_folder() / "checkpoints")


def numbers(model: torch.nn.Module, baseline: torch.nn.Module, seed: int) -> dict[str, float]:
    found = score(model, HELD_OUT, splits.train.x, k=100, seed=seed)
    pair = {"baseline": baseline, "this": model}
    cost = relative_costs(pair, splits.train.x[:100], base="baseline")["this"]
    values = {"-log p(x)": found.nats.value, "C2ST": found.accuracy, "C2ST floor": found.floor}
    if found.gap is not None and found.information is not None:  # a model with a latent
        values |= {"gap": found.gap.value, "I_q": found.information.value}
    return values | {"step": cost.step, "sampling": cost.sampling}


# %% [markdown]
# Write down what you do, so that somebody else could repeat it: budgets, seeds, what was chosen on which images, which number is a bound, which floor stands next to which column, and how large a difference must be before
# you believe it.

# %% [markdown] grade="written" grade_id="protocol" points=5
# **What a good answer has.** Both models: 1000 steps of 100 images, the course's learning rate, seeds 0, 1 and 2, which decide weights, batches and noise; no early stopping. Nothing was tuned. All looking was done on the 200 validation images; the
# 300 test images were used once, after part 2 was written. -log p(x) is an upper bound with 300 importance samples in both, with the same q family, so I also compare the gaps: the bounds can order the models only if they differ by
# more. C2ST stands next to its floor, training images in the samples' place. I call a difference real if all three seeds agree in sign and it is larger than both half ranges.
#
# ---
# **Mark scheme**
#
# | points | for | common losses |
# |---|---|---|
# | 1 | equal budgets, or the difference justified | more steps for one's own model: 0 |
# | 1 | three seeds for both | one model with three, the other from the table is fine if sizes and budget are the same |
# | 1 | choosing and reporting on different images | the best of several weights, found and reported on test: 0 |
# | 1 | bounds and floors named | |
# | 1 | a rule for what counts as a difference, stated before the result | |
#
# *Report A, 5 of 5.* As above.
#
# *Report B, 1 of 5.* "1000 steps for both; one seed, because of the time. I tried warm-up 0, 300 and 600 and report the best on the test images." Budgets (1). One seed (0), chosen on test (0), no word on bounds or floors (0), no
# rule (0).

# %% [markdown]
# ## Part 4 · The result

# %%
results: dict[str, list[dict[str, float]]] = {"baseline": [], "yours": []}
for seed in SEEDS:
    models = {"baseline": trained(BASELINE, seed), "yours": trained(CHOICES, seed)}
    for name, model in models.items():
        results[name].append(numbers(model, models["baseline"], seed))

# %%
print(f"{STEPS} steps, {len(SEEDS)} seed(s), {len(HELD_OUT)} images; mean and half range")
for key in results["yours"][0]:
    line = f"{key:12s}"
    for name, runs in results.items():
        values = [run[key] for run in runs if key in run] or [float("nan")]
        half = (max(values) - min(values)) / 2
        line += f"   {name} {sum(values) / len(values):8.3f} ± {half:.3f}"
    print(line)

# %% [markdown]
# Put your final table here, and read it: which predictions were right, which wrong, and which cannot be decided?

# %% [markdown] grade="written" grade_id="result" points=6
# **What a good answer has.** Test images, three seeds, mean ± half range; plain VAE, then mine. -log p(x), at most: 18.22 ± 0.06, 17.60 ± 0.07. Gap, at least: 0.70 ± 0.07, 0.66 ± 0.04. I_q: 4.36 ± 0.07, 4.40 ± 0.07. C2ST: 0.597 ± 0.012, 0.564 ± 0.013 (floor
# 0.48). Step: 1.9 times; sampling: 9.5 times. Likelihood: right, 0.62 nats, every seed, and the gaps do not differ, so it is not the bound. Gap: right, level. I_q: level; "slightly higher" cannot be decided. C2ST: right in sign, each seed, and the difference is
# larger than both half ranges; both stay clearly above the floor. Step and sampling: right. That KL(q(z), p(z)) is what became smaller I believe and did not measure.
#
# ---
# **Mark scheme**
#
# | points | for | common losses |
# |---|---|---|
# | 2 | a table with mean, spread and units, bounds and floor marked | one seed, or no spread: at most 1 |
# | 2 | every prediction of part 2 is answered, wrong ones too | only those that came true: at most 1 |
# | 1 | differences judged by the rule of part 3 | a difference within the noise called a gain: 0 |
# | 1 | an explanation that the figures support, with a control or a term that was measured | |
#
# *Report A, 5 of 6.* As above: the explanation is plausible, but neither the term nor the control was measured (1 lost).
#
# *Report B, 2 of 6.* "-log p(x) 17.9 against 18.2, so the likelihood is better. The classifier gives 0.67 against 0.60, but it is not a good measure. 180 times slower." Figures without spread (1). Two of three predictions
# are answered; the one that failed is talked away (1). No rule, so nobody knows whether 0.3 nats are a difference (0). Nothing explains why three good bricks are behind PixelVAE in the lecture's table (0).

# %% [markdown]
# ## Part 5 · What failed
#
# What did not work, what surprised you, and what can a reader *not* conclude from your figures? Choose the most important point and say how one would test it.

# %% [markdown] grade="written" grade_id="failure" points=5
# **What a good answer has.** I promised a control, a prior fitted afterwards, and ran out of time: so I have shown that the two models differ, and not that KL(q(z), p(z)) is why. C2ST fell on every seed, but on seed 2 by 0.017 only, and its floor
# moves by 0.024 between seeds: by a stricter rule than mine I could not claim it. What cannot be concluded: that samples improved because they start where codes are. A test: draw z from q(z) instead of p(z) in both models and compare C2ST again; if
# I am right, the plain VAE gains and mine does not. And 300 images and a kernel classifier may not see what a larger test would.
#
# ---
# **Mark scheme**
#
# | points | for | common losses |
# |---|---|---|
# | 2 | something that failed, or a prediction that was wrong, reported with its figures | "everything worked": 0, unless the search for a failure is described |
# | 2 | the limits: what the figures do not show | a list of general remarks that fit any project: half |
# | 1 | a test that could decide the most important open point | "more epochs": 0 |
#
# *Report A, 5 of 5.* As above.
#
# *Report B, 2 of 5.* "Training was slow, and z is hardly used (I_q 2.5 instead of 4.4), which I did not expect." A surprise with its figure (2); a second seed would have shown that it is one unlucky run. Nothing on limits (0); "a larger data set would help" is no test (0).

# %% [markdown]
# ## Part 6 · In four sentences
#
# What you asked, what you did, what you found with its size and spread, what remains open.

# %% [markdown] grade="written" grade_id="abstract" points=3
# **What a good answer has.** Does a VAE lose likelihood because its codes do not follow the prior? I replaced N(0, I) by a two-layer MAF and changed nothing else. On 8x8 binary digits with three seeds the bound on log p(x) rose by 0.62 nats, about ten times
# the half range over the seeds, at equal gap and equal information, and samples became somewhat harder to tell. Why the samples improved was not shown.
#
# ---
# **Mark scheme**
#
# | points | for | common losses |
# |---|---|---|
# | 1 | the question and the one thing that was changed | |
# | 1 | the finding with size, spread and "bound" | a size without spread: half |
# | 1 | nothing is claimed that part 4 does not show, and the open point is named | "improves generative models": 0 |
#
# *Report A, 3 of 3.* As above: 29 of 30 in all.
#
# *Report B, 1 of 3.* "I built the best model of the course: 0.3 nats better than the VAE." The change and the size (half each), no spread; part 4 does not show "best", and the lecture's table shows the opposite. 10.5 of 30 in all: the work
# was done, and most of the points that are missing cost a sentence each, not a run.

# %% [markdown]
# Before you hand in: is every number the outcome of a cell in this notebook? Does every difference have a spread next to it? Would a reader who doubts you know what to run?
