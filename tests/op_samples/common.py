"""What the sample files share: short names for typical operands."""

from op_tools import COMPLEX, FLOATS, INTS, Sample
from op_tools import Spec as T

S = Sample
FLOATING = FLOATS + COMPLEX
REAL = INTS + FLOATS
MASK = {"dtype": "bool"}
BIG = T(517, 601)

x = T(2, 3, 4)
m = T(3, 4)
v = T(5)
s = T()
