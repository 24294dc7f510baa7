"""CPU time of a redraw of each explorable against the bare canvas draw of the same figure."""

import itertools
import time
from statistics import median

from course_lib.figures import (
    autoregressive_flows,
    elbo_gap,
    flow_gan,
    information_preference,
    multimodal,
    variational_rnn,
)
from course_lib.figures.blit import Blit
from course_lib.figures.style import DPI

ROUNDS = 25
EXPLORABLES = {
    "gap by hand": (elbo_gap.explorable, [{"mu": i / ROUNDS} for i in range(ROUNDS)]),
    "layer by layer": (autoregressive_flows.layer_by_layer, [{"depth": i} for i in range(7)]),
    "monotone network": (
        autoregressive_flows.monotone_network,
        [{"units": i} for i in range(1, 13)],
    ),
    "critic": (flow_gan.discriminator, [{"confidence": i / 10} for i in range(ROUNDS)]),
    "lambda": (flow_gan.two_objectives, [{"place": i / 20} for i in range(21)]),
    "experts": (multimodal.experts, [{"grey": 0.5 * i} for i in range(1, ROUNDS)]),
    "tie": (multimodal.tie, [{"gap": i / 10} for i in range(21)]),
    "row by row": (variational_rnn.row_by_row, [{"t": i} for i in range(1, 9)]),
    "price of a filter": (
        variational_rnn.filtering_price,
        [{"memory": i / 20} for i in range(20)],
    ),
    "preference path": (
        information_preference.preference_path,
        [{"share": i / 20} for i in range(21)],
    ),
    "priced information": (
        information_preference.priced_information,
        [{"alpha": i / 4} for i in range(-8, 5)],
    ),
    "rate and distortion": (
        information_preference.rate_distortion,
        [{"log_beta": i / 5} for i in range(-3, 6)],
    ),
}


def cpu(action):
    start = time.process_time()
    action()
    return time.process_time() - start


def measure(make, states, scale):
    live = make()
    blit = live.blit = Blit(live.figure, live.dynamic, scale * DPI / live.figure.dpi)
    bare, redraw, whole = [], [], []
    for state in itertools.islice(itertools.cycle(states), ROUNDS):
        live.update(**live.state | state)
        bare.append(cpu(blit.canvas.draw))
        redraw.append(cpu(blit.draw) + cpu(blit.png))
        whole.append(cpu(lambda: live.show(**state)))  # noqa: B023
    return median(bare), median(redraw), median(whole)


for name, (make, states) in EXPLORABLES.items():
    for scale in (1, 2):
        bare, redraw, whole = measure(make, states, scale)
        print(
            f"{name}, {scale}x: canvas.draw {1e3 * bare:.1f} ms; redraw + PNG"
            f" {1e3 * redraw:.1f} ms, ratio {redraw / bare:.2f}; a slider step with its numbers"
            f" {1e3 * whole:.1f} ms, ratio {whole / bare:.2f}"
        )
