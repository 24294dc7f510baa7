"""Mistakes in what pulls q(z) to p(z): MMD, critic in z-space, information, the rate's weight."""

from mutant import mutants_of

MMD = "objectives/test_mmd.py"
INFORMATION = "objectives/test_information.py"
BETA = "models/test_beta_vae.py"
MATCHING_MODELS = "models/test_matching.py"
OPTIONS = "models/test_vae_options.py"
AMORTISED = "models/test_amortised_inference.py"

MATCHING = [
    *mutants_of(
        "objectives/mmd.py",
        MMD,
        (
            "matching: MMD compares a point with itself",
            "mean_kernel(torch.pdist(x))",
            "mean_kernel(torch.cdist(x, x))",
        ),
        ("matching: MMD within y left out", "+ mean_kernel(torch.pdist(y))", "+ 0"),
        ("matching: MMD counts the cross term once", "- 2 * across", "- across"),
        (
            "matching: MMD expands the square",
            "compute_mode=EXACT",
            "compute_mode='use_mm_for_euclid_dist'",
        ),
        ("matching: MMD width of one in any dimension", "math.sqrt(2 * x.shape[1])", "1.0"),
        (
            "matching: MMD kernel of the distance",
            "(distances / width).square()",
            "(distances / width)",
        ),
        ("matching: MMD Gaussian kernel without its 2", "(-ratio / 2).exp()", "(-ratio).exp()"),
        (
            "matching: MMD on each dimension by itself",
            "return x.flatten(1), y",
            "return x[:, :1], y",
        ),
        (
            "matching: median counts a point with itself",
            "torch.pdist(both).median()",
            "torch.cdist(both, both).median()",
        ),
    ),
    *mutants_of(
        "objectives/information.py",
        INFORMATION,
        (
            "matching: aggregate without -log N",
            "[: z.dim() - len(event)]) - math.log(n)",
            "[: z.dim() - len(event)])",
        ),
        (
            "matching: aggregate as a mean of logarithms",
            ".logsumexp(-1)",
            ".mean(-1) + math.log(n)",
        ),
        ("matching: aggregate over the draws", ".logsumexp(-1)", ".logsumexp(0)"),
        (
            "matching: aggregate without the logarithm's care",
            ".logsumexp(-1)",
            ".exp().sum(-1).log()",
        ),
        ("matching: information under the prior", "log_q - aggregate, ", "log_q - log_p, "),
        ("matching: rate without the prior", "(log_q - log_p, ", "(log_q, "),
        ("matching: KL of the aggregate swapped", "aggregate - log_p)", "log_p - aggregate)"),
        (
            "matching: free bits of single examples",
            "kl.mean(0).clamp(min=floor)",
            "kl.clamp(min=floor).mean(0)",
        ),
        (
            "matching: free bits of the total",
            "kl.mean(0).clamp(min=floor).sum()",
            "kl.mean(0).sum().clamp(min=floor * kl.shape[1])",
        ),
        (
            "matching: free bits as relu",
            "kl.mean(0).clamp(min=floor)",
            "(kl.mean(0) - floor).relu()",
        ),
        ("matching: free bits in bits", "clamp(min=floor)", "clamp(min=floor * math.log(2))"),
    ),
    *mutants_of(
        "models/vae.py",
        OPTIONS,
        ("family: warm-up left out of the loss", "kl_weight * self.warm_up()", "kl_weight"),
        ("family: weight on both terms", "bound.weighed(weight)", "(weight * bound.total)"),
        ("family: the encoder sees x without noise", "self.encoder_input(x))", "x)"),
    ),
    *mutants_of(
        "models/multimodal_vae.py",
        OPTIONS,
        (
            "family: warm-up not told to the objective",
            '{"kl_weight": self.warm_up()} if self.warm_up.over else {}',
            "{}",
        ),
        (
            "family: JMVAE ignores the warm-up",
            "likelihood, joint, x).weighed(kl_weight)",
            "likelihood, joint, x).total",
        ),
        (
            "family: MVAE ignores the warm-up",
            "bound.weighed(kl_weight)",
            "bound.total",
        ),
        ("family: the parts' nets see no noise", "{m: seen[m] for", "{m: x[m] for"),
    ),
    *mutants_of(
        "models/adversarial_autoencoder.py",
        OPTIONS,
        (
            "family: AAE without the warm-up",
            "self.weighed_loss(bound, self.kl_weight)",
            "-(bound.reconstruction - self.kl_weight * bound.kl).mean()",
        ),
    ),
    *mutants_of(
        "models/hierarchical_pixelvae.py",
        OPTIONS,
        ("family: hierarchy without input noise", "self.posterior(seen)", "self.posterior(x)"),
    ),
    *mutants_of(
        "models/beta_vae.py",
        BETA,
        (
            "matching: beta forgotten",
            "self.weighed_loss(bound, self.beta)",
            "self.weighed_loss(bound)",
        ),
        ("matching: clamp left on in evaluation", "not self.training or not", "not"),
        (
            "matching: floored KL without its weight",
            "self.beta * self.warm_up() * kl - bound",
            "kl - bound",
        ),
    ),
    *mutants_of(
        "models/adversarial_autoencoder.py",
        MATCHING_MODELS,
        (
            "matching: critic sees means",
            "z = self.encode(batch).rsample()",
            "z = self.encode(batch).mean",
        ),
        (
            "matching: encoder judged by means",
            "generator_loss(q.rsample())",
            "generator_loss(q.mean)",
        ),
        (
            "matching: sides of the critic swapped",
            "critic.loss(self.prior().sample((len(z),)), z)",
            "critic.loss(z, self.prior().sample((len(z),)))",
        ),
        (
            "matching: KL dropped where the slide adds",
            "kl_weight: float = 1.0",
            "kl_weight: float = 0.0",
        ),
        ("matching: encoder flees the prior", "loss + self.weight", "loss - self.weight"),
        (
            "matching: encoder not moved by the critic",
            "generator_loss(q.rsample())",
            "generator_loss(q.rsample().detach())",
        ),
        (
            "matching: the model moves the critic too",
            "bricks = (self.prior, self.likelihood, self.posterior)",
            "bricks = (self.prior, self.likelihood, self.posterior, self.critic)",
        ),
        (
            "matching: the prior's draws are used again",
            "self.prior().sample((len(z),)), z)",
            "torch.ones_like(z), z)",
        ),
        (
            "matching: KL counted twice",
            "weighed_loss(bound, self.kl_weight)",
            "weighed_loss(bound, 1 + self.kl_weight)",
        ),
    ),
    *mutants_of(
        "models/info_vae.py",
        MATCHING_MODELS,
        ("matching: alpha for 1 - alpha", "kl_weight=1 - alpha", "kl_weight=alpha"),
        (
            "matching: lambda alone weighs the divergence",
            "round(alpha + lambda_ - 1, 12)",
            "lambda_",
        ),
        ("matching: MMD of means", "z = q.rsample()", "z = q.mean"),
        ("matching: MMD without a gradient", "z = q.rsample()", "z = q.sample()"),
        ("matching: rate in place of the aggregate's KL", ".marginal_kl.mean()", ".rate.mean()"),
    ),
    *mutants_of(
        "models/vae.py",
        AMORTISED,
        (
            "matching: encoder's noise left on in evaluation",
            "if self.training and self.input_noise",
            "if self.input_noise",
        ),
        (
            "matching: one noise for the whole image",
            "torch.randn_like(x)",
            "torch.randn_like(x.flatten(1)[:, :1]).view(-1, *[1] * (x.dim() - 1))",
        ),
        ("matching: uniform noise", "torch.randn_like(x)", "torch.rand_like(x)"),
    ),
    *mutants_of(
        "exact/matching.py",
        "exact/test_matching.py",
        (
            "tables: encoder normalised over x",
            "(-encoder * squares).softmax(0)",
            "(-encoder * squares).softmax(1)",
        ),
        (
            "tables: decoder normalised over z",
            "(-decoder * squares).softmax(1)",
            "(-decoder * squares).softmax(0)",
        ),
        ("tables: data lean to the left", "(tilt * x[0])", "(-tilt * x[0])"),
        ("tables: residual blind to the ELBO", "-self.elbo - self.entropy,", ""),
    ),
    *mutants_of(
        "evaluation/aggregate.py",
        "evaluation/test_aggregate.py",
        ("aggregate: information for mismatch", "samples)[2]", "samples)[1]"),
        (
            "aggregate: means of the matched posteriors too wide",
            "(1 - q.variance).clamp(min=0).sqrt()",
            "(1 + 0 * q.variance)",
        ),
        (
            "aggregate: floor of the posteriors themselves",
            "return marginal_kl(matched, samples, seed)",
            "return marginal_kl(q, samples, seed)",
        ),
    ),
]
