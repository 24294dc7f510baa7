# %% [markdown]
# # 6 · FlowGAN
#
# **Slides 10 and 11 of Lecture 12 of [CS236](https://deepgenerativemodels.github.io/).** A flow has an exact likelihood, and it makes samples. So it can be trained by
# maximum likelihood, or as the generator of a GAN. One generator, two objectives: do they want the same thing?
# "Slide 11" means the deck "Variants and Combinations of Basic Models", which the CS236 site lists on its syllabus page. You do not need it open.
#
# | section | you will |
# |---|---|
# | 1 | run one flow in both directions, as a density and as a generator |
# | 2 | find the best critic, and read a divergence off the value of a game |
# | 3 | compare what a generator can minimise: the JSD, and what code minimises in its place |
# | 4 | see two divergences that vanish together disagree about the best Gaussian |
# | 5 | move λ from 0 to ∞ and watch the best fit move from one optimum to the other |
# | 6 | train a flow on digits by likelihood, as a GAN, and by both, and measure its exact likelihood |
#
# About 45 minutes to read, about a minute to run. You need lecture 2 (flows), the idea of a GAN, and the KL divergence. At each **Q**, commit to an answer before you run
# the next cell; the answers are folded. Logarithms are natural, so every number is in *nats* (1 nat = 1.44 bits).

# %%
import math

import torch
from torch.distributions import Normal
from torch.nn.functional import logsigmoid

from course_lib.data import digits
from course_lib.evaluation import (
    Memoriser,
    classifier_two_sample,
    log_condition,
    mean_and_error,
)
from course_lib.exact import f_divergence, identities, tables
from course_lib.exact.misspecified import MisspecifiedGaussian, lopsided_mixture
from course_lib.figures import flow_gan as figures
from course_lib.figures.closing_table import closing_table
from course_lib.figures.images import tile
from course_lib.models import CouplingFlow, FlowGAN
from course_lib.models.game import build_critic
from course_lib.training import cosine, fit

torch.set_num_threads(1)  # for networks this small a second core only gets in the way
SEED = 0

# %% [markdown]
# ## 1 · A generator with a likelihood
#
# A flow draws z from N(0, I) and returns x = f(z) for an invertible f. That is all a GAN asks of a generator. Run backwards, the same f gives the density of any x
# (slide 10):
#
# $$p(x) = p_Z(f^{-1}(x))\, \left|\det \frac{\partial f^{-1}(x)}{\partial x}\right|.$$
#
# FlowGAN needs f and its inverse to be fast, so it uses **coupling layers** (lecture 2): some coordinates pass unchanged, and a network reads them to decide how the others are
# shifted and scaled. One pass of the network serves each direction.

# %%
torch.manual_seed(SEED)
flow = CouplingFlow.build(4, layers=4, hidden=(16,)).double()
with torch.no_grad():
    for weight in flow.parameters():  # a flow that starts at the identity would prove little
        weight.add_(0.3 * torch.randn_like(weight))
    x, on_the_way = flow.brick().rsample_and_log_prob((1000,))
    backwards = flow.log_prob(x)
print("log p(x) of three samples, counted while they are made ", on_the_way[:3].numpy().round(4))
print("the same by running the flow backwards                ", backwards[:3].numpy().round(4))
print(f"largest difference: {(on_the_way - backwards).abs().max():.0e}")

# %% [markdown]
# Both directions give the same density, up to rounding.
#
# **Q1.** Which direction does maximum likelihood use, and which does a GAN use? What does each of them need from the Jacobian?
#
# <details><summary><b>Answer to Q1</b></summary>
#
# Maximum likelihood runs data backwards, from x to z, and needs the determinant. A GAN runs noise forwards, from z to x, and never looks at a determinant. So nothing in adversarial
# training keeps the determinant, or the rest of the Jacobian, in a healthy range. Section 6 shows what comes of it.
#
# </details>
#
# ## 2 · The best critic, and the value of the game
#
# A GAN's critic D tells data, of density p_data, from samples, of density p. It maximises (slide 10)
#
# $$V(D) = E_{p_{data}}[\log D(x)] + E_p[\log(1 - D(x))].$$
#
# At each x this is a sum of two logarithms, and the best answer is $D^* = p_{data}/(p_{data} + p)$. Its **logit** $\log D^* - \log(1 - D^*)$ is the log-ratio $\log p_{data} - \log p$.
# Insert D* and a divergence appears: $V(D^*) = 2\, JSD(p_{data}, p) - \log 4$. We execute this on random tables.

# %%
p_data, p_model = tables.random((4, 5), SEED), tables.random((4, 5), SEED + 1)
value_of_the_game = identities.gan_value_is_jsd(p_data, p_model)
print(value_of_the_game)

# %% [markdown]
# The Jensen-Shannon divergence compares both sides with their middle: $JSD = \frac12 KL(p_{data}, m) + \frac12 KL(p, m)$ with $m = (p_{data} + p)/2$. It is zero only for equal distributions, and
# never above log 2, which means "nothing in common".
#
# **Q2.** A critic is trained for a while, and V/2 + log 2 stands at 0.2 nats. Is the JSD 0.2?

# %%
figures.discriminator()

# %% [markdown]
# <details><summary><b>Answer to Q2</b></summary>
#
# It is *at least* 0.2 (apart from the noise of the sample). Every critic gives a lower bound, and only D* is tight. A critic that hesitates and one that is too sure both fall short: move the confidence
# away from 1.
#
# </details>
#
# So a GAN minimises a lower bound of what it would like to minimise, and the bound is good only while the critic is. Here the critic is a multiple of the best logit. At confidence 1 the bar reaches the
# line; at 0 the critic knows nothing and the bound is 0.
#
# The JSD is one member of a family. Each convex function f has a divergence $D_f$ and a game whose value is that divergence (*f-GAN*, Nowozin et al., 2016). With the best critic each bound is tight;
# with any other it is below.

# %%
generator = torch.Generator().manual_seed(SEED)
family = f_divergence.KL, f_divergence.REVERSE_KL, f_divergence.JSD, f_divergence.PEARSON
for divergence in family:
    best = divergence.optimal_critic(p_data, p_model)
    other = best - 0.1 * torch.rand(best.shape, generator=generator, dtype=torch.double)
    print(
        f"{divergence.name:22s} {divergence(p_data, p_model):.4f}   best critic"
        f" {divergence.bound(p_data, p_model, best):.4f}   another"
        f" {divergence.bound(p_data, p_model, other):.4f}"
    )

# %% [markdown]
# In each row the first two numbers agree and the third is smaller (p is p_data here, and q the model). A GAN can therefore minimise a KL as well. What distinguishes a GAN from maximum likelihood is not the divergence alone: a GAN never
# evaluates a density.
#
# ## 3 · What the generator minimises
#
# Only the second term of V depends on the generator, $E_p[\log(1 - D(x))]$. If D is optimal, half of this term has exactly the gradient of the JSD, although D is held fixed: D* is a maximum, so a
# change of D does not count to first order. But that gradient fades when the critic is sure. So nearly all code minimises the **non-saturating** loss $-E_p[\log D(x)]$ in its place (Goodfellow et al., 2014).
#
# **Q3.** The data are N(0, 1) and the generator is N(s, 1). Next to the data (s near 0), how does the slope of the non-saturating loss in s compare with the slope of the JSD? And far away?

# %%
x = torch.linspace(-12, 16, 2801, dtype=torch.double)
dx, log_data = x[1] - x[0], Normal(0.0, 1.0).log_prob(x)
shifts, slopes = torch.linspace(0.05, 3, 60, dtype=torch.double), []
for s in shifts:
    shift = s.clone().requires_grad_()
    log_p = Normal(shift, 1.0).log_prob(x)
    logit = (log_data - log_p).detach()  # the best critic, held fixed
    middle = torch.logaddexp(log_data, log_p) - math.log(2)
    parts = log_data.exp() * (log_data - middle) + log_p.exp() * (log_p - middle)
    losses = parts / 2, log_p.exp() * logsigmoid(-logit), -log_p.exp() * logsigmoid(logit)
    slopes.append([torch.autograd.grad(a.sum() * dx, shift, retain_graph=True)[0] for a in losses])

# %%
jsd, saturating, non_saturating = torch.tensor(slopes, dtype=torch.double).T
print(f"half the saturating loss against the JSD: {(saturating / 2 - jsd).abs().max():.0e}")
for place in (0, len(shifts) - 1):
    ratio = non_saturating[place] / jsd[place]
    print(f"shift {shifts[place]:.2f}: the non-saturating slope is {ratio:.1f} times the JSD's")
figures.generator_gradients(*(v.tolist() for v in (shifts, jsd, saturating, non_saturating)))

# %% [markdown]
# <details><summary><b>Answer to Q3</b></summary>
#
# Next to the data it is twice the JSD's, and the factor grows with the distance: at a shift of 3 it is about 18. The non-saturating loss goes on pulling where the JSD has given up.
#
# </details>
#
# Half the saturating loss and the JSD have one slope, to the accuracy of the quadrature. The non-saturating loss has the same place of rest, p = p_data, but it is not a multiple of the JSD. So when a paper says "weight times
# JSD" and its code has the non-saturating loss, the weight has no fixed unit: it counts double near the data and far more at a distance. In the
# library, `build_critic("jsd", ...)` gives its generator the non-saturating loss, and `build_critic("saturating jsd", ...)` the bound on the JSD itself.
#
# ## 4 · They vanish together, and yet they disagree
#
# Slide 11: $KL(p_{data}, p) = 0$ if and only if $JSD(p_{data}, p) = 0$, since both mean p = p_data. So if the model *can* be p_data, it does not matter which one we minimise to the end.
#
# **Q4.** Suppose the model cannot be p_data: one Gaussian, for data with two distant peaks. Which Gaussian is best by KL, and which by JSD?

# %%
vanish = identities.kl_and_jsd_vanish_together(p_data)
print(vanish)
by_kl, by_jsd = identities.misspecified_minimisers()
print(by_kl, by_jsd, sep="\n")
print(f"KL of the second over KL of the first: {by_jsd.kl / by_kl.kl:.0f}")

# %% [markdown]
# <details><summary><b>Answer to Q4</b></summary>
#
# By KL the Gaussian has the mean and the variance of the data: it covers both peaks, and most of its mass lies between them. By JSD it sits on one peak and gives up the other.
#
# </details>
#
# By JSD the second fit is better; by KL it is worse by the factor in the last line. The reason is in the formulas. Where p is nearly zero and p_data is not, $\log(p_{data}/p)$ is as large as it likes,
# so the KL must cover every peak. The JSD compares with the middle, and $p_{data}/m$ is never above 2: giving up a peak has a bounded price.
#
# ## 5 · From one to the other
#
# FlowGAN minimises the sum (slide 11):
#
# $$\min_p\; KL(p_{data}, p) + \lambda\, JSD(p_{data}, p).$$
#
# λ = 0 is maximum likelihood, λ = ∞ a pure GAN. (Watch the side: the authors' code puts a weight on the *likelihood*, which is 1/λ.) "Interpolates between a GAN and a flow model", says the slide.
# Below, the data have a large peak and a small one. The middle panels show each divergence over all Gaussians, and the path of the best fit.
#
# **Q5.** Move the slider from 0 to ∞. Does the best fit move steadily, or does it stay and then jump? Which peak does it give up?

# %%
figures.two_objectives()

# %% [markdown]
# <details><summary><b>Answer to Q5</b></summary>
#
# Steadily, here: the fit becomes narrower and slides towards the large peak, KL rises and JSD falls. It gives up the small peak.
#
# </details>
#
# Along the path the KL only rises and the JSD only falls. It must be so: if one fit had a lower KL *and* a lower JSD than another, the other would be best for no λ. Whether the change is *gradual* depends on the data. With two equal peaks it
# is not:

# %%
equal = MisspecifiedGaussian(((-3.0, 0.6), (3.0, 0.6)))
for lambda_ in (0.0, 10.0, 100.0, 1000.0, math.inf):
    print(f"λ = {lambda_:6.0f}   lopsided {lopsided_mixture().best(lambda_)}")
    print(f"{'':10s}    equal {equal.best(lambda_)}")

# %% [markdown]
# With equal peaks nothing moves until λ is in the hundreds, and then the fit jumps to one of them. "Interpolates" is true of the objective. Its solution may interpolate, or jump.
#
# ## 6 · A flow on digits, trained three ways
#
# Now real data: 8x8 grey digits, 1297 to train on. A density needs real numbers, so each whole grey level gets uniform noise (*dequantisation*, lecture 2), ten times over. One and the same flow
# is trained from the same start with λ = 0, 10 and ∞. The critic is a Wasserstein critic, as in the
# authors' code. It bounds another distance than the JSD, so λ is in other units than in section 5.
#
# No run is stopped early by its likelihood: that would give the adversarial end an objective that it does not have.

# %%
STEPS, LEVELS = 600, 17
splits, noise = digits.load("grey"), torch.Generator().manual_seed(SEED)


def pixels(part, copies: int = 1) -> torch.Tensor:
    """Return dequantised images in [0, 1): (copies * n, 64)."""
    return torch.cat([digits.dequantise(part.x, noise) for _ in range(copies)]).flatten(1) / LEVELS


train = pixels(splits.train, copies=10)
validation, test = pixels(splits.validation), pixels(splits.test)


# %%
def flow_gan(lambda_: float) -> FlowGAN:
    torch.manual_seed(SEED)
    flow = CouplingFlow.build(64, layers=6, hidden=(100,), levels=1.0, alpha=0.01).start_at(train)
    model = FlowGAN(flow.brick, build_critic("wasserstein", 64, (200, 200)), lambda_)
    options = {"learning_rate": cosine(1e-3, STEPS), "betas": (0.5, 0.9), "seed": SEED}
    fit(model, train, steps=STEPS, **options, checkpoint="checkpoints", label=f"λ = {lambda_:g}")
    return model.double().eval()


models = {"λ = 0": flow_gan(0.0), "λ = 10": flow_gan(10.0), "λ = ∞": flow_gan(math.inf)}

# %% [markdown]
# Twelve samples of each model, one model per row; the last row holds test images.

# %%
torch.manual_seed(SEED)
samples = {name: model.sample(len(test)) for name, model in models.items()}
rows = torch.cat([x[:12] for x in (*samples.values(), test)]).reshape(-1, 8, 8)
tile(rows, columns=12, zoom=6, alt="samples of three flows, one row each, and a row of test images")

# %% [markdown]
# The rows differ less than you may expect. But these flows also have an exact likelihood, which no GAN has. As a yardstick we take a **memoriser**: a small Gaussian around every training image, its
# width chosen on validation images. It has learned nothing but the training set.
#
# **Q6.** Does the flow that was trained by the critic alone beat the memoriser in held-out likelihood? If not, is over-fitting the reason?

# %%
per_level = 64 * math.log(LEVELS)  # from pixels in [0, 1) to units of one grey level
memoriser = Memoriser.fit(train, validation)
print(f"{'-log p in nats':16s}{'test, mean':>14s}{'test, median':>14s}{'train, median':>15s}")
nats = {}
for name, model in {**models, "memoriser": memoriser}.items():
    with torch.no_grad():
        seen, held = (per_level - model.log_prob(x.double()) for x in (train[:1297], test))
    nats[name] = held
    on_train = "" if model is memoriser else f"{seen.median():15.4g}"
    print(f"{name:16s}{held.mean():14.4g}{held.median():14.4g}{on_train}")

# %% [markdown]
# <details><summary><b>Answer to Q6</b></summary>
#
# It does not: it is far worse, by the mean and by the median. Over-fitting is not the reason, because the training images are just as unlikely. (The memoriser's likelihood of its own training images
# says nothing, so it is not printed.)
#
# </details>
#
# Grover et al. (2018) found the same with MNIST and CIFAR-10. The samples look like digits, and the density says that digits are impossible. How can both be true? A density on 64 dimensions can be next to zero at an image
# although the flow makes images that *look* the same: it is enough that all samples lie on a thin sheet and the image lies slightly beside it.
#
# **Q7.** In which property of the Jacobian dx/dz would you see such a sheet?

# %%
torch.manual_seed(SEED)
z = torch.randn(64, 64, dtype=torch.double)
condition = {name: log_condition(model.brick, z) for name, model in models.items()}
for name, values in condition.items():
    low, middle, high = values.quantile(torch.tensor([0.1, 0.5, 0.9]).double())
    print(f"{name:7s} log10 condition: {low:.1f} (10%)  {middle:.1f} (median)  {high:.1f} (90%)")

# %% [markdown]
# <details><summary><b>Answer to Q7</b></summary>
#
# In the singular values: how far a small ball around z is stretched in each direction. A sheet means that some of them are tiny. The **condition number** is the largest divided by the smallest.
#
# </details>
#
# With the likelihood in the objective, the median stays in the hundreds. Without it, it is many times larger, and for one z in ten it is far larger still: a direction has been squeezed almost to nothing. The log-determinant would have told the
# training; a critic does not see it, because squeezing a direction that carries little contrast hardly changes the samples.
#
# Now the samples. The **C2ST** (classifier two-sample test) is the held-out accuracy of a classifier that must tell samples from test images: 0.5 is best. Slide 11 says that λ interpolates, and the usual reason to want a GAN
# is that it samples better.
#
# **Q8.** Which of the three makes the best samples by this test?

# %%
accuracy = {name: classifier_two_sample(test, x.to(test)).statistic for name, x in samples.items()}
floor = classifier_two_sample(test, train[: len(test)]).statistic
for name, value in accuracy.items():
    print(f"{name:7s} C2ST accuracy {value:.3f}")
print(f"floor   C2ST accuracy {floor:.3f} (training images in the place of samples)")

# %% [markdown]
# <details><summary><b>Answer to Q8</b></summary>
#
# The hybrid, λ = 10. Its samples are harder to tell from the data than those of maximum likelihood, and the table above shows how little likelihood it pays for that. The critic alone makes the worst samples of the three.
#
# </details>
#
# So the hybrid does what slide 11 hopes for. The other half of the story, "adversarial training alone samples better", is **not shown here, because** no adversarial run that we tried samples clearly better than maximum likelihood does. Below is
# the sweep with three seeds, and the two best of the runs that we tried besides: a critic that bounds the JSD, with flow and critic in the space of standardised logits, scales held between 0.6 and 1.65 (chosen on validation images), more steps, and
# the same with additive layers (NICE, whose determinant cannot collapse).

# %%
figures.lambda_sweep()

# %% [markdown]
# The dotted line is the C2ST of maximum likelihood, the dashed line the likelihood of the memoriser. A better critic closes the gap in the samples; it does not win. Two rows are worth a second look. A
# flow of additive layers, which cannot change volume, keeps a likelihood of ordinary size under a critic alone. So it is not adversarial training as such that ruins the likelihood, but adversarial training of a flow that *can* squeeze. And
# the condition number is a symptom, not the whole story: the JSD critic alone loses hundreds of nats at a condition number (of the logits) near that of maximum likelihood.
#
# ## What the lecture claims, what we measured

# %%
closing_table(
    [
        (
            "V(D*) = 2 JSD - log 4 (slide 10)",
            f"residual {value_of_the_game.residual:.0e}",
            None,
            "holds exactly",
        ),
        (
            "KL = 0 iff JSD = 0 (slide 11)",
            f"residual {vanish.residual:.0e}",
            ("kl_and_jsd", "null: both, where the family holds p_data"),
        ),
        (
            "optimising one need not optimise the other (slide 11): KL of the best fit by JSD",
            f"{by_jsd.kl:.1f} nats, against {by_kl.kl:.2f}",
            ("kl_and_jsd", "KL(p_d, p) of the best Gaussian by JSD"),
        ),
        (
            "a flow can be a GAN's generator (slide 10): its median -log p on test images",
            f"{nats['λ = ∞'].median():.2g} nats; memoriser {nats['memoriser'].median():.0f}",
            ("flow_gan", "GAN alone, test -log p, median"),
            "it can; the likelihood is lost if its layers can squeeze",
        ),
        (
            "KL + λ JSD interpolates (slide 11): C2ST at λ = 10",
            f"{accuracy['λ = 10']:.3f}, against {accuracy['λ = 0']:.3f} at λ = 0",
            ("flow_gan", "lambda 10, accuracy"),
            "holds for a finite λ: better samples than maximum likelihood",
        ),
        (
            "and what it costs: -log p of test images at λ = 10",
            f"{mean_and_error(nats['λ = 10'])} nats per image",
            ("flow_gan", "lambda 10, test -log p"),
            "holds: little likelihood is lost",
        ),
        (
            "adversarial training alone samples better (the reason to want a GAN)",
            f"C2ST {accuracy['λ = ∞']:.3f}",
            ("flow_gan", "JSD critic alone, accuracy"),
            "not shown here, because no critic, space or layer that was tried clearly beat maximum likelihood",
        ),
    ]
)

# %% [markdown]
# "KL or JSD?" asks slide 10. If the family contains the data's distribution, either. If it does not, the two want different models, and λ trades one for the other: likelihood and coverage against samples that a critic accepts. With the
# likelihood in the sum, the critic's part is cheap to have. Without it, a flow can lose its density while it keeps its looks.
#
# ## Exercises
#
# **1.** A critic always answers D = 1/2. What is the value of the game, and which bound on the JSD does it give?
#
# <details><summary><b>Answer</b></summary>
#
# V = log(1/2) + log(1/2) = -log 4, and V/2 + log 2 = 0: the bound that is always true.
#
# </details>
#
# **2.** Show that no fit on the path of section 5 has both a lower KL and a lower JSD than another fit on it.
#
# <details><summary><b>Answer</b></summary>
#
# Let a be the best fit for λ. If b had a lower KL and a lower JSD, KL + λ JSD of b would be lower as well, whatever λ is, and a would not be the best. The path is the *Pareto front* of the two divergences (as far as it is convex).
#
# </details>
#
# **3.** Additive coupling layers have determinant one. Can a flow of them have an ill-conditioned Jacobian? Can its likelihood still be poor?
#
# <details><summary><b>Answer</b></summary>
#
# Yes to both. A shear has determinant one and any condition number (problem set 6, exercise 7). And log p(x) also contains log p_Z(f⁻¹(x)), which is very low where x comes from a z far away from the origin.
#
# </details>
#
# **Next:** [problem set 6](../assignments/ps6_flow_gan/ps6_flow_gan.ipynb), where you write both divergences, the critic's bound, a coupling layer and the hybrid loss, and train a FlowGAN of your own.
# [Lecture 7](07_joint_matching.ipynb) adds critics to a VAE and asks what its objective matches.
#
# **Papers.** Grover, Dhar, Ermon (2018), Flow-GAN, arXiv:1705.08868. Goodfellow et al. (2014), arXiv:1406.2661. Nowozin, Cseke, Tomioka (2016), arXiv:1606.00709. Theis, van den Oord, Bethge (2016), arXiv:1511.01844. Dinh,
# Sohl-Dickstein, Bengio (2017), arXiv:1605.08803. Arjovsky, Chintala, Bottou (2017), arXiv:1701.07875. Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville (2017), arXiv:1704.00028. Lopez-Paz, Oquab (2017), arXiv:1610.06545.
