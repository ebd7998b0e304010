/// smol-decoder: decodes pictures for another process with a codec that should not run there. Started by it, never by hand.

#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <memory>

#include "codec/isolated/decoder_server.h"
#include "codec/isolated/isolated_codec.h"
#include "codec/isolated/message.h"

namespace {

constexpr int kSocket = 3;

/// Ends the process as soon as the other side is gone, also while a picture is being decoded. A parent-death signal would
/// not do: it comes when the thread that started us ends.
void* watch_other_side(void*) {
  for (;;) {
    pollfd watched{kSocket, POLLRDHUP, 0};
    if (poll(&watched, 1, -1) > 0 && (watched.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0) _exit(0);
  }
}

void limit_resources() {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  setrlimit(RLIMIT_FSIZE, &none);  // shared memory is made large by the other side
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  constexpr std::size_t kStackBytes = 256 << 10;
  pthread_attr_setstacksize(&attributes, kStackBytes);
  pthread_t watcher{};
  if (pthread_create(&watcher, &attributes, watch_other_side, nullptr) != 0) _exit(1);
}

/// The library stays loaded: the codec's code lives in it.
std::unique_ptr<const smol::Codec> load(const char* plug_in, int binding, smol::Message& said) {
  said = {};
  said.kind = smol::MessageKind::kFailed;
  said.error_code = static_cast<std::uint8_t>(smol::ErrorCode::kNotBuilt);
  void* const library = dlopen(plug_in, binding | RTLD_LOCAL);
  if (library == nullptr) {
    const char* const reason = dlerror();
    said.set_text(reason != nullptr ? reason : "cannot be loaded");
    return nullptr;
  }
  const auto create = reinterpret_cast<smol::CreateCodecFunction>(dlsym(library, smol::kCreateCodecSymbol));
  std::unique_ptr<const smol::Codec> codec(create != nullptr ? create() : nullptr);
  if (codec == nullptr) {
    said.set_text("not a codec plug-in of this version");
    return nullptr;
  }
  said.kind = smol::MessageKind::kReady;
  said.set_text(codec->description());
  return codec;
}

}  // namespace

int main(int argc, char** argv) {
  smol::Message said;
  if (argc >= 2 && std::strcmp(argv[1], "describe") == 0) {
    limit_resources();
    for (int i = 2; i < argc; ++i) {
      static_cast<void>(load(argv[i], RTLD_LAZY, said));  // half the time
      if (!smol::send_message(kSocket, said)) break;
    }
    _exit(0);
  }
  if (argc == 3 && std::strcmp(argv[1], "serve") == 0) {
    limit_resources();
    const auto codec = load(argv[2], RTLD_NOW, said);
    if (smol::send_message(kSocket, said) && codec != nullptr) smol::serve_decoder(kSocket, *codec);
    _exit(0);
  }
  std::fprintf(stderr, "smol-decoder is started by smol to decode pictures apart from it\n");
  return 2;
}
