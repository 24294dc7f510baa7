"""Mistakes in the adversarial models: critics, FlowGAN, VAEGAN, InfoGAN."""

from mutant import mutants_of

CRITICS = "objectives/test_adversarial.py"

ADVERSARIAL = [
    *mutants_of(
        "objectives/adversarial.py",
        CRITICS,
        (
            "adversarial: V/2 + log 4 for the JSD",
            "return math.log(2) + (",
            "return math.log(4) + (",
        ),
        (
            "adversarial: V + log 4 for the JSD",
            "math.log(2) + (logsigmoid(real).mean() - softplus(fake).mean()) / 2",
            "math.log(4) + logsigmoid(real).mean() - softplus(fake).mean()",
        ),
        (
            "adversarial: sides of the JSD swapped",
            "logsigmoid(real).mean() - softplus(fake).mean()",
            "logsigmoid(fake).mean() - softplus(real).mean()",
        ),
        (
            "adversarial: log of a sigmoid that underflows",
            "(logsigmoid(real).mean()",
            "(real.sigmoid().log().mean()",
        ),
        (
            "adversarial: saturating loss called non-saturating",
            "return softplus(-fake).mean()",
            "return -softplus(fake).mean()",
        ),
        (
            "adversarial: sign of the generator's loss",
            "return softplus(-fake).mean()",
            "return softplus(fake).mean()",
        ),
        (
            "adversarial: KL bound is Donsker and Varadhan's",
            "1 + real.mean() - fake.exp().mean()",
            "real.mean() - fake.exp().mean().log()",
        ),
        (
            "adversarial: reverse KL for KL",
            "1 + real.mean() - fake.exp().mean()",
            "1 - fake.mean() - (-real).exp().mean()",
        ),
        (
            "adversarial: Pearson without its square",
            "- (2 * fake).exp().mean() - 1",
            "- fake.exp().mean() - 1",
        ),
        (
            "adversarial: slope held at zero, not one",
            "return (slope - 1).square().mean()",
            "return slope.square().mean()",
        ),
        (
            "adversarial: slope of the batch, not of each example",
            "slope.flatten(1).norm(dim=1)",
            "slope.norm().expand(len(x))",
        ),
        (
            "adversarial: slope averaged over pixels",
            "slope.flatten(1).norm(dim=1)",
            "slope.flatten(1).square().mean(1).sqrt()",
        ),
        (
            "adversarial: penalty on real data alone",
            "_slope(critic, weight * real + (1 - weight) * fake)",
            "_slope(critic, real)",
        ),
        (
            "adversarial: one weight for the whole batch",
            "torch.rand(len(real), *[1]",
            "torch.rand(1, *[1]",
        ),
        ("adversarial: penalty without gradient", "create_graph=True", "create_graph=False"),
    ),
    *mutants_of(
        "objectives/critics.py",
        CRITICS,
        (
            "critic: minimises its bound",
            "self.penalty_term(real, fake) - self.bound(real, fake)",
            "self.penalty_term(real, fake) + self.bound(real, fake)",
        ),
        ("critic: samples not detached", "fake = fake.detach()", "pass"),
        ("critic: sides broadcast", "if real.shape != fake.shape:", "if False:"),
        ("critic: penalty unweighed", "self.penalty * self.penalty_term", "self.penalty_term"),
        (
            "critic: Wasserstein generator runs away",
            "return -self(fake).mean()",
            "return self(fake).mean()",
        ),
    ),
    *mutants_of(
        "arguments.py",
        "test_arguments.py",
        ("arguments: negative weights accepted", "not weight >= 0 or", "False or"),
        ("arguments: NaN weights accepted", "not weight >= 0", "weight < 0"),
        ("arguments: any count from one", "or number < least", "or number < 1"),
        ("arguments: True is a count", "isinstance(number, bool) or not", "not"),
        (
            "arguments: any precision",
            "if like is not None and like.dtype",
            "if False and like.dtype",
        ),
    ),
    *mutants_of(
        "objectives/variational_information.py",
        "models/test_info_gan.py",
        (
            "InfoGAN: H(c) forgotten",
            "return prior.entropy() + recogniser",
            "return recogniser",
        ),
        (
            "InfoGAN: H(q) in place of H(c)",
            "return prior.entropy() +",
            "return recogniser.entropy() +",
        ),
    ),
    *mutants_of(
        "distributions/codes.py",
        "distributions/test_codes.py",
        (
            "codes: mean of the parts' densities",
            "part.log_prob(piece) for",
            "part.log_prob(piece) / len(pieces) for",
        ),
        (
            "codes: entropy of the first part alone",
            "return sum(part.entropy() for part in self.parts)",
            "return self.parts[0].entropy()",
        ),
        (
            "codes: interval from 0 to 1",
            "Uniform(-self.one, self.one,",
            "Uniform(0 * self.one, self.one,",
        ),
        ("codes: trunk bypassed", "if self.trunk is None", "if True"),
        ("codes: logits not normalised", "logits.log_softmax(-1)", "logits"),
    ),
    *mutants_of(
        "models/game.py",
        "models/test_game.py",
        ("game: critic moves last", "else 0) + others", "else 0)[:0] + (*others, 'critic')"),
        ("game: one turn whatever was asked", "(self.critic_turns if", "(1 if"),
    ),
    *mutants_of(
        "objectives/critics.py",
        "objectives/test_adversarial.py",
        (
            "critics: the saturating one minimises the other loss",
            "return jsd_bound(self(real), self(fake))\n\n\nclass Wass",
            "return non_saturating_loss(self(fake))\n\n\nclass Wass",
        ),
        (
            "critics: the saturating one minimises the value V",
            "return jsd_bound(self(real), self(fake))\n\n\nclass Wass",
            "return 2 * jsd_bound(self(real), self(fake))\n\n\nclass Wass",
        ),
    ),
    *mutants_of(
        "evaluation/conditioning.py",
        "evaluation/test_conditioning.py",
        ("condition: natural logarithm", "singular[:, -1]).log10()", "singular[:, -1]).log()"),
        (
            "condition: upside down",
            "(singular[:, 0] / singular[:, -1])",
            "(singular[:, -1] / singular[:, 0])",
        ),
        ("condition: of the rows", "torch.stack(rows, 1)", "torch.stack(rows, 0)"),
        (
            "condition: squared",
            "torch.stack(rows, 1))",
            "torch.stack(rows, 1).mT @ torch.stack(rows, 1))",
        ),
    ),
    *mutants_of(
        "evaluation/memoriser.py",
        "evaluation/test_memoriser.py",
        ("memoriser: sum for mean", " - math.log(len(self.centres))", ""),
        ("memoriser: width of the square", "/ self.width**2", "/ self.width"),
        ("memoriser: constant of one dimension", "constant = x.shape[1] * math", "constant = math"),
        ("memoriser: the worst width", "return max(tried", "return min(tried"),
    ),
    *mutants_of(
        "models/flow_gan.py",
        "models/test_flow_gan.py",
        (
            "FlowGAN: lambda on the likelihood",
            "self.lambda_ * adversarial - self.log_prob(batch).mean()",
            "adversarial - self.lambda_ * self.log_prob(batch).mean()",
        ),
        (
            "FlowGAN: likelihood descends",
            "self.lambda_ * adversarial - self.log_prob",
            "self.lambda_ * adversarial + self.log_prob",
        ),
        (
            "FlowGAN: the critic's loss without the data",
            "self.brick().rsample((len(batch),)), batch)",
            "self.brick().rsample((len(batch),)), None)",
        ),
        (
            "FlowGAN: samples without gradient",
            "self.brick().rsample((len(batch),))",
            "self.sample(len(batch))",
        ),
        (
            "FlowGAN: likelihood left in at infinity",
            "            return adversarial\n",
            "            return adversarial - self.log_prob(batch).mean()\n",
        ),
        (
            "FlowGAN: a critic at lambda 0",
            "list(self.critic.parameters())} if self.lambda_ else {}",
            "list(self.critic.parameters())}",
        ),
        (
            "FlowGAN: the generator owns the critic",
            '"generator": list(self.brick.parameters())',
            '"generator": list(self.parameters())',
        ),
        (
            "FlowGAN: density summed over the batch",
            "return -self.log_prob(batch).mean()",
            "return -self.log_prob(batch).sum()",
        ),
        ("FlowGAN: batch unchecked", 'self.brick.check_event(batch, "batch")', "pass"),
    ),
    *mutants_of(
        "models/vae_gan.py",
        "models/test_vae_gan.py",
        (
            "VAEGAN: the critic sees means",
            "self.critic.loss(batch, self.sample(len(batch)))",
            "self.critic.loss(batch, self.reconstruct(batch))",
        ),
        (
            "VAEGAN: the generator is judged by means",
            "p_x.sample() + (p_x.mean - p_x.mean.detach())",
            "p_x.mean",
        ),
        (
            "VAEGAN: bits without a gradient",
            "p_x.sample() + (p_x.mean - p_x.mean.detach())",
            "p_x.sample()",
        ),
        (
            "VAEGAN: Gaussian noise left out",
            "            return p_x.rsample()",
            "            return p_x.mean",
        ),
        (
            "VAEGAN: reconstructions for samples",
            "self.likelihood(self.prior().rsample((n,)))",
            "self.likelihood(0 * self.prior().rsample((n,)))",
        ),
        (
            "VAEGAN: KL term dropped",
            "matching = self.weighed_loss(self.elbo(batch))",
            "matching = self.weighed_loss(self.elbo(batch), 0.0)",
        ),
        (
            "VAEGAN: weight on the bound",
            "matching + self.weight * self.critic",
            "self.weight * matching + self.critic",
        ),
        (
            "VAEGAN: weight dropped",
            "matching + self.weight * self.critic",
            "matching + self.critic",
        ),
        (
            "VAEGAN: decoder not judged",
            "self.critic.generator_loss(self.rsample(len(batch)), batch)",
            "self.critic.generator_loss(self.rsample(len(batch)).detach(), batch)",
        ),
    ),
    *mutants_of(
        "models/info_gan.py",
        "models/test_info_gan.py",
        (
            "InfoGAN: q trained on real x",
            "self.recogniser(fake), code)",
            "self.recogniser(batch), code)",
        ),
        (
            "InfoGAN: information minimised",
            "generator_loss(fake) - self.alpha * information",
            "generator_loss(fake) + self.alpha * information",
        ),
        (
            "InfoGAN: information moves q alone",
            "self.recogniser(fake), code)",
            "self.recogniser(fake.detach()), code)",
        ),
        (
            "InfoGAN: codes of other samples",
            "self.recogniser(self.generate(code)), code)",
            "self.recogniser(self.generate(code)), code.flip(0))",
        ),
        (
            "InfoGAN: recogniser left out of training",
            "[*self.generator.parameters(), *self.recogniser.parameters()]",
            "[*self.generator.parameters()]",
        ),
        (
            "InfoGAN: recogniser owned by the critic",
            '"critic": list(self.critic.parameters())',
            '"critic": [*self.critic.parameters(), *self.recogniser.parameters()]',
        ),
        (
            "InfoGAN: instance_noise on samples alone",
            "self.critic.loss(self._with_instance_noise(batch), fake)",
            "self.critic.loss(batch, fake)",
        ),
        (
            "InfoGAN: instance_noise on data alone",
            "fake = self._with_instance_noise(self.generate(code))",
            "fake = self.generate(code)",
        ),
        ("InfoGAN: alpha dropped", "- self.alpha * information", "- information"),
        (
            "InfoGAN: one noise for all samples",
            "noise = self.noise().sample((len(code),))",
            "noise = self.noise().sample((1,)).expand(len(code), -1)",
        ),
        (
            "InfoGAN: a given code ignored",
            "        return self.generate(code)\n\n    @torch",
            "        return self.generate(self.code().sample((n,)))\n\n    @torch",
        ),
    ),
    *mutants_of(
        "exact/identities/information.py",
        "exact/test_information.py",
        (
            "InfoGAN identity: entropy forgotten",
            "bound = tables.entropy(p_z) + expectation",
            "bound = expectation",
        ),
        (
            "InfoGAN identity: KL swapped",
            "tables.conditional_kl(tables.conditionals(p_zx)[0], q)",
            "tables.conditional_kl(q, tables.conditionals(p_zx)[0])",
        ),
        (
            "InfoGAN identity: information of the other joint",
            "tables.mutual_information(p_zx), bound",
            "tables.mutual_information(p_x * q), bound",
        ),
    ),
]
