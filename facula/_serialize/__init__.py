"""What torch.save and torch.load are made of.

archive: the zip format. legacy: the format before it. pickler, unpickler: the description of the objects
in either; the unpickler executes nothing that a file says. allowed: which names a file may use. files:
saves that are whole or not at all.
"""
