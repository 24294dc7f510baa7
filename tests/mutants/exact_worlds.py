"""Mistakes in the exact worlds and the identities."""

from mutant import mutants_of

EXACT = [
    *mutants_of(
        "exact/normal.py",
        "exact/test_two_peaks.py",
        ("normal: 2 pi dropped", "+ 0.5 * math.log(2 * math.pi)", ""),
        ("normal: log-scale of the wrong sign", "+ log_scale + 0.5", "- log_scale + 0.5"),
        ("normal: scale for its inverse", "(-log_scale).exp()", "log_scale.exp()"),
    ),
    *mutants_of(
        "exact/linear_gaussian.py",
        "exact/test_linear_gaussian.py",
        (
            "linear Gaussian: 2 pi dropped",
            "math.log(2 * math.pi * self._variance)",
            "math.log(self._variance)",
        ),
        (
            "linear Gaussian: mean for sum",
            "mean @ self.weight.T).square().sum(-1)",
            "mean @ self.weight.T).square().mean(-1)",
        ),
        (
            "linear Gaussian: KL swapped",
            "kl_divergence(MultivariateNormal(mean, scale_tril=root), posterior)",
            "kl_divergence(posterior, MultivariateNormal(mean, scale_tril=root))",
        ),
        ("linear Gaussian: trace of W S W' dropped", "(misfit + spread)", "(misfit)"),
        ("linear Gaussian: half of log|S| lost", "log_det = 2 * root", "log_det = root"),
        (
            "linear Gaussian: prior's precision forgotten",
            "self.precision = identity + self.weight.T",
            "self.precision = self.weight.T",
        ),
        (
            "linear Gaussian: mean-field variance of the marginal",
            "(1 / self.precision.diagonal())",
            "self.precision.inverse().diagonal()",
        ),
        (
            "linear Gaussian: mean-field gap without 1/2",
            "return 0.5 * float(self.precision.diagonal()",
            "return float(self.precision.diagonal()",
        ),
        (
            "linear Gaussian: information without 1/2",
            "return 0.5 * float(self.precision.logdet())",
            "return float(self.precision.logdet())",
        ),
        ("linear Gaussian: missing log k", "logsumexp(0) - math.log(k)", "logsumexp(0)"),
        (
            "linear Gaussian: logmeanexp over the batch",
            "log_weight.logsumexp(0)",
            "log_weight.logsumexp(1)[:1].expand(len(x))",
        ),
        (
            "linear Gaussian: mean of logarithms",
            "log_weight.logsumexp(0) - math.log(k)",
            "log_weight.mean(0)",
        ),
        (
            "linear Gaussian: overflow of the weights",
            "log_weight.logsumexp(0)",
            "log_weight.exp().sum(0).log()",
        ),
        (
            "linear Gaussian: prior left out of the weight",
            ".square().sum(-1) + z.square().sum(-1)",
            ".square().sum(-1)",
        ),
        ("linear Gaussian: one sample for all rows", "else (k, batch)", "else (k, 1)"),
        (
            "linear Gaussian: generator ignored",
            "default_generator.manual_seed(seed)",
            "default_generator.manual_seed(0)",
        ),
        (
            "linear Gaussian: global noise disturbed",
            "with torch.random.fork_rng(devices=[]):",
            "if True:",
        ),
        (
            "linear Gaussian: variance used as scale in sampling",
            "self.noise_scale * noise",
            "self._variance * noise",
        ),
        (
            "pPCA: noise not removed from the eigenvalues",
            "(values[:z_dim] - variance)",
            "values[:z_dim]",
        ),
        ("pPCA: covariance over n - 1", "correction=0", "correction=1"),
        ("pPCA: smallest eigenvectors", "(part.flip(-1) for", "(part for"),
        ("pPCA: sum of the discarded", "values[z_dim:].mean()", "values[z_dim:].sum()"),
        ("pPCA: rotation ignored", "weight @ rotation, data", "weight, data"),
    ),
    *mutants_of(
        "exact/quadrature.py",
        "exact/test_grid.py",
        ("grid: ends weighted fully", "along[[0, -1]] = 0.5", "pass"),
        ("grid: step forgotten", "along).log() + steps.log().sum()", "along).log()"),
        ("grid: border unchecked", "if border > BORDER_TOLERANCE", "if False"),
        (
            "grid: border of the first dimension alone",
            "~self._product(inside.double()).bool()",
            "~inside.repeat_interleave(points ** (dim - 1))",
        ),
        ("grid: coarseness unchecked", "if coarseness > COARSENESS_TOLERANCE", "if False"),
        (
            "grid: coarseness averaged over examples",
            "self.coarseness(log_values).max()",
            "self.coarseness(log_values).min()",
        ),
    ),
    *mutants_of(
        "exact/grid.py",
        "exact/test_grid.py",
        (
            "grid world: prior left out",
            "torch.cat(values, 1) + self._log_prior",
            "torch.cat(values, 1)",
        ),
        (
            "grid world: KL swapped",
            "self._mean_under(log_q, _finite(log_q) - self.posterior(x))",
            "self._mean_under(self.posterior(x), self.posterior(x) - log_q)",
        ),
        (
            "grid world: ELBO without log q",
            "self.log_joint(x) - _finite(log_q)",
            "self.log_joint(x)",
        ),
        (
            "grid world: posterior not normalised",
            "return log_joint - self._evidence(log_joint)[:, None]",
            "return log_joint",
        ),
        (
            "grid world: nodes not chunked",
            "self.grid.nodes.split(max(1, ENTRIES_AT_ONCE // x.numel()))",
            "[self.grid.nodes]",
        ),
        (
            "grid world: q's mass unchecked",
            "if not (worst - 1).abs() <= MASS_TOLERANCE",
            "if False",
        ),
        (
            "grid world: weights left out of E_q",
            "(log_q + self.grid.log_weights).exp()",
            "log_q.exp()",
        ),
    ),
    *mutants_of(
        "exact/tables/probability.py",
        "exact/test_tables.py",
        (
            "tables: KL swapped",
            "return expectation(p, p.log() - q.log())",
            "return expectation(q, q.log() - p.log())",
        ),
        (
            "tables: conditional KL over the wrong axis",
            "expectation(q, q.log() - p.log(), 0)",
            "expectation(q, q.log() - p.log(), 1)",
        ),
        ("tables: entropy's sign", "expectation(p, -p.log())", "expectation(p, p.log())"),
        (
            "tables: JSD without its half",
            "(kl(p, middle) + kl(q, middle)) / 2",
            "kl(p, middle) + kl(q, middle)",
        ),
        ("tables: JSD one-sided", "(kl(p, middle) + kl(q, middle)) / 2", "kl(p, middle)"),
        ("tables: negative entries accepted", "if (table < 0).any()", "if False"),
        ("tables: sums unchecked", "if not (worst - 1).abs() <= SUM_TOLERANCE", "if False"),
        ("tables: z and x swapped", '{None: None, "z": 0, "x": 1}', '{None: None, "z": 1, "x": 0}'),
        ("tables: random not uniform", "-torch.log1p(-uniform)", "uniform"),
    ),
    *mutants_of(
        "exact/tables/joints.py",
        "exact/test_tables.py",
        (
            "tables: ELBO without the entropy of q",
            "return expectation(q, p.log() - q.log(), 0)",
            "return expectation(q, p.log(), 0)",
        ),
        (
            "tables: ELBO averaged over z",
            "return expectation(q, p.log() - q.log(), 0)",
            "return expectation(q, p.log() - q.log(), 0) / len(q)",
        ),
        ("tables: importance bound without log k", "(sums / k).log()", "sums.log()"),
        (
            "tables: mean of logarithms",
            "expectation(chances, (sums / k).log(), 0)",
            "expectation(q, weight.log(), 0)",
        ),
        (
            "tables: tuples drawn from p",
            "chances[:, None] * q)",
            "chances[:, None] * p / p.sum(0))",
        ),
        ("tables: number of terms unchecked", "* n_x > MOST_TERMS", "< 0"),
        (
            "tables: information under the wrong reference",
            "return kl(p_zx, torch.outer(p_z, p_x))",
            "return kl(torch.outer(p_z, p_x), p_zx)",
        ),
        (
            "tables: split by z is that by x",
            "return kl_split_by_x(q.T, p.T)",
            "return kl_split_by_x(q, p)",
        ),
        (
            "tables: conditional KL averaged under p",
            "expectation(q.sum(0), between)",
            "expectation(p.sum(0), between)",
        ),
        (
            "tables: joint of the data transposed",
            "return posterior * p_data",
            "return posterior / len(p_data)",
        ),
        (
            "tables: rate against q(z)",
            "p.sum(1, keepdim=True).log()",
            "q.mean(1, keepdim=True).log()",
        ),
        (
            "tables: impossible condition gives NaN",
            "torch.where(total > 0, p_zx / total, 1 / p_zx.shape[direction])",
            "p_zx / total",
        ),
    ),
    *mutants_of(
        "exact/tables/game.py",
        "exact/test_tables.py",
        ("GAN: discriminator of the fake", "p / (p + q), 0.5", "q / (p + q), 0.5"),
        ("GAN: fake term with log D", "expectation(q, torch.log1p(-d))", "expectation(q, d.log())"),
        (
            "GAN: value halved",
            "return expectation(p, d.log()) + expectation(q, torch.log1p(-d))",
            "return (expectation(p, d.log()) + expectation(q, torch.log1p(-d))) / 2",
        ),
        ("GAN: D outside [0, 1] accepted", "if ((d < 0) | (d > 1)).any()", "if False"),
    ),
    *mutants_of(
        "exact/f_divergence.py",
        "exact/test_f_divergence.py",
        ("f-GAN: conjugate left out", "expectation(q, self.conjugate(t))", "expectation(q, t)"),
        (
            "f-GAN: ratio turned over",
            "torch.where(p + q > 0, p / q, 1.0)",
            "torch.where(p + q > 0, q / p, 1.0)",
        ),
        (
            "f-GAN: mass beyond q forgotten",
            "return where_q + expectation(torch.where(q > 0, 0.0, p), beyond)",
            "return where_q",
        ),
        ("f-GAN: KL's conjugate without -1", "lambda t: (t - 1).exp()", "lambda t: t.exp()"),
        (
            "f-GAN: JSD's critic without log 2",
            "0.5 * (math.log(2) - torch.log1p(1 / u))",
            "-0.5 * torch.log1p(1 / u)",
        ),
        (
            "f-GAN: domain of the critic ignored",
            "torch.where(left > 0, -0.5 * left.clamp(min=0).log(), math.inf)",
            "-0.5 * left.abs().log()",
        ),
    ),
    *mutants_of(
        "exact/identities/bounds.py",
        "exact/test_identities.py",
        (
            "identity 2: H(p_d) missing",
            "-tables.kl(p_d, p) - tables.entropy(p_d)",
            "-tables.kl(p_d, p)",
        ),
        (
            "identity 2: H(p_d) added",
            "-tables.kl(p_d, p) - tables.entropy(p_d)",
            "-tables.kl(p_d, p) + tables.entropy(p_d)",
        ),
        (
            "identity 1: gap subtracted",
            "world.elbo(x, log_q) + world.gap",
            "world.elbo(x, log_q) - world.gap",
        ),
        (
            "identity 14: start of the chain unchecked",
            "torch.tensor([start.residual])",
            "torch.tensor([0.0])",
        ),
        ("identity 14: only the ends compared", "chain[:-1] - chain[1:])", "chain[0] - chain[-1])"),
    ),
    *mutants_of(
        "exact/identities/joints.py",
        "exact/test_identities.py",
        (
            "identity 3: H(p_d) missing",
            "-tables.kl(q_zx, p_zx) - terms.entropy",
            "-tables.kl(q_zx, p_zx)",
        ),
        (
            "identity 3: KL of the joints swapped",
            "-tables.kl(q_zx, p_zx) - terms.entropy",
            "-tables.kl(p_zx, q_zx) - terms.entropy",
        ),
        (
            "identity 5: information under p",
            "tables.mutual_information(q_zx)",
            "tables.mutual_information(p_zx)",
        ),
        (
            "identity 7: beta for beta - 1",
            "_weigh(1 - beta, terms.information)",
            "_weigh(-beta, terms.information)",
        ),
        (
            "identity 7: constant's sign",
            "matching - terms.x_matching - terms.entropy, CLOSED_FORM",
            "matching - terms.x_matching + terms.entropy, CLOSED_FORM",
        ),
        (
            "identity 8: alpha for 1 - alpha",
            "_weigh(alpha - 1, terms.rate)",
            "_weigh(-alpha, terms.rate)",
        ),
        ("identity 8: -1 forgotten", "_weigh(alpha + lambda_ - 1, ", "_weigh(alpha + lambda_, "),
        (
            "identity 6: informative z is independent",
            "return Solution(p_d.diag(), torch.eye(len(p_d), dtype=torch.float64))",
            "return independent_solution(p_data, p_data)",
        ),
    ),
    *mutants_of(
        "exact/identities/divergences.py",
        "exact/test_identities.py",
        (
            "identity 12: 2 JSD + log 4",
            "2 * tables.jsd(p, q) - math.log(4)",
            "2 * tables.jsd(p, q) + math.log(4)",
        ),
        (
            "identity 12: JSD - log 4",
            "2 * tables.jsd(p, q) - math.log(4)",
            "tables.jsd(p, q) - math.log(4)",
        ),
        (
            "identity 12: 2 JSD - log 2",
            "2 * tables.jsd(p, q) - math.log(4)",
            "2 * tables.jsd(p, q) - math.log(2)",
        ),
        (
            "identity 12: violation's sign",
            "max(float(bound - value), 0.0)",
            "max(float(value - bound), 0.0)",
        ),
        (
            "identity 13: the two minimisers exchanged",
            "return world.best(0.0), world.best(math.inf)",
            "return world.best(math.inf), world.best(0.0)",
        ),
    ),
    *mutants_of(
        "exact/misspecified.py",
        "exact/test_misspecified.py",
        (
            "misspecified: KL of the model from the data",
            "expectation((log_p + self._grid.log_weights).exp(), log_p - log_q, -1)",
            "expectation((log_q + self._grid.log_weights).exp(), log_q - log_p, -1)",
        ),
        (
            "misspecified: weights ignored",
            "(each + weight.log()).logsumexp(-1)",
            "each.logsumexp(-1)",
        ),
        ("misspecified: search not refined", "while half.max() > 1e-5", "while half.max() > 1"),
        (
            "misspecified: middle without its half",
            " - math.log(2)\n        halves",
            "\n        halves",
        ),
        ("misspecified: both halves added", "halves / 2", "halves"),
        ("misspecified: lambda on the KL", "kl + lambda_ * jsd", "lambda_ * kl + jsd"),
        (
            "misspecified: an infinite lambda minimises the KL",
            "return jsd if math.isinf(lambda_)",
            "return kl if math.isinf(lambda_)",
        ),
        (
            "misspecified: mean and scale exchanged",
            "torch.stack([mean.flatten(), log_scale.flatten()], 1)",
            "torch.stack([log_scale.flatten(), mean.flatten()], 1)",
        ),
    ),
    *mutants_of(
        "figures/flow_gan/two_objectives.py",
        "figures/test_flow_gan.py",
        (
            "flow_gan figure: lambda without its end",
            "math.inf if place >= 1 else",
            "1e9 if place > 2 else",
        ),
        (
            "flow_gan figure: the dots stand still",
            "dot.set_data([place], [min(max(value, 0.03), 5.0)])",
            "dot.set_data([place], [0.5])",
        ),
        (
            "flow_gan figure: the reader's numbers not drawn",
            'return (kl, jsd), f"',
            'return reference, f"',
        ),
    ),
    *mutants_of(
        "figures/flow_gan/discriminator.py",
        "figures/test_flow_gan.py",
        (
            "flow_gan figure: draws of the model from the data",
            "(self.x, self.draws, self.draws + shift)",
            "(self.x, self.draws, self.draws)",
        ),
        ("flow_gan figure: the critic is always the best", "[confidence * logit(", "[logit("),
        (
            "flow_gan figure: JSD of the halves not averaged",
            "halves.sum() * (x[1] - x[0]) / 2",
            "halves.sum() * (x[1] - x[0])",
        ),
        ("flow_gan figure: value without its constant", "2 * bound - math.log(4)", "2 * bound"),
    ),
    *mutants_of(
        "exact/identities/transforms.py",
        "exact/test_identities.py",
        ("identity 9: Jacobian of the first row for all", "column.sum(), z", "column[0], z"),
        ("pushed ELBO: log-det subtracted", "+ log_det - log_base", "- log_det - log_base"),
        ("pushed ELBO: base of scale one", "grid.nodes / base_scale", "grid.nodes"),
        (
            "pushed ELBO: scale of the base uncounted",
            " - grid.dim * math.log(base_scale)",
            "",
        ),
        (
            "identity 9: determinant of one line",
            "jacobian.slogdet().logabsdet",
            "jacobian.diagonal(dim1=-2, dim2=-1).abs().log().sum(-1)",
        ),
        (
            "identity 9: inverse with the same sign",
            "inverse_log_det, -log_det, LOG_DET",
            "inverse_log_det, log_det, LOG_DET",
        ),
        (
            "identity 9: mass without the determinant",
            "grid.log_integral(log_base + log_det)",
            "grid.log_integral(log_base)",
        ),
        (
            "identity 9: mass of the inverse",
            "grid.log_integral(log_base + log_det)",
            "grid.log_integral(log_base - log_det)",
        ),
        ("identity 17: constraint 0 for -1", "* u).sum(-1) >= -1", "* u).sum(-1) >= 0"),
        ("identity 17: constraint dropped", "* u).sum(-1) >= -1", "* u).sum(-1) >= -1e9"),
        ("identity 17: derivative of tanh", "(1 - h.square()) * (w @ u)", "(1 - h) * (w @ u)"),
        (
            "identity 17: absolute value forgotten",
            "* (w @ u)).abs().log()",
            "* (w @ u)).clamp(min=1e-9).log()",
        ),
    ),
    *mutants_of(
        "exact/identities/residual.py",
        "exact/test_identities.py",
        (
            "residual: NaN holds",
            "return self.residual <= self.tolerance",
            "return not self.residual > self.tolerance",
        ),
        ("residual: mean over examples", "float(difference.max())", "float(difference.mean())"),
        ("residual: errors cancel", "(left - right).abs()", "(left - right)"),
    ),
    *mutants_of(
        "exact/arrays.py",
        "exact/test_linear_gaussian.py",
        (
            "inputs: lists pass through float32",
            "torch.as_tensor(value, dtype=torch.float64)",
            "torch.as_tensor(value).double()",
        ),
        ("inputs: NaN accepted", "if torch.isnan(tensor).any()", "if False"),
        ("inputs: shapes unchecked", "if not same", "if False"),
    ),
]
