# ruff: noqa: E501  one case, one line
"""Old names of types, shallow copies, functions called for each element, pieces of a dimension, new memory.

Values, error types and first sentences are those of PyTorch.
"""

from __future__ import annotations

import warnings

import pytest

pytest.importorskip("torch")

from tests.compat import side_by_side, statements  # noqa: E402

CASES = """
# types by name
torch.ones(2, dtype=torch.int32).type(torch.Tensor).dtype
torch.ones(2).type('torch.IntTensor').dtype
torch.ones(2).type('IntTensor')
torch.ones(2).type('float')
torch.ones(2).type(int)
torch.ones(2).type(dtype=torch.int8).dtype
torch.ones(2).type(3)
torch.ones(2).type(torch.BoolTensor)
torch.ones(2, device='meta').type()
torch.ones(2).to_sparse().type()
torch.FloatTensor.layout
torch.FloatTensor.is_cuda
isinstance(torch.ones(2), torch.FloatTensor)
isinstance(torch.ones(2, device='meta'), torch.FloatTensor)
isinstance(torch.ones(2).to_sparse(), torch.FloatTensor)
type('Mine', (torch.FloatTensor,), {})
torch.ones(2).new(size=(2, 3)).shape
torch.ones(2).new((2, 3)).shape
torch.ones(2).new([2, 3])
torch.ones(2).new('a')
torch.ones(2).new(3.0)
torch.Tensor(size=(2,)).shape
torch.Tensor(other=c)
torch.Tensor(data=[1, 2])
torch.Tensor(torch.tensor(2)).shape
torch.Tensor(torch.ones(2, dtype=torch.int32))
torch.Tensor(3.5)
torch.Tensor(None)
torch.Tensor(2, device='meta')
torch.Tensor(range(3))
torch.FloatTensor(size=(2,)).shape
torch.IntTensor([1.5])
torch.set_default_tensor_type('torch.IntTensor')
torch.set_default_tensor_type(3)
torch.set_default_tensor_type(torch.cuda.FloatTensor)
torch.device(-1)
torch.device('cpu', -1)
# shallow copies
import copy; x = torch.ones(3); y = copy.copy(x); y.fill_(2); x
import copy; y = copy.copy(w); (y.is_leaf, y.requires_grad, y.grad, y.data_ptr() == w.data_ptr())
import copy; y = copy.copy(a); (y.is_leaf, y.requires_grad)
import copy; x = torch.arange(6.0).view(2, 3).t(); (copy.copy(x).stride(), copy.copy(x[1:]).storage_offset())
import copy; p = nn.Parameter(torch.ones(2)); q = copy.copy(p); (type(q).__name__, q.data_ptr() == p.data_ptr())
import copy; x = torch.ones(2); x.mine = 3; copy.copy(x).mine
import copy; x = torch.ones(2).to_sparse(); copy.copy(x).values().data_ptr() == x.values().data_ptr()
import copy; copy.copy(torch.ones(2, device='meta')).device
# a function for each element
torch.ones(3).apply_(lambda v: 'a')
torch.ones(3).apply_(lambda v: None)
torch.ones(3).apply_(lambda v: v + 1)
torch.ones(3, dtype=torch.int64).apply_(lambda v: [1])
torch.ones(3, dtype=torch.int64).apply_(lambda v: torch.tensor(2.5))
torch.ones(3, dtype=torch.int64).apply_(lambda v: torch.tensor(2))
torch.ones(3, requires_grad=True).apply_(lambda v: v)
torch.ones(3, device='meta').apply_(lambda v: v)
torch.ones(3).expand(2, 3).apply_(lambda v: v + 1)
torch.ones(2, 3).t().apply_(lambda v: v + 1)
torch.ones(3).map_(torch.ones(1), lambda v, u: v + u)
torch.ones(3).map_(torch.ones(3, dtype=torch.int64), lambda v, u: v + u)
torch.ones(3).map_(3, lambda v, u: v + u)
torch.ones(3).map_(torch.ones(3, requires_grad=True), lambda v, u: v + u)
torch.ones(3).map2_(torch.ones(3), torch.ones(3, dtype=torch.int64), lambda v, u, t: v)
torch.ones(3).map2_(torch.ones(3), torch.ones(1), lambda v, u, t: v + u + t)
torch.ones(3).map2_(torch.ones(3), 3, lambda v, u, t: v + u + t)
torch.ones(3, requires_grad=True).map2_(torch.ones(3), torch.ones(3), lambda v, u, t: v)
# the order of dimensions
torch.empty(2, 3, 4, 4).dim_order(ambiguity_check=True)
torch.empty(2, 3, 4, 4).to(memory_format=torch.channels_last).dim_order()
torch.empty(1, 1, 2, 3).dim_order(ambiguity_check=True)
torch.empty(1, 1, 2, 3).dim_order(ambiguity_check=[torch.contiguous_format])
torch.empty(1, 2, 3, 4).dim_order(ambiguity_check=[torch.contiguous_format, torch.channels_last])
torch.empty(2, 2, 1, 2).dim_order(ambiguity_check=[torch.contiguous_format, torch.channels_last])
torch.empty(1, 2, 1, 2).to(memory_format=torch.channels_last).dim_order(ambiguity_check=[torch.channels_last])
torch.empty(2, 1, 1, 1).to(memory_format=torch.channels_last).dim_order()
torch.empty(1, 1, 2, 3).to(memory_format=torch.channels_last).dim_order()
torch.empty(2, 3).expand(4, 2, 3).dim_order()
torch.empty(3, 3).expand(4, 3, 3).dim_order(ambiguity_check=True)
torch.empty(4, 1).dim_order(ambiguity_check=True)
torch.empty(4, 1).dim_order(ambiguity_check='yes')
torch.empty(2, 3).to_sparse().dim_order()
# memory formats
torch.ones(2, 3).contiguous(memory_format=torch.preserve_format).stride()
torch.ones(2, 3).t().contiguous(memory_format=torch.preserve_format)
torch.ones(2, 3).is_contiguous(memory_format=torch.preserve_format)
torch.empty(2, 3, memory_format=torch.preserve_format)
torch.ones(2, 3).resize_(3, 2, memory_format=torch.preserve_format)
# arrays and other memory
torch.ones(2).numpy(force=1)
torch.ones(2, device='meta').numpy()
torch.ones(2, device='meta').numpy(force=True)
torch.ones(2).to_sparse().numpy()
# differences of neighbours
torch.diff(torch.ones(2, 2), prepend=torch.ones(3, 1))
torch.diff(torch.ones(2, 2), dim=0, append=torch.ones(1, 3))
torch.diff(torch.ones(2, 2), dim=0, append=torch.ones(1, 2))
torch.diff(torch.ones(2), prepend=torch.ones(2, 2))
# where a square vanishes before the number does
x = torch.tensor([0.0, 2e-308, 1e-200, 1e-3, 1.0], dtype=torch.float64, requires_grad=True); grad(torch.sinc(x).sum(), x)
x = torch.tensor([0.0, 1e-30, 1e-38, 1.0], requires_grad=True); grad(torch.sinc(x).sum(), x)
# new memory
torch.use_deterministic_algorithms(1)
torch.use_deterministic_algorithms(True, warn_only=0)
torch.set_deterministic_debug_mode(7)
torch.set_deterministic_debug_mode('loud')
torch.utils.deterministic.fill_uninitialized_memory
# pieces of a dimension
torch.segment_reduce(c, 'max', lengths=torch.tensor([1, 3]), initial=0.5)
grad(torch.segment_reduce(w, 'max', lengths=torch.tensor([1, 3]), initial=1.0).sum(), w)
grad(torch.segment_reduce(w, 'min', lengths=torch.tensor([1, 3]), initial=-2.0).sum(), w)
x = torch.tensor([1.0, math.nan, 3.0], requires_grad=True); grad(torch.segment_reduce(x, 'max', lengths=torch.tensor([1, 2])).sum(), x)
torch.segment_reduce(torch.ones(0), 'mean', lengths=torch.tensor([0, 0]))
torch.segment_reduce(torch.ones(0, 3), 'max', lengths=torch.tensor([0, 0]))
torch.segment_reduce(torch.ones(3), 'sum', offsets=torch.tensor([1, 3]))
torch.segment_reduce(torch.ones(3), 'sum', offsets=torch.tensor([0, 2, 2]))
torch.segment_reduce(torch.ones(3), 'sum', lengths=torch.tensor([-1, 4]))
torch.segment_reduce(torch.ones(3), 'total', lengths=torch.tensor([3]))
torch.segment_reduce(torch.ones(3), 'sum', lengths=torch.tensor([3.0]))
torch.segment_reduce(torch.ones(3), 'sum', offsets=torch.tensor([0, 3.0]))
torch.segment_reduce(torch.ones(3, dtype=torch.int64), 'sum', lengths=torch.tensor([3]))
torch.segment_reduce(torch.ones(3), 'sum', indices=torch.tensor([3]), lengths=torch.tensor([3]))
torch.segment_reduce(torch.ones(3), 'mean', lengths=torch.tensor([3]), axis=1)
torch.segment_reduce(torch.ones(3, 2), 'sum', lengths=torch.tensor([3]), axis=1)
"""
FILLED = """
torch.empty(2, dtype={0})
torch.empty_like(torch.ones(2, dtype={0}))
torch.empty_strided((2,), (1,), dtype={0})
torch.ones(1, dtype={0}).new_empty(2)
torch.ones(1, dtype={0}).new_empty_strided((2,), (1,))
torch.empty_permuted((2,), (0,), dtype={0})
torch.ones(1, dtype={0}).resize_(3)
torch.ones(1, dtype={0}).resize_as_(torch.ones(3, dtype={0}))
torch.ones(3, dtype={0}).resize_(1).resize_(3)
torch.empty(2, 3, 2, 2, dtype={0}, memory_format=torch.channels_last)[0, 0]
torch.empty(2, dtype={0}, out=torch.ones(2, dtype={0}))
torch.ones(1, dtype={0}).new(2)
"""
TYPES = "float32 float16 bfloat16 float64 complex64 int8 uint8 int16 int32 int64 bool".split()


@pytest.mark.parametrize("line", statements.lines(CASES))
def test_legacy(line):
    statements.check(line)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("line", statements.lines(FILLED))
def test_new_memory_is_filled_where_that_is_asked_for(line, dtype):
    def outcome(library):
        library.use_deterministic_algorithms(True)
        try:
            space = {"torch": library}
            return str(eval(line.format("torch." + dtype), space))
        finally:
            library.use_deterministic_algorithms(False)

    import torch

    import facula

    assert outcome(facula) == outcome(torch)


class Shares:
    """Knows nothing but the DLPack protocol."""

    def __init__(self, tensor):
        self.tensor = tensor

    def __dlpack__(self, **options):
        return self.tensor.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.tensor.__dlpack_device__()


def test_tensors_from_objects_of_the_dlpack_protocol():
    def run(t):
        x = t.arange(4.0)
        made = [
            t.tensor(Shares(x)),
            t.as_tensor(Shares(x)),
            t.asarray(Shares(x)),
            t.tensor(Shares(x), dtype=t.int32),
        ]
        return made, [each.data_ptr() == x.data_ptr() for each in made]

    side_by_side.check(run)


def test_lists_of_arrays_are_said_to_be_slow():
    import numpy

    import facula

    lines = [numpy.ones(2), numpy.ones(2)]
    seen = []
    for _ in range(2):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert facula.tensor(lines).tolist() == [[1, 1], [1, 1]]
            assert facula.tensor([numpy.float32(1)]).tolist() == [1]
        seen += [str(each.message)[:56] for each in caught]
    assert seen == ["Creating a tensor from a list of numpy.ndarrays is extre"]


STORAGES = """
torch.UntypedStorage([1, 2, 3], device='meta').nbytes()
torch.ones(2).storage().resizable()
x = torch.ones(2); x.numpy(); x.untyped_storage().resizable()
torch.ones(2).untyped_storage().is_sparse_csr
torch.ones(2).untyped_storage()[100]
torch.ones(2).untyped_storage()['a']
torch.ones(2).storage()[5]
torch.ones(2, device='meta').untyped_storage().data_ptr()
torch.ones(2, device='meta').storage()[0]
torch.ones(2, device='meta').storage().cpu()
torch.ones(2, device='meta').untyped_storage().tolist()
str(torch.ones(2, device='meta').storage())
torch.TypedStorage(3, dtype=torch.int32).nbytes()
torch.TypedStorage(3, device='meta').device
type(torch.FloatStorage(2)).__name__
torch.FloatStorage([[1, 2], [3, 4]]).tolist()
torch.FloatStorage(1, 2)
torch.FloatStorage(torch.ones(2))
torch.FloatStorage(3, dtype=torch.float64)
torch.FloatStorage(3, device='cpu')
torch.FloatStorage(3.0)
torch.FloatStorage('a')
torch.FloatStorage(3, wrap_storage=torch.ones(2).untyped_storage())
torch.TypedStorage(wrap_storage=torch.ones(2).untyped_storage())
torch.TypedStorage(wrap_storage=torch.ones(2).untyped_storage(), dtype=3)
torch.TypedStorage(wrap_storage=torch.ones(2).storage(), dtype=torch.float32)
torch.IntStorage.from_buffer(bytearray([1, 2, 3, 4] * 2), 'big').tolist()
torch.IntStorage.from_buffer(bytearray([1, 2, 3, 4] * 2), 'little', 1, 4).tolist()
torch.IntStorage.from_buffer(bytearray([1, 2, 3, 4] * 2))
torch.IntStorage.from_buffer(bytearray([1, 2, 3, 4] * 2), 'odd')
torch.IntStorage.from_buffer(bytearray([1, 2, 3]), 'native')
torch.IntStorage.from_buffer(bytearray([1, 2, 3, 4]), 'native', offset=100)
torch.IntStorage.from_buffer(bytearray([1, 2, 3, 4]), 'native', count=100)
torch.IntStorage.from_buffer(bytearray([1, 2, 3, 4]), 'native', dtype=torch.int16)
torch.BoolStorage.from_buffer(bytearray([0, 1, 7]), 'big').tolist()
torch.ComplexFloatStorage.from_buffer(bytearray(range(1, 9)), 'big').tolist()
torch.UntypedStorage.from_buffer(bytearray([1, 2]))
torch.UntypedStorage.from_buffer(bytearray([1, 2, 3, 4]), 'big', dtype=torch.int16).tolist()
torch.TypedStorage.from_file('nothing', False, 2)
torch.tensor(torch.ones(2).storage())
torch.tensor(torch.ones(2).storage(), dtype=torch.float64)
torch.tensor(torch.ones(2).untyped_storage(), dtype=torch.float32)
torch.tensor(torch.ones(2).untyped_storage())
x = torch.ones(2); torch.FloatTensor(x.storage()).data_ptr() == x.data_ptr()
torch.DoubleTensor(torch.ones(2).storage())
torch.ones(2).double().new(torch.ones(2).untyped_storage())
torch.ones(2).untyped_storage().half().dtype
torch.ones(2).storage().float8_e5m2().tolist()
x = torch.ones(100).storage().__sizeof__() - torch.ones(0).storage().__sizeof__(); x
import copy; x = torch.ones(2); y = copy.deepcopy([x, x.storage(), x.untyped_storage()]); (y[0].data_ptr() == y[1].data_ptr() == y[2].data_ptr(), y[1].tolist())
"""


@pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")
@pytest.mark.parametrize("line", statements.lines(STORAGES))
def test_storages(line):
    import torch

    import facula

    for library in (torch, facula):
        library.ones(1).storage()  # its warning, once a process
    statements.check(line)


def test_copies_of_subclasses_with_slots():
    import copy

    def run(t):
        class Slotted(t.Tensor):
            __slots__ = ("held",)

            def new_empty(self, *args, **kwargs):
                return t.Tensor.new_empty(self, *args, **kwargs).as_subclass(Slotted)

        x = t.ones(2).as_subclass(Slotted)
        missing = hasattr(x, "held")
        x.held, x.other = [1], [2]
        flat, deep = copy.copy(x), copy.deepcopy(x)
        return missing, [
            (y.held, y.held is x.held, y.other, y.other is x.other, type(y) is Slotted) for y in (flat, deep)
        ]

    side_by_side.check(run)
