// smol/arrow.h: record batches by Arrow's PyCapsule interface.
#include "arrow_batch.h"
#include "binding.h"

namespace smol::python {
namespace {

// A capsule that owns a heap copy of the structure; whoever imports it moves the contents out.
template <typename Structure>
nb::object to_capsule(ArrowOwned<Structure>& owned, const char* name) {
  if (owned.get().release == nullptr) {
    throw Exception(Error{ErrorCode::kInvalidArgument, "this record batch was handed on before; it can be imported once"});
  }
  auto* structure = new Structure(std::exchange(owned.get(), Structure{}));
  PyObject* capsule = PyCapsule_New(structure, name, [](PyObject* self) {
    auto* content = static_cast<Structure*>(PyCapsule_GetPointer(self, PyCapsule_GetName(self)));
    if (content->release != nullptr) content->release(content);
    delete content;
  });
  if (capsule == nullptr) throw nb::python_error();
  return nb::steal(capsule);
}

}  // namespace

void bind_arrow(nb::module_& module) {
  nb::class_<ArrowColumns>(module, "ArrowColumns", "The columns of record batches; pyarrow.schema() takes it.")
      .def("__arrow_c_schema__", [](ArrowColumns& columns) { return to_capsule(columns.schema, "arrow_schema"); });
  nb::class_<ArrowBatch>(module, "ArrowBatch", "A record batch; pyarrow.record_batch() takes it, once.")
      .def(
          "__arrow_c_array__",
          [](ArrowBatch& batch, nb::handle /*requested_schema*/) {
            nb::object schema = to_capsule(batch.schema, "arrow_schema");
            return nb::make_tuple(schema, to_capsule(batch.array, "arrow_array"));
          },
          "requested_schema"_a = nb::none(),
          nb::sig("def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]"));
}

}  // namespace smol::python
