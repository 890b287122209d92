// torch.Generator.
#include "core/random.h"
#include "ops/functions.h"
#include "python/args.h"
#include "python/tensor_type.h"

namespace facula::python {
namespace {

struct GeneratorObject {
  PyObject_HEAD Ref<Generator> generator;
};
GeneratorObject* object(PyObject* o) { return reinterpret_cast<GeneratorObject*>(o); }

PyObject* new_object(PyTypeObject* type, Generator* g) {
  PyObject* o = type->tp_alloc(type, 0);
  if (!o) throw PythonErrorAlreadySet();
  new (&object(o)->generator) Ref<Generator>(g);
  return o;
}
PyObject* generator_new(PyTypeObject* type, PyObject* args, PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    static const char* names[] = {"device", nullptr};
    PyObject* device = nullptr;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O", const_cast<char**>(names), &device))
      return nullptr;
    Device d;
    if (device && !to_device(device, &d))
      fail<TypeError>("Generator(): argument 'device' must be torch.device, not ", Py_TYPE(device)->tp_name);
    if (d.type == Device::CUDA)
      fail(
          "Cannot get CUDA generator without ATen_cuda library. There is no CUDA here: use a generator of "
          "the CPU.");
    if (d.type != Device::CPU)
      fail("Device type ", device_type_name(d.type), " is not supported for torch.Generator() api.");
    return new_object(type, new Generator);
  });
}
void generator_dealloc(PyObject* o) {
  object(o)->generator = nullptr;
  Py_TYPE(o)->tp_free(o);
}
PyObject* manual_seed(PyObject* o, PyObject* value) {
  return guarded([&]() -> PyObject* {
    if (!PyLong_Check(value) || PyBool_Check(value))
      fail("manual_seed expected a long, but got ", Py_TYPE(value)->tp_name);
    int overflow;  // 64 bits, given as a signed or an unsigned number
    const long long small = PyLong_AsLongLongAndOverflow(value, &overflow);
    const uint64_t seed = overflow > 0 ? PyLong_AsUnsignedLongLong(value) : uint64_t(small);
    if (overflow < 0 || PyErr_Occurred()) {
      PyErr_Clear();
      fail<ValueError>("Overflow when unpacking long long");
    }
    object(o)->generator->seed(seed);
    return Py_NewRef(o);
  });
}
PyObject* seed(PyObject* o, PyObject*) {
  return guarded([&] {
    const uint64_t value = nondeterministic_seed();
    object(o)->generator->seed(value);
    return PyLong_FromUnsignedLongLong(value);
  });
}
PyObject* initial_seed(PyObject* o, PyObject*) {
  return PyLong_FromUnsignedLongLong(object(o)->generator->initial_seed);
}
PyObject* get_state(PyObject* o, PyObject*) {
  return guarded([&] {
    Tensor t = empty(DType::UInt8, Dims{Generator::kStateSize});
    object(o)->generator->save(t->as<uint8_t>());
    return wrap(std::move(t));
  });
}
PyObject* set_state(PyObject* o, PyObject* value) {
  return guarded([&] {
    if (!is_tensor(value)) fail<TypeError>("expected a torch.ByteTensor, but got ", Py_TYPE(value)->tp_name);
    const Tensor& state = tensor_of(value);
    if (state->dtype != DType::UInt8 || state->is_meta())
      fail<TypeError>("RNG state must be a torch.ByteTensor");
    if (!state->contiguous) fail("RNG state must be contiguous");
    object(o)->generator->load(state->as<uint8_t>(), state->numel);
    return Py_NewRef(o);
  });
}
PyObject* clone_state(PyObject* o, PyObject*) {
  return guarded([&] {
    auto* copy = new Generator(*object(o)->generator);
    copy->refcount = 0;
    return new_object(&GeneratorType, copy);
  });
}
PyObject* get_device(PyObject*, void*) {
  return guarded([&] { return wrap(Device{}); });
}
PyObject* address(PyObject* o, void*) { return PyLong_FromVoidPtr(object(o)->generator.get()); }

// (type, (device,), (seed, offset, state)): what pickle and copy need.
PyObject* reduce(PyObject* o, PyObject*) {
  PyObject* device = get_device(o, nullptr);
  PyObject* state = device ? get_state(o, nullptr) : nullptr;
  if (!state) {
    Py_XDECREF(device);
    return nullptr;
  }
  return Py_BuildValue("O(N)(KON)", Py_TYPE(o), device,
                       static_cast<unsigned long long>(object(o)->generator->initial_seed), Py_None, state);
}
PyObject* restore(PyObject* o, PyObject* saved) {
  if (!PyTuple_Check(saved) || PyTuple_GET_SIZE(saved) != 3)
    return PyErr_Format(PyExc_TypeError, "the state of a Generator is a tuple of three, not %R", saved);
  PyObject* done = set_state(o, PyTuple_GET_ITEM(saved, 2));
  if (!done) return nullptr;
  Py_DECREF(done);
  Py_RETURN_NONE;
}

// What only generators of other devices have.
PyObject* get_offset(PyObject*, PyObject*) {
  PyErr_SetString(PyExc_RuntimeError, "CPU Generator does not use offset");
  return nullptr;
}
PyObject* no_graph_state(const char* name) {
  return PyErr_Format(PyExc_NotImplementedError, "%s is not supported in this Generator", name);
}
PyObject* graph_state(PyObject*, PyObject*) { return no_graph_state("graphsafe_get_state"); }
PyObject* set_graph_state(PyObject*, PyObject*) { return no_graph_state("graphsafe_set_state"); }

PyMethodDef methods[] = {
    {"manual_seed", manual_seed, METH_O, "Seeds the generator; returns it."},
    {"seed", seed, METH_NOARGS, "Seeds the generator from the operating system; returns the seed."},
    {"initial_seed", initial_seed, METH_NOARGS, "The seed it was last seeded with."},
    {"get_state", get_state, METH_NOARGS, "The state as a uint8 tensor."},
    {"set_state", set_state, METH_O, "Sets a state that get_state() returned."},
    {"clone_state", clone_state, METH_NOARGS, "A generator that will draw the same numbers."},
    {"get_offset", get_offset, METH_NOARGS, nullptr},
    {"set_offset", get_offset, METH_O, nullptr},
    {"graphsafe_get_state", graph_state, METH_NOARGS, nullptr},
    {"graphsafe_set_state", set_graph_state, METH_O, nullptr},
    {"__reduce__", reduce, METH_NOARGS, nullptr},
    {"__setstate__", restore, METH_O, nullptr},
    {}};
PyGetSetDef getset[] = {
    {"device", get_device, nullptr, nullptr, nullptr}, {"_cdata", address, nullptr, nullptr, nullptr}, {}};

}  // namespace

PyTypeObject GeneratorType = {.ob_base = {PyObject_HEAD_INIT(nullptr) 0}, .tp_name = "torch._C.Generator"};

PyObject* wrap_generator(Generator* g) { return new_object(&GeneratorType, g); }
Generator* generator_of(PyObject* o) { return object(o)->generator.get(); }

void add_generator(PyObject* module) {
  GeneratorType.tp_basicsize = sizeof(GeneratorObject);
  GeneratorType.tp_new = generator_new;
  GeneratorType.tp_dealloc = generator_dealloc;
  GeneratorType.tp_methods = methods;
  GeneratorType.tp_getset = getset;
  GeneratorType.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE;
  if (PyType_Ready(&GeneratorType) < 0) throw PythonErrorAlreadySet();
  PyModule_AddObjectRef(module, "Generator", reinterpret_cast<PyObject*>(&GeneratorType));
  ++default_generator().refcount;  // it is not ours to free
  PyModule_AddObject(module, "default_generator", new_object(&GeneratorType, &default_generator()));
}

}  // namespace facula::python
