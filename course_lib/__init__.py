"""Bricks, objectives and models of "Variants and Combinations of Basic Models".

A generative model is a choice of bricks (how p(z), p(x|z) and q(z|x) are represented) and a choice
of how two joint distributions are compared. The sub-packages say the same thing: ``distributions``
holds the bricks, ``objectives`` the comparisons, ``models`` their combinations; ``exact`` holds
worlds in which every quantity of the lecture is known.
"""

__version__ = "0.1.0"
