"""Still pictures, and interactive figures with sliders.

``style`` makes figures and fixes one colour per concept, ``images`` shows still pictures, ``live``
is the figure with sliders, ``page`` the same figure for a web page without a kernel, and
``closing_table`` the table that ends a lecture. Each topic has its own folder. Nothing here
touches pyplot, whose figures and back end are global.
"""
