"""Training side of rankd: data, model, losses, evaluation and export.

Run as ``python3 -m train --help`` from the root of the repository.
"""
