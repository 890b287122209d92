"""Runs PyTorch's own test files with PyTorch and with facula, and shows what passes there and fails here.

    python -m tests.compat.upstream FILE... [-k PATTERN] [-v] [--limit SECONDS]

The files are not in this repository. They are the folder `test` of a release of PyTorch: of its Git
repository (github.com/pytorch/pytorch, a checkout of the tag) or of Debian's source package `pytorch`
(`apt-get source --download-only pytorch`, then unpack `test/` of the .orig archive). A release older than
the PyTorch that is installed will do: only tests that pass with the installed PyTorch are asked of facula.

What the files import from `torch.testing._internal` is stood in for by this package in both libraries, so
that they meet the same harness: a test case with tolerances, the decorators that make a test per dtype and
per parameter, a few helpers. Names of it that are not here are blanks: a decorator that does nothing, a
condition that is false; a test that calls one while it runs is skipped. Tests over the operator database
are skipped too (`tests/compat/op_db.py` asks those), as is what needs another device than the CPU.

Each file is run in two processes, each test under an alarm; a process that dies is started again behind the
test that killed it. A name at the top of a file that facula does not have is reported and replaced by a
blank.

To fail is expected of tests that need private names (`torch._C._...`, saved handles of the profiler,
dispatch modes), lazy clones or quantised types: facula does not promise those.
`docs/upstream_tests.md` holds the counts and lists the failures that concern public behaviour.

The parts: `hook` (imports), `testcase`, `sparse_inputs`, `variants` (dtypes and parameters), `dtypes`,
`helpers`, `worker` (one library, one file), `__main__` (both, and the comparison).
"""
