"""python -m facula program.py args...: an unmodified PyTorch program on facula."""

import sys

from .cli import main

sys.exit(main())
