# %% [markdown]
# # 7 · Joint matching
#
# **Slides 12-15 of Lecture 12 of [CS236](https://deepgenerativemodels.github.io/).** A VAE is trained by the ELBO. Lecture 1 of this course called it a
# lower bound on the likelihood. The slides give a second reading, and it explains every variant that follows: what is the ELBO really matching?
# "Slide 13" means the deck "Variants and Combinations of Basic Models", which the CS236 site lists on its syllabus page. You do not need it open.
#
# | section | you will |
# |---|---|
# | 1 | see the ELBO as a likelihood with a regulariser, and watch the regulariser decide |
# | 2 | derive slide 13 line by line, each line a line of code on the same table |
# | 3 | match two joint distributions by hand, split in two ways |
# | 4 | find the information between x and z inside the KL term |
# | 5 | keep three places apart: matching in x, in z, and jointly |
# | 6 | add a critic in z-space: the adversarial autoencoder on digits |
# | 7 | add a critic in x-space: what VAE + GAN gains and what it costs |
#
# About 50 minutes to read, less than a minute to run. You need lecture 1 and the KL divergence. At each **Q**, commit to an answer before you run the next
# cell; the answers are folded. Logarithms are natural, so every number is in *nats* (1 nat = 1.44 bits).

# %%
import torch

from course_lib.data import digits, mnist
from course_lib.evaluation import (
    classifier_two_sample,
    marginal_kl,
    marginal_kl_floor,
    mean_and_error,
    quadrature_world,
)
from course_lib.exact import identities, tables
from course_lib.exact.grid import Grid
from course_lib.exact.matching import matching_world
from course_lib.figures import joint_matching as figures
from course_lib.figures.closing_table import closing_table
from course_lib.measured import measured
from course_lib.models import VAE, AdversarialAutoencoder
from course_lib.training import cosine, fit

torch.set_num_threads(1)  # for networks this small a second core only gets in the way
SEED = 0

# %% [markdown]
# ## 1 · A likelihood with a regulariser
#
# Everything in sections 1 to 5 happens in one small world, where sums replace integrals. z takes 7 values on a line and x takes 5. The encoder
# q(z|x) prefers the z near x, and the decoder p(x|z) prefers the x near z; two *sharpness* numbers say how strongly. The prior p(z) is uniform,
# and the data p_data(x) lean to the right.

# %%
world = matching_world(encoder=2.0, decoder=8.0, tilt=1.0)
p_data, q_z_given_x, p_z, p_x_given_z = world
print("p_data(x)      ", p_data.numpy().round(3))
print("q(z|x), x = 0  ", q_z_given_x[:, 0].numpy().round(3))
print("p(x|z), z = 0  ", p_x_given_z[0].numpy().round(3))

# %% [markdown]
# A VAE maximises the average ELBO over the data. Lecture 1 says that the ELBO of each x is log p(x) minus a gap, and that the average of log p(x) is
# $-KL(p_{data}, p) - H(p_{data})$. Put the two together (slide 12):
#
# $$E_{p_{data}}[L(x)] = \underbrace{-KL(p_{data}(x),\, p(x))}_{\text{maximum likelihood}} - \underbrace{E_{p_{data}}\, KL(q(z|x),\, p(z|x))}_{\text{regulariser}}
# - H(p_{data}).$$
#
# The entropy of the data does not depend on the model. The slide writes ≡ for "equal up to this constant".

# %%
p_zx = world.p_zx
p_x, p_z_given_x = p_zx.sum(0), tables.conditionals(p_zx)[0]
elbo = (p_data * tables.elbo(p_zx, q_z_given_x)).sum()
likelihood_term = -tables.kl(p_data, p_x)
regulariser = (p_data * tables.conditional_kl(q_z_given_x, p_z_given_x)).sum()
entropy = tables.entropy(p_data)
print(f"E[ELBO]                           {elbo:.6f}")
print(f"-KL(p_data, p) - E[gap] - H(p_d)  {likelihood_term - regulariser - entropy:.6f}")

# %% [markdown]
# The two numbers agree to every digit, for an encoder that is nowhere near the posterior.
#
# **Q1.** Now hold the encoder fixed and choose the decoder's sharpness. Do the likelihood and the ELBO choose the same decoder? (In this figure the data
# are uniform, tilt = 0.)

# %%
figures.likelihood_and_elbo(encoders=(2.0, 6.0, 10.0))

# %% [markdown]
# <details><summary><b>Answer to Q1</b></summary>
#
# No. The likelihood only sees p(x), and many decoders give nearly the same p(x). The ELBO prefers the decoder whose posterior
# p(z|x) this encoder can express, so the encoder *regularises the model*.
#
# </details>
#
# Each grey dot marks the best decoder for one encoder. The likelihood is nearly flat in the decoder's sharpness, and each encoder pulls the maximum of the ELBO towards a decoder about as sharp as itself. Slide 12
# calls this **amortised inference regularisation** (Shu et al., 2018): whatever restricts the encoder restricts the model that training finds.
#
# **Q2.** Suppose we smooth the encoder on purpose, by adding noise to its input while a VAE trains on digits. Should the gap on held-out images shrink? Should
# the likelihood of held-out images rise?

# %%
splits = digits.load("binary")
STEPS = 1500
smooth = {}
for noise in (0.0, 0.3):
    torch.manual_seed(SEED)
    vae = VAE.build((1, 8, 8), z_dim=2, hidden=(128, 128), input_noise=noise)
    rate = cosine(2e-3, STEPS)
    fit(vae, splits.train.x, steps=STEPS, learning_rate=rate, seed=SEED, checkpoint="checkpoints")
    smooth[noise] = vae.eval()

# %%
seen, unseen = splits.train.x[:150], splits.test.x[:150]
print("nats per image    gap, training   gap, held out   log p(x), held out")
for noise, vae in smooth.items():
    exact = quadrature_world(vae, Grid(-8, 8, 161, dim=2))
    gaps = {}
    for part, x in (("training", seen), ("held out", unseen)):
        with torch.no_grad():
            gaps[part] = mean_and_error(exact.log_prob(x) - vae.elbo(x, samples=100).total)
    print(
        f"noise {noise}  {gaps['training']!s:>20}{gaps['held out']!s:>16}"
        f"{mean_and_error(exact.log_prob(unseen))!s:>19}"
    )

# %% [markdown]
# <details><summary><b>Answer to Q2</b></summary>
#
# A smooth encoder cannot memorise the training images, so its gap on new images shrinks. Nothing promises a better model: a regulariser helps if the model
# overfits, and hurts if it does not. Compare the last column of the two rows: log p(x) is exact here, because z has two dimensions and can be integrated on
# a grid.
#
# </details>
#
# The ± is one standard error over images. In each row, compare the gap on held-out images with the gap on training images: the difference is what the
# encoder has memorised. Without noise it is clear; with noise it is smaller, and may vanish. "Regularised maximum likelihood" describes the objective. It does not promise a higher likelihood, and the
# closing table shows what three seeds say.
#
# ## 2 · Slide 13, line by line
#
# Slide 13 rewrites the ELBO until a single KL is left. Each line below is one line of the slide, as code on the table from section 1. The only
# algebra is that a logarithm of a product is a sum, and that q(z|x) sums to one over z.

# %%
q = q_z_given_x  # (z, x); p_data and p_x broadcast along z
line_1 = (p_data * (p_x.log() - tables.conditional_kl(q, p_z_given_x))).sum() + entropy
line_2 = -tables.kl(p_data, p_x) - regulariser
line_3 = -(p_data * ((p_data / p_x).log() + (q * (q / p_z_given_x).log()).sum(0))).sum()
line_4 = -(p_data * (q * (q * p_data / (p_z_given_x * p_x)).log()).sum(0)).sum()
line_5 = -(p_data * q * (p_data * q / (p_x * p_z_given_x)).log()).sum()
line_6 = -tables.kl(p_data * q, p_x * p_z_given_x)
lines = torch.stack([line_1, line_2, line_3, line_4, line_5, line_6])
for number, value in enumerate(lines, 1):
    print(f"line {number}: {value:.15f}")
spread = (lines.max() - lines.min()).item()
print(f"largest difference: {spread:.0e}")

# %% [markdown]
# The last line is a single divergence between two joint distributions over (z, x):
#
# $$E_{p_{data}}[L(x)] = -KL\big(\underbrace{p_{data}(x)\, q(z|x)}_{q(z,x)},\ \underbrace{p(x)\, p(z|x)}_{p(z,x)}\big) - H(p_{data}).$$
#
# The **inference joint** q(z,x) starts at the data and encodes. The **generative joint** p(z,x) starts at the prior and decodes. Training a VAE pulls
# the two together (slides 13 and 14). No approximation was made, and q does not appear in any bound.
#
# **Q3.** In which line does $p_{data}(x)\, q(z|x)$ first appear as one distribution, and what made that possible?
#
# <details><summary><b>Answer</b></summary>
#
# In line 4. In line 3 the factor log(p_data/p) stands outside the sum over z. Since q(z|x) sums to one over z, it can move inside, and there it joins the other
# logarithm. From then on only the product p_data(x) q(z|x) occurs.
#
# </details>

# %%
matching = identities.elbo_is_joint_matching(p_zx, p_data, q_z_given_x)
print(matching)

# %% [markdown]
# ## 3 · One divergence, two ways to split it
#
# A joint can be factored with x first or with z first. The KL of two joints then splits into a *marginal* and a *conditional* part, in two ways
# (slides 14 and 15):
#
# $$KL(q(z,x), p(z,x)) = KL(p_{data}, p(x)) + E_{p_{data}} KL(q(z|x), p(z|x))$$
# $$\phantom{KL(q(z,x), p(z,x))} = KL(q(z), p(z)) + E_{q(z)} KL(q(x|z), p(x|z)).$$
#
# Here $q(z) = E_{p_{data}}[q(z|x)]$ is the **aggregate posterior**, and q(x|z) is the posterior's own decoder: q(z,x)/q(z).

# %%
q_zx = world.q_zx
by_x, by_z = tables.kl_split_by_x(q_zx, p_zx), tables.kl_split_by_z(q_zx, p_zx)
print(f"x first: {by_x.marginal:.4f} + {by_x.conditional:.4f} = {sum(by_x):.4f}")
print(f"z first: {by_z.marginal:.4f} + {by_z.conditional:.4f} = {sum(by_z):.4f}")
split_x = identities.joint_kl_splits_by_x(p_zx, p_data, q_z_given_x)
split_z = identities.joint_kl_splits_by_z(p_zx, p_data, q_z_given_x)
print(split_x, split_z, sep="\n")

# %% [markdown]
# **Q4.** Move the sliders below. Can you make the two bars differ in height? Can you make the blue part of one bar vanish while the other bar's stays?
# Which setting of the three sliders makes both bars vanish?

# %%
figures.joint_tables()

# %% [markdown]
# <details><summary><b>Answer to Q4</b></summary>
#
# The heights are always equal: both are the KL of the two joints. With the encoder's sharpness at 0, q(z) is the uniform prior, so KL(q(z), p(z)) is zero, whatever
# the data are. Both bars vanish only when all three sliders stand at 0: then z and x are independent under both joints. That the *useless* model is a perfect
# match is the subject of [lecture 8](08_information_preference.ipynb).
#
# </details>
#
# The bars keep one height and change their parts. Slide 14 draws its conclusion from the left bar: a zero needs (1) p(x) = p_data and (2) q(z|x) = p(z|x) for every x.
# Slide 15 draws it from the right bar: a zero needs (1) q(z) = p(z) and (2) q(x|z) = p(x|z) for every z. These are the same condition, since both say that
# the two joints are equal. Away from zero they are not the same, and each suggests its own variant of the VAE.
#
# ## 4 · The information inside the KL term
#
# The ELBO that we train is reconstruction minus $KL(q(z|x), p(z))$, the **rate**. Average the rate over the data, and it splits as well
# (Hoffman and Johnson, 2016):
#
# $$E_{p_{data}} KL(q(z|x), p(z)) = \underbrace{I_q(x; z)}_{\text{information}} + \underbrace{KL(q(z), p(z))}_{\text{mismatch of the aggregate}}.$$
#
# Only the second part is needed for good samples. The first part is what z knows about x, and the ELBO charges for it too.

# %%
rate = identities.rate_is_information_plus_marginal_kl(p_z, p_data, q_z_given_x)
information = tables.mutual_information(q_zx)
print(rate)
print(f"I_q(x; z) = {information:.4f}, KL(q(z), p(z)) = {by_z.marginal:.4f} nats")

# %% [markdown]
# **Q5.** A model reports a rate of 15 nats. Does its z carry 15 nats of information about x?
#
# <details><summary><b>Answer</b></summary>
#
# Not necessarily. The rate is the information *plus* the mismatch KL(q(z), p(z)), so it is only an upper bound on I_q. If q(z) lies far from the prior, most of the
# rate can be mismatch. On a data set of N examples there is a second limit: z can at most say which example it came from, so I_q ≤ log N.
#
# </details>
#
# ## 5 · Three places to match
#
# "VAE + GAN" can mean three different things, and slides 12 and 15 use two of them under one title. A Jensen-Shannon divergence, JSD, can be added
#
# - **in x:** $JSD(p_{data}(x), p(x))$, a critic that sees data and samples (slide 12);
# - **in z:** $JSD(q(z), p(z))$, a critic that sees encoded data and draws from the prior (slide 15);
# - **jointly:** $JSD(q(z,x), p(z,x))$, a critic that sees pairs (ALI and BiGAN: Dumoulin et al., 2017; Donahue et al., 2017).
#
# **Q6.** Suppose the critics in x *and* in z are both perfectly fooled. Do the two joints match?

# %%
diagonal = torch.eye(4).double() / 4
shifted = diagonal.roll(1, 0)
for name, left, right in (
    ("x", diagonal.sum(0), shifted.sum(0)),
    ("z", diagonal.sum(1), shifted.sum(1)),
    ("(z, x)", diagonal, shifted),
):
    print(f"JSD in {name:7s} {tables.jsd(left, right):.4f} nats")
print(f"largest possible {torch.tensor(2.0).log():.4f} nats")

# %% [markdown]
# <details><summary><b>Answer to Q6</b></summary>
#
# No. Equal marginals say nothing about the coupling. The cell above builds two joints with equal marginals that never agree on a single pair.
#
# </details>
#
# Both marginals match exactly, and the joints are as far apart as two distributions can be: the JSD is never larger than log 2. Decoding an encoded x
# would always give another x. In the other direction there is a guarantee, the **data-processing inequality**: forgetting a variable cannot
# increase a divergence. So the joint JSD bounds both marginal ones. We test it on a thousand random pairs of tables.

# %%
smallest = min(
    float(
        tables.jsd(a, b)
        - torch.maximum(tables.jsd(a.sum(0), b.sum(0)), tables.jsd(a.sum(1), b.sum(1)))
    )
    for a, b in ((tables.random((7, 5), i), tables.random((7, 5), i + 1000)) for i in range(1000))
)
print(f"JSD of the joints minus the larger marginal JSD: at least {smallest:.4f} nats")

# %% [markdown]
# ## 6 · Matching in z: the adversarial autoencoder
#
# Makhzani et al. (2015) replace the KL term of a VAE by a critic that compares q(z) with p(z). Slide 15 *adds* that critic to the ELBO. Both are one
# family, with κ the weight of the KL and w the weight of the critic:
#
# $$E_{p_{data}}\, E_q[\log p(x|z)] - \kappa\, E_{p_{data}} KL(q(z|x), p(z)) - w\, JSD(q(z), p(z)).$$
#
# κ = 1 is the slide, κ = 0 the paper. By section 4, lowering κ charges less for the information in z, and the critic takes over the matching of q(z).
# We train the slide's version on 28x28 digits, with w = 0 (a VAE) and w = 30.


# %%
AE_STEPS = 600


def autoencoder(weight: float) -> AdversarialAutoencoder:
    torch.manual_seed(SEED)
    sizes = {"x_shape": (1, 28, 28), "z_dim": 2, "hidden": (200, 200), "critic_hidden": (64, 64)}
    model = AdversarialAutoencoder.build(**sizes, weight=weight)
    options = {"learning_rate": cosine(2e-3, AE_STEPS), "betas": (0.5, 0.9), "seed": SEED}
    fit(model, large.train.x, steps=AE_STEPS, **options, checkpoint="checkpoints")
    return model.eval()


large = mnist.load()
models = {"VAE": autoencoder(0.0), "with critic": autoencoder(30.0)}

# %% [markdown]
# How close is q(z) to p(z) = N(0, I)? q(z) is a mixture of one Gaussian per image, so its density is known exactly and $KL(q(z), p(z))$ needs no
# critic. A mixture of finitely many narrow Gaussians is never exactly N(0, I), so we also print the **floor**: the same widths, but means for which
# infinitely many such Gaussians would add up to N(0, I).
#
# **Q7.** The ELBO already contains -KL(q(z), p(z)), by section 3. Can a critic in z still bring q(z) closer to the prior? What should happen to the ELBO?

# %%
held_out = large.test.x
aggregate = {}
for name, model in models.items():
    with torch.no_grad():
        q_z, bound = model.posterior(held_out), model.elbo(held_out, samples=20)
    aggregate[name] = marginal_kl(q_z, seed=SEED), marginal_kl_floor(q_z, seed=SEED)
    draws = q_z.sample(), model.prior().sample((len(held_out),))
    print(f"{name:12s} KL(q(z), p(z)) {aggregate[name][0]}, floor {aggregate[name][1]} nats")
    print(f"{'':12s} C2ST accuracy {classifier_two_sample(*draws).statistic:.3f} (0.5 is best)")
    print(f"{'':12s} ELBO {mean_and_error(bound.total)} nats per held-out image")

# %% [markdown]
# <details><summary><b>Answer to Q7</b></summary>
#
# It can: in the ELBO the mismatch of q(z) is one of two terms, and the decoder's term can outweigh it. The critic adds weight to the mismatch alone. The ELBO is no
# longer what is maximised, so at the optimum it can only be lower; after so few steps of training it may come out on either side.
#
# </details>
#
# A KL at its floor would mean that the match is as good as so many images can show. *C2ST* is a classifier two-sample test: the held-out accuracy of a classifier
# that must tell draws of q(z) from draws of p(z). The explorable below holds models of 8x8 digits that were trained for every pair of weights. Watch the cloud of
# encoded digits while the step moves. Then set κ to 0: without a KL, each posterior shrinks to a point.

# %%
figures.latent_cloud()

# %% [markdown]
# Two measures can disagree here. The MMD, like the critic, compares draws, and it approves of a cloud of points in the right place. $KL(q(z), p(z))$
# is a statement about densities, and it grows without limit as the posteriors shrink. Neither is wrong: samples from p(z) decode well as soon as the cloud covers
# the prior, but a bound on log p(x) needs the densities.
#
# ## 7 · Matching in x: sharper samples, and their price
#
# The other critic compares data with samples (slide 12):
#
# $$E_{p_{data}}[L(x)] - \lambda\, JSD(p_{data}(x), p(x)).$$
#
# Larsen et al. (2016) report sharper faces. We measure what "sharper" can mean for digits: **precision**, the share of samples that look like real images;
# **recall**, the share of real images that the samples cover (both by nearest neighbours: Kynkäänniemi et al., 2019); and the C2ST between samples and images.
#
# **Q8.** As λ grows, which of these improve, and what happens to the bound on log p(x)?

# %%
figures.sharper_samples()

# %% [markdown]
# <details><summary><b>Answer to Q8</b></summary>
#
# Precision rises with λ, a little at a time, and the bound on log p(x) falls a little at a time. In these models the C2ST hardly moves.
#
# </details>
#
# With more training, and three seeds, the classifier sees a difference too: its accuracy comes nearer to 0.5. The figures for λ = 0 and λ = 100:

# %%
for figure in ("accuracy", "precision", "recall", "-ELBO"):
    without, strong = (measured("vae_gan", f"weight {w}, {figure}") for w in (0, 100))
    print(f"{figure:10s} {without.spread:>16s}   {strong.spread:>16s}   {strong.units}")

# %% [markdown]
# So "sharper" holds in one sense, precision, and has a price: recall is lower at every λ > 0, and likelihood is lost. By sections 2 and 3 this is no surprise: the ELBO already contains
# $KL(p_{data}, p)$, which punishes a model for missing data. The added JSD punishes it for producing what is not data. The optimum of the sum is a compromise.
#
# ## What the lecture claims, what we measured

# %%
closing_table(
    [
        (
            "E[L] = -KL(q(z,x), p(z,x)) - H(p_data) (slides 13, 14)",
            f"residual {matching.residual:.0e}",
            ("joint_matching", "E[L] = -KL(joints) - H(p_d), residual"),
        ),
        (
            "the same KL with z first (slide 15)",
            f"residual {split_z.residual:.0e}",
            ("joint_matching", "split z first, residual"),
        ),
        (
            "the ELBO is regularised maximum likelihood: held-out log p(x) with a smooth encoder"
            " (slide 12)",
            f"{mean_and_error(exact.log_prob(unseen))} nats per image",
            ("amortised_regularisation", "noise 0.3, log p(x), test"),
        ),
        (
            "adding -JSD(q(z), p(z)) brings q(z) to the prior (slide 15): KL(q(z), p(z))",
            f"{aggregate['with critic'][0]} nats",
            ("aae", "AAE, KL(q(z), p(z))"),
        ),
        (
            "adding -JSD(p_data, p) gives sharper samples (slide 12): precision at λ = 10",
            "in the figure above",
            ("vae_gan", "weight 10, precision"),
        ),
    ]
)

# %% [markdown]
# Slides 13 to 15 are exact, and they are the most useful algebra of the lecture: every system in this course is a choice of which joint to match, where, and by
# which divergence. The two claims about training hold with conditions. Smoothing the encoder helps the encoder. A critic helps in the place where it looks, and
# in x it costs likelihood.
#
# ## Exercises
#
# **1.** Let q(z|x) = p(z) for every x. What are the two terms of each split, and what is the ELBO?
#
# <details><summary><b>Answer</b></summary>
#
# With x first: KL(p_data, p(x)) and E KL(p(z), p(z|x)). With z first: q(z) = p(z), so the first term is zero, and q(x|z) = p_data(x), so the second is
# E_{p(z)} KL(p_data(x), p(x|z)). The ELBO is E log p(x|z) with z drawn from the prior: the best decoder ignores z.
#
# </details>
#
# **2.** Show that the KL of the joints is at least KL(p_data, p(x)), and at least KL(q(z), p(z)). When is the first an equality?
#
# <details><summary><b>Answer</b></summary>
#
# Both follow from the two splits, because the second term of each is an average of KL divergences and so not negative. The first is an equality if and only if
# q(z|x) = p(z|x) for every x in the data: the encoder is exact.
#
# </details>
#
# **3.** Slide 13 matches the joints by KL(q, p). Write KL(p(z,x), q(z,x)) with z first. Which term could you estimate without knowing p_data(x)?
#
# <details><summary><b>Answer</b></summary>
#
# It is KL(p(z), q(z)) + E_{p(z)} KL(p(x|z), q(x|z)), and the second contains log q(x|z) = log p_data(x) + log q(z|x) - log q(z). So p_data is needed as a density,
# unless a critic estimates the ratio: that is why the reverse direction appears only in adversarial models.
#
# </details>
#
# **Next:** [problem set 7](../assignments/ps7_joint_matching/ps7_joint_matching.ipynb), where you write the tables, both splits and the aggregate
# posterior. [Lecture 8](08_information_preference.ipynb) asks why a perfect match can leave z useless.
#
# **Papers.** Hoffman, Johnson (2016), ELBO surgery, NeurIPS workshop on advances in approximate Bayesian inference. Shu, Bui, Zhao, Kochenderfer, Ermon (2018),
# arXiv:1805.08913. Makhzani, Shlens, Jaitly, Goodfellow, Frey (2015), arXiv:1511.05644. Larsen, Sønderby, Larochelle, Winther (2016), arXiv:1512.09300. Zhao,
# Song, Ermon (2019), arXiv:1706.02262. Dumoulin et al. (2017), arXiv:1606.00704. Donahue, Krähenbühl, Darrell (2017), arXiv:1605.09782. Kynkäänniemi,
# Karras, Laine, Lehtinen, Aila (2019), arXiv:1904.06991. Lopez-Paz, Oquab (2017), arXiv:1610.06545.
