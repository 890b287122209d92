"""Memory that grows, shrinks or is exchanged under tensors: programs for both libraries, compared by `r`.

Blocks are separated by empty lines; an error is compared by its type and first line, with the `r` set so far.
"""

from __future__ import annotations

import warnings

import pytest

pytest.importorskip("torch")

import torch  # noqa: E402

import facula  # noqa: E402

PROGRAMS = """
x=torch.arange(6.)
v=x[2:]
n=x._version
x.resize_(3)
r=(x._version-n, x.tolist(), v.tolist(), x.untyped_storage().nbytes())

x=torch.arange(6.)
v=x[2:]
n=x._version
x.resize_(100)
r=(
    x._version-n, x[:6].tolist(), v.tolist(), x.untyped_storage().nbytes(),
    x.untyped_storage().data_ptr() == v.untyped_storage().data_ptr())
x[3]=9.
r+=(v.tolist(),v._version,x._version)

x=torch.arange(6.)
v=x[2:]
v.resize_(100)
x[3]=9.
r=(v[:4].tolist(), x.tolist(), v._version, x._version, v._base is x)

x=torch.arange(6.)
d=x.detach()
x.resize_(10)
x.zero_()
r=(d.tolist(), d._version)

x=torch.arange(6.).reshape(2,3).t()
x.resize_(2,2)
r=(x.tolist(), x.stride())

x=torch.arange(6.).reshape(2,3).t()
x.resize_(2,3)
r=(x.tolist(), x.stride())

x=torch.arange(6.).reshape(2,3).t()
x.resize_(3,2)
r=(x.tolist(), x.stride())

x=torch.arange(6.).reshape(2,3).t()
x.resize_(3,2,memory_format=torch.contiguous_format)
r=(x.tolist(), x.stride())

x=torch.arange(24.).reshape(1,2,3,4)
x.resize_(1,2,3,4,memory_format=torch.channels_last)
r=(x.tolist(), x.stride())

x=torch.arange(6.)
x.resize_(0)
r=(x.untyped_storage().nbytes(), x.shape)
x.resize_(6)
r+=(x.tolist(),)

x=torch.arange(6.)
s=x.untyped_storage()
s.resize_(0)
r=(x.shape, s.nbytes(), s.data_ptr()==0)

x=torch.arange(6.)
s=x.untyped_storage()
s.resize_(8)
s.resize_(24)
r=(x.tolist()[:2], s.nbytes(), x._version)

x=torch.arange(6.)
v=x[1:]
s=x.untyped_storage()
s.resize_(4000)
r=(x.tolist(), v.tolist(), s.nbytes(), x.data_ptr()==s.data_ptr(), v.data_ptr()-s.data_ptr())
x[1]=7.
r+=(v.tolist(),)

x=torch.arange(6.)
y=torch.ones(2)
n=x._version
x.set_(y)
r=(x._version-n,y._version,x.shape)
x.add_(1)
r+=(y.tolist(),y._version,x._version)

x=torch.arange(6.)
v=x[2:]
x.set_()
r=(x.shape,x._version,v.tolist(),v._version,v._base is x, x.untyped_storage().nbytes())

x=torch.arange(6.)
y=torch.ones(4)
x.set_(y.untyped_storage())
r=(x.shape,x._version)

x=torch.arange(6.)
y=torch.arange(4.)
x.set_(y.untyped_storage(),1,(2,),(2,))
r=(x.tolist(),x.stride(),x.storage_offset(),x._version)

x=torch.arange(6.)
y=torch.arange(4.)
x.set_(y.untyped_storage(),1,(2,))
r=(x.tolist(),x.stride())

x=torch.arange(6.)
y=torch.arange(4.)
x.set_(y.untyped_storage(),0,(9,))
r=(x[:4].tolist(),y.untyped_storage().nbytes())

x=torch.arange(6.)
y=torch.arange(4.)
x.set_(y,1,(2,),(1,))
r=(x.tolist(),x._version)

x=torch.arange(6.)
y=torch.arange(4.)
x.set_(y,1,(20,),(1,))
r=(x[:3].tolist(),y.untyped_storage().nbytes())

x=torch.arange(6.)
y=torch.arange(4)
x.set_(y)

x=torch.arange(6.)
y=torch.arange(4)
x.set_(y.untyped_storage())
r=(x.shape,)

x=torch.arange(6.)
x.set_(x.untyped_storage(),-1,(2,))

x=torch.arange(6.)
x.set_(x.untyped_storage(),0,(-2,))

x=torch.arange(6.)
x.set_(x.untyped_storage(),0,(2,),(-1,))

x=torch.arange(6.)
x.set_(x.untyped_storage(),0,(2,2),(1,))

x=torch.arange(6.)
x.set_(x.untyped_storage(),3,(2,3),(1,1))
r=(x.untyped_storage().nbytes(),)

x=torch.arange(6.).requires_grad_()
x.set_(torch.ones(2))

x=torch.arange(6.).requires_grad_()
x.data.set_(torch.ones(2))
r=(x.shape,)

x=torch.arange(6.)
x.set_(torch.ones(2,requires_grad=True))
r=(x.requires_grad,)

x=(torch.arange(6.).requires_grad_()*1)
x.set_(torch.ones(2))
r=(x.requires_grad,x.grad_fn.name())
x.sum().backward()

x=torch.arange(6.).requires_grad_()
x.resize_(3)

x=(torch.arange(6.).requires_grad_()*1)
x.resize_(3)

x=torch.arange(6.)
x.resize_(-1)

x=torch.arange(6.)
x.resize_as_(torch.ones(2,2))
r=(x.tolist(),)

x=torch.arange(6.)
v=x[1:]
torch.add(torch.ones(10),1,out=v)
r=(
    x.tolist(), v.tolist(), x.untyped_storage().nbytes(), v._version,x._version, v.data_ptr()-x.data_ptr())

x=torch.arange(6.)
v=x[1:]
torch.add(torch.ones(2),1,out=v)
r=(x.tolist(), v.tolist(), v._version,x._version)

x=torch.arange(6.)
v=x[1:]
torch.cat([torch.ones(2),torch.ones(1)],out=v)
r=(x.tolist(), v.tolist(), v._version,x._version)

x=torch.arange(6.)
v=x[1:]
torch.sum(torch.ones(2,3),0,out=v)
r=(x.tolist(), v.tolist(), v._version,x._version)

x=torch.arange(6.)
v=x[1:]
torch.mm(torch.ones(2,2),torch.ones(2,2),out=v)
r=(x.tolist(), v.tolist(), v._version,x._version)

x=torch.arange(6.)
v=x[1:]
torch.cumsum(torch.ones(3),0,out=v)
r=(x.tolist(), v.tolist(), v._version,x._version)

x=torch.arange(6.)
v=x[1:]
torch.stack([torch.ones(2)],out=v)
r=(x.tolist(), v.tolist(), v._version,x._version)

x=torch.arange(6.)
v=x[1:]
torch.sort(torch.ones(3),out=(v,torch.empty(0,dtype=torch.int64)))
r=(x.tolist(), v.tolist(), v._version,x._version)

x=torch.arange(6.)
v=x[1:]
torch.index_select(torch.ones(3),0,torch.tensor([0]),out=v)
r=(x.tolist(), v.tolist(), v._version,x._version)

x=torch.arange(6.)
v=x[::2]
torch.sin(torch.ones(2),out=v)
r=(x.tolist(), v.tolist(),v.stride(), v._version,x._version)

x=torch.arange(6.)
v=x[::2]
torch.sin(torch.ones(3),out=v)
r=(x.tolist(), v.tolist(),v.stride(), v._version,x._version)

x=torch.arange(6.)
v=x[::2]
torch.cat([torch.ones(2),torch.ones(1)],out=v)
r=(x.tolist(), v.tolist(),v.stride(), v._version,x._version)

x=torch.arange(6.)
v=x[::2]
torch.arange(3,out=v)
r=(x.tolist(), v.tolist(),v.stride(), v._version,x._version)

x=torch.arange(6.)
v=x[1:]
torch.arange(2,out=v)
r=(x.tolist(), v.tolist(),v.stride(), v._version,x._version)

x=torch.arange(6.)
v=x[1:]
torch.linspace(0,1,2,out=v)
r=(x.tolist(), v.tolist(),v.stride(), v._version,x._version)

x=torch.arange(6.)
v=x[1:]
torch.zeros(2,out=v)
r=(x.tolist(), v.tolist(),v.stride(), v._version,x._version)

x=torch.arange(6.)
v=x[1:]
torch.full((2,),3.,out=v)
r=(x.tolist(), v.tolist(),v.stride(), v._version,x._version)

x=torch.arange(1.)
torch.add(x,torch.ones(3),out=x)
r=x.tolist()

x=torch.arange(6.)
n=x.numpy()
x.resize_(100)

x=torch.arange(6.)
import numpy
x=torch.from_numpy(numpy.arange(6.))
x.resize_(100)

x=torch.arange(6.,device='meta')
v=x[1:]
x.resize_(100)
r=(x.shape,x.untyped_storage().nbytes(),v.untyped_storage().nbytes())

x=torch.arange(6.)
v=x[1:]
v.set_(torch.ones(3))
r=(v._base is x, v._is_view(), v._version, x._version)

x=torch.arange(6.)
v=x[1:]
v.data=torch.ones(3)
r=(v._base is x, v._is_view(), v._version, x._version)
v.add_(1)
r+=(v._version,x._version,x.tolist())

x=torch.arange(6.)
v=x[1:]
x.data=torch.ones(3)
r=(v._base is x, v._version, x._version)
x.add_(1)
r+=(v._version,x._version,v.tolist())
v.add_(1)
r+=(v._version,x._version)

x=torch.arange(6.)
y=torch.ones(3)
y.add_(1)
x.data=y
r=(y._version, x._version)
x.add_(1)
r+=(y._version,x._version,y.tolist())

x=torch.arange(6.)
d=x.data
d.add_(1)
r=(x._version,d._version,d[1:]._version)
d[1:].add_(1)
r+=(d._version,)

x=torch.arange(6.)
d=x.detach()
d.set_(torch.ones(2))
r=(x._version,d._version)
d.add_(1)
r+=(x._version,d._version)
x.add_(1)
r+=(x._version,d._version)

x=torch.arange(6.)
v=x[1:]
x.set_(torch.ones(2))
w=x[1:]
w.add_(1)
r=(x._version,v._version,w._version)

with torch.inference_mode():
    x=torch.arange(6.)
    x.data=torch.ones(2)
    r=(x.is_inference(),)

with torch.inference_mode():
    x=torch.arange(6.)
x.data=torch.ones(2)
r=(x.is_inference(),)
r+=(x._version,)

with torch.inference_mode():
    x=torch.arange(6.)
x.data=torch.ones(2)
x.add_(1)

with torch.inference_mode():
    y=torch.arange(6.)
x=torch.ones(2)
x.data=y
r=(x.is_inference(),x._version)
x.add_(1)
r+=(x._version,)

with torch.inference_mode():
    y=torch.arange(6.)
x=torch.ones(2)
x.set_(y)
r=(x.is_inference(),x._version)
x.add_(1)
r+=(x._version,)

with torch.inference_mode():
    y=torch.arange(6.)
y.set_(torch.ones(2))
r=(y.is_inference(),y.shape)

with torch.inference_mode():
    y=torch.arange(6.)
d=y.data
d.add_(1)
r=(d.is_inference(),d._version,y.tolist())

with torch.inference_mode():
    y=torch.arange(6.)
d=y.detach()
r=(d.is_inference(),)
d.add_(1)

with torch.inference_mode():
    y=torch.arange(6.)
y.resize_(3)
r=(y.shape,)

x=torch.arange(4.,requires_grad=True)
y=(x*x).exp()
y.data=torch.zeros(4)
y.sum().backward()
r=[round(g) for g in x.grad.tolist()]

x=torch.arange(4.,requires_grad=True)
y=(x*x).exp()
y.data.zero_()
y.sum().backward()
r=x.grad.tolist()

x=torch.arange(4.,requires_grad=True)
y=x*1
z=y*y
y.data=torch.zeros(4)
z.sum().backward()
r=x.grad.tolist()

x=torch.arange(4.,requires_grad=True)
y=x*2
x.data=torch.zeros(3)
y.sum().backward()
r=x.grad.tolist()
"""


def result(program: str, library):
    space = {"torch": library, "r": None}
    error = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exec(program, space)
        except Exception as e:
            error = type(e).__name__, str(e).split("\n")[0]
    return space["r"], error


@pytest.mark.parametrize("program", PROGRAMS.strip().split("\n\n"))
def test_agrees(program):
    assert str(result(program, facula)) == str(result(program, torch))
