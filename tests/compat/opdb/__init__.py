"""PyTorch's operator database (`op_db`) run against facula: the machinery behind test_op_db.py and op_db.py.

entries    which entries there are, which are left out and why
mirror     what facula calls an object of PyTorch's; samples become facula's tensors
compare    whether two results agree
forms      values, method, operator, in-place and out= forms of one pair (entry, dtype)
gradients  first and second derivatives, forward mode
judge      everything about one entry, as plain data
pool       entries judged in processes that may crash or hang
known      the recorded expectation: what does not agree yet
report     lines for a reader, docs/coverage.md
"""
