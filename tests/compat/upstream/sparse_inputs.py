"""Sparse tensors that test cases ask for: random ones of a layout, and a few small ones of every kind."""

from __future__ import annotations

import itertools
from math import prod
from typing import Any

import torch

# Numbers where something is held; 0 elsewhere. The same count in each batch, in blocks of (2, 3) too.
SMALL = [[1, 0, 2, 0, 0, 0], [0, 3, 0, 0, 0, 0], [0, 0, 0, 4, 0, 5], [0, 0, 0, 6, 0, 0]]
OTHER = [[0, 0, 0, 1, 2, 0], [0, 0, 0, 0, 0, 3], [4, 0, 5, 0, 0, 0], [0, 6, 0, 0, 0, 0]]


def _rows_first(layout: Any) -> bool:
    return layout in (torch.sparse_csr, torch.sparse_bsr)


def _blocked(layout: Any) -> bool:
    return layout in (torch.sparse_bsr, torch.sparse_bsc)


def _starts(lines: list[int], count: int) -> list[int]:
    starts = [0] * (count + 1)
    for line in lines:
        starts[line + 1] += 1
    return list(itertools.accumulate(starts))


def _batches(pattern: Any) -> list:
    """The matrices of nested lists, in order."""
    return [pattern] if not isinstance(pattern[0][0], list) else [m for p in pattern for m in _batches(p)]


def _batch_shape(pattern: Any) -> tuple[int, ...]:
    return () if not isinstance(pattern[0][0], list) else (len(pattern), *_batch_shape(pattern[0]))


class SparseInputs:
    """Methods of the test case."""

    def _make_crow_indices(self, n_rows, n_cols, nnz, *, device, dtype, random=True):
        cells = torch.randperm(n_rows * n_cols)[:nnz].sort().values.tolist()
        return torch.tensor(_starts([cell // n_cols for cell in cells], n_rows), dtype=dtype, device=device)

    def genSparseCompressedTensor(
        self, size, nnz, *, layout, device, dtype, index_dtype, blocksize=(), dense_dims=0
    ):
        end = len(size) - dense_dims
        batch, (rows, columns), dense = size[: end - 2], size[end - 2 : end], size[end:]
        if blocksize:
            rows, columns = rows // blocksize[0], columns // blocksize[1]
        starts, at = [], []
        for _ in range(prod(batch)):
            cells = torch.randperm(rows * columns)[:nnz].tolist()
            pairs = [(c // columns, c % columns) for c in cells]
            pairs = sorted(pairs if _rows_first(layout) else [pair[::-1] for pair in pairs])
            starts.append(_starts([line for line, _ in pairs], rows if _rows_first(layout) else columns))
            at.append([other for _, other in pairs])
        starts, at = (torch.tensor(t, dtype=index_dtype, device=device) for t in (starts, at))
        shape = (*batch, nnz, *blocksize, *dense)
        values = torch.testing.make_tensor(shape, device=device, dtype=dtype, low=-1, high=1)
        return torch.sparse_compressed_tensor(
            starts.reshape(*batch, starts.shape[-1]),
            at.reshape(*batch, nnz),
            values,
            size=tuple(size),
            dtype=dtype,
            layout=layout,
            device=device,
        )

    def genSparseCSRTensor(self, size, nnz, **options):
        return self.genSparseCompressedTensor(size, nnz, layout=torch.sparse_csr, **options)

    def genSparseCSCTensor(self, size, nnz, **options):
        return self.genSparseCompressedTensor(size, nnz, layout=torch.sparse_csc, **options)

    def genSparseBSRTensor(self, size, blocksize, nnz, **options):
        return self.genSparseCompressedTensor(
            size, nnz, layout=torch.sparse_bsr, blocksize=blocksize, **options
        )

    def genSparseBSCTensor(self, size, blocksize, nnz, **options):
        return self.genSparseCompressedTensor(
            size, nnz, layout=torch.sparse_bsc, blocksize=blocksize, **options
        )

    def generate_simple_inputs(
        self,
        layout,
        device=None,
        dtype=None,
        index_dtype=None,
        pin_memory=None,
        members_pin_memory=None,
        enable_batch=True,
        enable_hybrid=True,
        enable_zero_sized=True,
        enable_non_contiguous_indices=True,
        enable_non_contiguous_values=True,
        enable_batch_variable_nse=False,
        output_tensor=True,
        patterns=None,
    ):
        """Small tensors of a layout, or what their constructors take (`output_tensor` false)."""
        index_dtype = index_dtype or torch.int64
        if patterns is None:
            batches = [SMALL] + ([[SMALL, OTHER], [[SMALL], [OTHER]]] if enable_batch else [])
            sizes = [(), (2,)] if enable_hybrid else [()]
            patterns = [(pattern, [(1, 1), (2, 3)], sizes) for pattern in batches]
        for pattern, blocksizes, densesizes in patterns:
            for block, dense in itertools.product(blocksizes if _blocked(layout) else [()], densesizes):
                made = self._pieces(layout, pattern, block, dense, device, dtype, index_dtype)
                yield self._whole(layout, *made) if output_tensor else made
        if enable_zero_sized and layout not in (torch.strided, torch.sparse_coo):
            block = (2, 3) if _blocked(layout) else ()
            for rows, columns in ((0, 0), (4, 0), (0, 6), (4, 6)):
                count = (
                    rows // (block or (1, 1))[0] if _rows_first(layout) else columns // (block or (1, 1))[1]
                )
                starts = torch.zeros(count + 1, dtype=index_dtype, device=device)
                at = torch.zeros(0, dtype=index_dtype, device=device)
                values = torch.zeros((0, *block), dtype=dtype, device=device)
                made = (starts, at, values), {"device": device, "dtype": dtype, "size": (rows, columns)}
                yield self._whole(layout, *made) if output_tensor else made

    def _pieces(self, layout, pattern, block, dense, device, dtype, index_dtype):
        batch, matrices = _batch_shape(pattern), _batches(pattern)
        rows, columns = len(matrices[0]), len(matrices[0][0])
        keywords = {"device": device, "dtype": dtype, "size": (*batch, rows, columns, *dense)}

        def spread(numbers: Any) -> torch.Tensor:
            plain = torch.tensor(numbers, dtype=torch.int64).reshape(-1)
            wide = plain.reshape(-1, 1) * torch.arange(1, prod(dense) + 1)
            return wide.to(dtype=dtype, device=device)

        if layout == torch.strided:
            return (spread(matrices).reshape(keywords["size"]),), {}
        high, wide = block or (1, 1)
        starts, at, values = [], [], []
        for matrix in matrices:
            cells = [
                (r, c)
                for r in range(rows // high)
                for c in range(columns // wide)
                if any(matrix[r * high + i][c * wide + j] for i in range(high) for j in range(wide))
            ]
            if layout != torch.sparse_coo and not _rows_first(layout):
                cells.sort(key=lambda cell: cell[::-1])
            values += [
                matrix[r * high + i][c * wide + j] for r, c in cells for i in range(high) for j in range(wide)
            ]
            first, second = (0, 1) if layout == torch.sparse_coo or _rows_first(layout) else (1, 0)
            count = (rows // high, columns // wide)[first]
            starts.append(_starts([cell[first] for cell in cells], count))
            at.append([cell[second] for cell in cells])
        count = len(at[0])
        if layout == torch.sparse_coo:
            places = torch.tensor(matrices).reshape(*batch, rows, columns).nonzero().t().contiguous()
            held = spread(values).reshape(places.shape[1], *dense)
            return (places.to(index_dtype), held), keywords
        held = spread(values).reshape(*batch, count, *block, *dense)
        starts = torch.tensor(starts, dtype=index_dtype, device=device).reshape(*batch, -1)
        return (
            starts,
            torch.tensor(at, dtype=index_dtype, device=device).reshape(*batch, count),
            held,
        ), keywords

    def _whole(self, layout, pieces, keywords):
        if layout == torch.strided:
            return pieces[0]
        if layout == torch.sparse_coo:
            return torch.sparse_coo_tensor(*pieces, **keywords)
        return torch.sparse_compressed_tensor(*pieces, layout=layout, **keywords)
