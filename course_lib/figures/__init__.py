"""Still pictures, and interactive figures with sliders.

``style`` makes figures and fixes one colour per concept, ``images`` shows still pictures, ``live``
makes a figure with sliders, ``page`` exports it to a web page without a kernel, ``svg`` draws
figures for such pages, and ``closing_table`` makes the table that ends a lecture. Each topic has
its own folder. Nothing here uses pyplot, whose figures and backend are global.
"""
