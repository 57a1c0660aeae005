"""The retrieval stage: the same encoders and tasks as the ranking stage, with the dot ranker over the whole catalogue.

    sequences.py   users' histories and what is held out, from Amazon's reviews or from KuaiRand-Pure
    losses.py      one negative, sampled softmax, full cross-entropy
    stage.py       one user a row, a target at every place; what the common loop trains
    evaluate.py    hit rates and NDCG over the whole catalogue, and what is recommended
"""
