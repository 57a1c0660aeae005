"""Models that were trained elsewhere -> model folders: `python3 -m train import KIND CHECKPOINT OUT_DIR`.

One module a kind: what its tensors are called, how they become the contract's, and the original's own computation,
which the golden answers are made of. None of them needs the original package.
"""
