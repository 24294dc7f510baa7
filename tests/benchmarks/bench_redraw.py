"""CPU time of a redraw of an explorable against the bare canvas draw of the same figure."""

import time
from statistics import median

from course_lib.figures.blit import Blit
from course_lib.figures.elbo_gap import explorable
from course_lib.figures.style import DPI

ROUNDS = 25


def cpu(action):
    start = time.process_time()
    action()
    return time.process_time() - start


def measure(scale):
    live = explorable()
    blit = live.blit = Blit(live.figure, live.dynamic, scale * DPI / live.figure.dpi)
    bare, redraw, whole = [], [], []
    for i in range(ROUNDS):
        live.update(mu=i / ROUNDS, log_scale=-0.5, layers=0)
        bare.append(cpu(blit.canvas.draw))
        redraw.append(cpu(blit.draw) + cpu(blit.png))
        whole.append(cpu(lambda: live.show(mu=-i / ROUNDS)))  # noqa: B023
    return median(bare), median(redraw), median(whole)


for scale in (1, 2):
    bare, redraw, whole = measure(scale)
    print(
        f"{scale}x: canvas.draw {1e3 * bare:.1f} ms; redraw + PNG {1e3 * redraw:.1f} ms,"
        f" ratio {redraw / bare:.2f}; a slider step with its numbers {1e3 * whole:.1f} ms,"
        f" ratio {whole / bare:.2f}"
    )
