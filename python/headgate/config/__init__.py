"""Configuration in two steps: a strict document, then an immutable compiled form that is swapped whole.

Workers import only `config.snapshot` and `config.runtime`; so nothing is imported here.
"""
