// smol/model.h: model cards.
#include "smol/model.h"

#include "binding.h"

namespace smol::python {

void bind_model(nb::module_& module) {
  nb::class_<ModelCard>(module, "ModelCard", "What a DNN file needs before and after it.")
      .def_ro("name", &ModelCard::name)
      .def_ro("path", &ModelCard::path, "Of the model file.")
      .def_ro("card_path", &ModelCard::card_path)
      .def_prop_ro("task", [](const ModelCard& card) { return name_of(card.task); })
      .def_ro("backend", &ModelCard::backend)
      .def_ro("input_name", &ModelCard::input_name)
      .def_prop_ro("layout", [](const ModelCard& card) { return name_of(card.layout); })
      .def_prop_ro("dtype", [](const ModelCard& card) { return name_of(card.dtype); })
      .def_prop_ro("color", [](const ModelCard& card) { return name_of(card.color); })
      .def_ro("width", &ModelCard::width)
      .def_ro("height", &ModelCard::height)
      .def_prop_ro(
          "pipeline",
          [](const ModelCard& card) {
            std::vector<std::string> steps;
            for (const Operator& op : card.pipeline.operators) steps.push_back(to_string(op));
            return steps;
          },
          "The operators from the decoded picture to the input tensor, as text.")
      .def_ro("output_name", &ModelCard::output_name)
      .def_ro("num_classes", &ModelCard::num_classes)
      .def_ro("label_offset", &ModelCard::label_offset)
      .def_ro("top_k", &ModelCard::top_k)
      .def_ro("labels", &ModelCard::labels)
      .def_ro("licence", &ModelCard::licence)
      .def_ro("digest", &ModelCard::digest)
      .def("to_yaml", [](const ModelCard& card) { return to_yaml(card); })
      .def("__repr__", [](const ModelCard& card) {
        return "ModelCard(name='" + card.name + "', task='" + std::string(name_of(card.task)) + "', path='" + card.path +
               "')";
      });
  module.def(
      "load_card",
      [](const std::string& path, const UserOperators& user_operators) {
        const nb::gil_scoped_release released;
        return unwrap(load_model_card(path, user_operators));
      },
      "path"_a, "user_operators"_a);
}

}  // namespace smol::python
