"""Checks that tell a student whether an answer is right and, if not, why.

One sub-package per assignment, ``from course_lib.checks import elbo_gap as check``, with one
function per exercise: ``check.gaussian_kl(gaussian_kl)``. ``exercise`` is the engine, ``report`` is
what the reader sees, and ``ask`` is the only access to a student's namespace.
"""
