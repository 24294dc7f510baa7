"""Mistakes in the evaluation: two-sample tests, annealing, the information and gap splits."""

from mutant import mutants_of

TWO_SAMPLE = "evaluation/test_two_sample.py"
ANNEALING = "evaluation/test_annealing.py"
INFORMATION = "evaluation/test_information.py"
PROBE = "evaluation/test_probe.py"
GAP = "evaluation/test_gap.py"

EVALUATIONS = [
    *mutants_of(
        "evaluation/two_sample.py",
        TWO_SAMPLE,
        (
            "two-sample test: scored on the points it saw",
            "score[held] = kernel[held][:, ~held] @ weights",
            "score[~held] = kernel[~held][:, ~held] @ weights",
        ),
        (
            "two-sample test: accuracy not balanced",
            "sum((right * part).sum(0) / part.sum(0) for part in (is_a, ~is_a)) / 2",
            "right.mean(0)",
        ),
        (
            "two-sample test: targets not balanced",
            "torch.where(labels, 1 / len(a), -1 / len(b))",
            "torch.where(labels, 1 / len(labels), -1 / len(labels))",
        ),
        (
            "two-sample test: labels not permuted",
            "is_a[by_fold]",
            "is_a[fold.argsort(stable=True)]",
        ),
        ("two-sample test: p-value of the other tail", "self.null >= self", "self.null <= self"),
        ("two-sample test: p-value of zero", "(1 + int((self", "(int((self"),
        (
            "two-sample test: linear kernel",
            "torch.exp(-square / (2 * square_width))",
            "points @ points.T / square_width",
        ),
        (
            "two-sample test: kernel of width one",
            "torch.exp(-square / (2 * square_width))",
            "torch.exp(-square / 2)",
        ),
        ("two-sample test: MMD biased", ".fill_diagonal_(0)", ""),
        (
            "two-sample test: MMD counts the cross term once",
            "- 2 * across / (n * m)",
            "- across / (n * m)",
        ),
        (
            "two-sample test: precision and recall swapped",
            "_share_inside(fake, real, k), _share_inside(real, fake, k)",
            "_share_inside(real, fake, k), _share_inside(fake, real, k)",
        ),
        ("two-sample test: a point is its own neighbour", "kthvalue(k + 1)", "kthvalue(k)"),
        (
            "two-sample test: balls as wide as the other set's",
            "torch.cdist(centres, centres).kthvalue",
            "torch.cdist(points, points).kthvalue",
        ),
    ),
    *mutants_of(
        "evaluation/annealing.py",
        ANNEALING,
        ("annealing: beta does not start at zero", "(rise - rise[0]) / ", "rise / "),
        ("annealing: linear schedule", "torch.sigmoid(sharpness * even)", "even"),
        (
            "annealing: mean of logarithms",
            "log_weight.logsumexp(0) - math.log(chains)",
            "log_weight.mean(0)",
        ),
        (
            "annealing: chains not divided out",
            "log_weight.logsumexp(0) - math.log(chains)",
            "log_weight.logsumexp(0)",
        ),
        (
            "annealing: upper bound with the sign of a lower one",
            "math.log(len(z)) - log_weight.logsumexp(0)",
            "log_weight.logsumexp(0) - math.log(len(z))",
        ),
        ("annealing: reverse runs forwards", "range(steps, 0, -1)", "range(1, steps + 1)"),
        (
            "annealing: seed ignored",
            "fork_seed(seed, x.device):\n        chain.tune(as",
            "fork_seed(0, x.device):\n        chain.tune(as",
        ),
    ),
    *mutants_of(
        "evaluation/hamiltonian.py",
        ANNEALING,
        (
            "annealing: weight with the wrong sign",
            "log_weight + rise * self._log",
            "log_weight - rise * self._log",
        ),
        (
            "annealing: weight after the move",
            """            if rising:
                log_weight = log_weight + rise * self._log_likelihood(z)
            z, accepted = self._move(z, self.betas[t], self.steps[t])
""",
            """            z, accepted = self._move(z, self.betas[t], self.steps[t])
            if rising:
                log_weight = log_weight + rise * self._log_likelihood(z)
""",
        ),
        (
            "annealing: no Metropolis test",
            "accept = torch.rand_like(chance) < chance",
            "accept = chance >= 0",
        ),
        (
            "annealing: Metropolis without the momentum",
            "(log_density - _kinetic(momentum) - energy)",
            "(log_density - energy)",
        ),
        (
            "annealing: slope of the prior alone",
            "torch.autograd.grad(value.sum(), z)",
            "torch.autograd.grad(self.prior.log_prob(z).sum(), z)",
        ),
        (
            "annealing: half a step of momentum forgotten",
            "            momentum = momentum + size / 2 * slope\n        chance",
            "        chance",
        ),
    ),
    *mutants_of(
        "evaluation/information.py",
        INFORMATION,
        ("information: own z in the shuffle", "circle.roll(1)", "circle"),
        ("information: shuffled at random", "z[:, circle.roll(1)]", "z[:, torch.randperm(len(x))]"),
        ("information: cost with the wrong sign", "return cost.mean(0)", "return -cost.mean(0)"),
        (
            "information: seed ignored",
            "fork_seed(seed, x.device):\n        parts",
            "fork_seed(0, x.device):\n        parts",
        ),
        (
            "information: scale for variance in active units",
            ".var(0) > threshold",
            ".std(0) > threshold",
        ),
    ),
    *mutants_of(
        "evaluation/probe.py",
        PROBE,
        (
            "probe: scored on the training codes",
            "classifier.score(test_z.numpy(), test_label",
            "classifier.score(train_z.numpy(), train_label",
        ),
        ("probe: codes not standardised", "((z - centre) / scale for z in", "(z for z in"),
        (
            "probe: a constant code divided by zero",
            "scale = torch.where(scale > 0, scale, 1.0)",
            "pass",
        ),
        (
            "probe: majority of the test part",
            "test_label == commonest",
            "test_label == test_label.mode().values",
        ),
    ),
    *mutants_of(
        "evaluation/gap.py",
        GAP,
        (
            "gap split: parts added",
            "self.total - self.approximation",
            "self.total + self.approximation",
        ),
        (
            "gap split: the encoder's bound twice",
            "for q in (model.posterior(x), best)",
            "for q in (best, best)",
        ),
    ),
    *mutants_of(
        "evaluation/plain_elbo.py",
        GAP,
        (
            "gap split: bound with the wrong sign of log q",
            "(log_joint - log_q)",
            "(log_joint + log_q)",
        ),
        (
            "gap split: bound without the prior",
            "model.prior().log_prob(z) + model",
            "0 * model.prior().log_prob(z) + model",
        ),
    ),
    *mutants_of(
        "evaluation/refitting.py",
        GAP,
        (
            "gap split: decoder trained along",
            "gradients = torch.autograd.grad(loss, parameters)  # none reaches the decoder's own",
            "loss.backward(); gradients = [p.grad for p in parameters]",
        ),
        (
            "gap split: maps not trained",
            "torch.optim.Adam(parameters, learning_rate)",
            "torch.optim.Adam(parameters[:2], learning_rate)",
        ),
        (
            "gap split: one map for all examples",
            "return vmap(one, dims, (column, column))(value, *self.stacked)",
            "return one(value, *(p[0] for p in self.stacked))",
        ),
        ("gap split: one round for all", "if not rising.any():", "if True:"),
        (
            "gap split: said to converge",
            "FittedPosterior(_distribution(family, parameters), ~rising)",
            "FittedPosterior(_distribution(family, parameters), rising | True)",
        ),
        ("gap split: upper triangle as well", "self.lower.tril(-1).T", "self.lower.T"),
    ),
]
