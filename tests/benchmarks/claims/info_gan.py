"""Does InfoGAN's code find the classes of the digits without a label, and how well?

InfoGAN (noise 3, one code of ten categories, networks of 200-200, critic on the JSD, alpha 0.3,
instance noise 0.4, R1 penalty 0.03) is trained for 2500 steps of 100 on grey digits in [0, 1].
Then q(c|x) reads real images. Clusters get their digits by the best one-to-one assignment on the
training labels, which no model saw; accuracy and normalised mutual information are of the 300 test
images. The control is the same game without the reward: the recogniser learns to read the codes of
samples, and the generator gets no gradient from it. The floors: K-means with ten clusters (best of
ten starts) in the same images, and q(c|x) of the untrained model. The bounds on I(c; x) are of 5000
fresh samples and cannot exceed log 10 = 2.303.
"""

from __future__ import annotations

import math
import time

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from torch import Tensor

from course_lib.data import Splits, digits
from course_lib.evaluation import Estimate, mean_and_error
from course_lib.models import InfoGAN
from course_lib.objectives.variational_information import variational_information
from course_lib.training import cosine, fit

CLAIM = "InfoGAN: a code with information finds the classes without labels (slide 17)"
HELD_OUT = "300 test images"
SETTINGS = (
    "Chosen with test figures in sight: the weights of critic and information, and the noise on "
    "the critic's input, which --choose scores on the validation images."
)
VERDICT = (
    "holds, with this condition: the reward makes the code find the classes far better than the "
    "same game without it, but K-means in the pixels finds them about as well"
)
EVIDENCE = (
    ("InfoGAN, accuracy", ">", "floor: untrained q(c|x), accuracy"),
    ("InfoGAN, accuracy", ">", "control: generator not paid, accuracy"),
    ("floor: K-means, accuracy", ">", "control: generator not paid, accuracy"),
)
STEPS, CLASSES = 2500, 10
CHOICES, CHOSEN = (0.2, 0.4, 0.8), 0.4  # instance noise
CONTROL = "control: generator not paid"
FIGURES = {
    "bound on I(c; x), of log 10 = 2.303": "nats",
    f"{CONTROL}, bound on I(c; x)": "nats",
} | {
    f"{name}, {key}": unit
    for name in ("InfoGAN", CONTROL, "floor: K-means", "floor: untrained q(c|x)")
    for key, unit in (("accuracy", "accuracy"), ("normalised information", ""))
}


class Unpaid(InfoGAN):
    """InfoGAN whose recogniser reads the samples, while the generator gets no gradient from it."""

    def loss(self, batch: Tensor, player: str) -> Tensor:
        """Return the loss of one player; the information reaches the recogniser alone."""
        if player == "critic":
            return super().loss(batch, player)
        code = self.code().sample((len(batch),))
        fake = self._with_instance_noise(self.generate(code))
        read = variational_information(self.code(), self.recogniser(fake.detach()), code)
        return self.critic.generator_loss(fake) - self.alpha * read.mean()


def measure(seed: int) -> dict[str, Estimate | float]:
    """Return accuracy and shared information of code and class, K-means' beside them."""
    began = time.process_time()
    splits = digits.load("grey")
    train, test = splits.train.x / 16, splits.test.x / 16
    model = new(seed)
    untrained = clusters(model, train), clusters(model, test)
    train_game(model, train, seed)
    trained = clusters(model, train), clusters(model, test)
    spent = time.process_time() - began
    control = new(seed, kind=Unpaid)
    train_game(control, train, seed)
    unpaid = clusters(control, train), clusters(control, test)
    k_means = KMeans(CLASSES, n_init=10, random_state=seed).fit(train.flatten(1).numpy())
    centres = tuple(torch.from_numpy(k_means.predict(x.flatten(1).numpy())) for x in (train, test))
    figures = {
        "bound on I(c; x), of log 10 = 2.303": mean_and_error(model.information_bound(5000)),
        f"{CONTROL}, bound on I(c; x)": mean_and_error(control.information_bound(5000)),
    }
    for name, found in (
        ("InfoGAN", trained),
        (CONTROL, unpaid),
        ("floor: K-means", centres),
        ("floor: untrained q(c|x)", untrained),
    ):
        figures[f"{name}, accuracy"] = accuracy(*found, splits)
        figures[f"{name}, normalised information"] = shared(found[1], splits.test.label)
    return {**figures, "CPU s": spent}


def validation_score(instance_noise: float) -> float:
    """Return minus the normalised information on validation images, the mean over three seeds."""
    splits, total = digits.load("grey"), 0.0
    for seed in range(3):
        model = new(seed, instance_noise)
        train_game(model, splits.train.x / 16, seed)
        total -= shared(clusters(model, splits.validation.x / 16), splits.validation.label) / 3
    return total


def new(seed: int, instance_noise: float = CHOSEN, kind: type[InfoGAN] = InfoGAN) -> InfoGAN:
    """Return the untrained model of this seed."""
    torch.manual_seed(seed)
    options = {"alpha": 0.3, "instance_noise": instance_noise}
    model = kind.build((1, 8, 8), 3, CLASSES, (200, 200), **options)
    model.critic.penalty = 0.03
    return model


def train_game(model: InfoGAN, train: Tensor, seed: int) -> None:
    """Train generator, recogniser and critic."""
    options = {"betas": (0.5, 0.9), "seed": seed, "progress": False}
    fit(model, train, steps=STEPS, learning_rate=cosine(4e-3, STEPS), **options)


def clusters(model: InfoGAN, x: Tensor) -> Tensor:
    """Return the category that q(c|x) finds most likely: (n,)."""
    return model.recognise(x).mean.argmax(-1)


def accuracy(on_train: Tensor, on_test: Tensor, splits: Splits) -> Estimate:
    """Return the accuracy on the test images of the assignment that is best in training."""
    rows, columns = linear_sum_assignment(-joint_counts(on_train, splits.train.label))
    digit_of = torch.from_numpy(columns[np.argsort(rows)])
    return mean_and_error((digit_of[on_test.long()] == splits.test.label).double())


def joint_counts(cluster: Tensor, label: Tensor) -> np.ndarray:
    """Return how often each cluster meets each label: (10, 10)."""
    pair = cluster.long() * CLASSES + label
    return torch.bincount(pair, minlength=CLASSES**2).reshape(CLASSES, CLASSES).double().numpy()


def shared(cluster: Tensor, label: Tensor) -> float:
    """Return I(cluster; label) over the mean of the two entropies, between 0 and 1."""
    joint = torch.from_numpy(joint_counts(cluster, label)) / len(label)

    def entropy(p: Tensor) -> float:
        return -torch.special.xlogy(p, p).sum().item()

    of_cluster, of_label = entropy(joint.sum(1)), entropy(joint.sum(0))
    total = of_cluster + of_label
    return 2 * (total - entropy(joint)) / total if total else math.nan
