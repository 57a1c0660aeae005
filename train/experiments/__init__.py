"""The tables of docs/training.md: every cell is a training run of one row with one seed.

    plan.py        a table's rows out of a JSON file in configs/
    cells.py       runs the cells that are not finished yet, and keeps their results
    ablation.py    the cell of the ranking stage (KuaiRand-Pure)
    retrieval.py   the cell of the retrieval stage (Amazon, KuaiRand-Pure)
    tables.py      results -> Markdown, into the document
"""
