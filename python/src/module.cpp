#include "binding.h"

NB_MODULE(_native, module) {
  using namespace smol::python;
  module.doc() = "Bindings of libsmol; the package smol is the interface.";
  bind_result(module);
  bind_codec(module);
  bind_video(module);
  bind_backend(module);
  bind_preprocess(module);
  bind_model(module);
  bind_plan(module);
  bind_source(module);
  bind_arrow(module);
  bind_session(module);
}
