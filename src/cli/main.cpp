#include <csignal>
#include <cstdio>
#include <stop_token>
#include <thread>

#include <pthread.h>
#include <unistd.h>

#include "cli/command.h"
#include "smol/version.h"

namespace {

// Ctrl-C: the first asks the work to stop and what is done to be kept; the second ends the process (whole parts stay valid).
// Signals are taken by a thread of their own, so that no handler runs in the middle of anything.
void watch_signals(const std::stop_source& stop) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread([signals, stop = stop]() mutable {
    int signal = 0;
    sigwait(&signals, &signal);
    std::fputs("\nstopping; what is done is kept. Once more to end at once.\n", stderr);
    stop.request_stop();
    sigwait(&signals, &signal);
    _exit(130);
  }).detach();
}

int run_program(int argc, char** argv) {
  using namespace smol::cli;
  std::stop_source stop;
  watch_signals(stop);
  Context context;
  context.stop = stop.get_token();

  CLI::App program{
      "smol: run DNNs over pictures at the speed of the machine, at the accuracy you need.\n"
      "It plans decoding, preprocessing and inference together, runs the plan, and shows where the time goes.",
      "smol"};
  program.footer(
      "First steps:\n"
      "  smol info                                      what works on this machine\n"
      "  smol plan dataset.yaml -o plans.yaml           measure models x renditions, print the frontier\n"
      "  smol run plans.yaml photos/ -o results/        run the chosen plan, write Parquet\n"
      "  smol run card.yaml photos/ -o out.parquet      run one model exactly, without planning\n"
      "Exit status: 0 ok, 1 failed, 2 wrong usage.");
  program.set_version_flag("--version", SMOL_VERSION);
  program.require_subcommand(1);
  program.fallthrough();
  program.add_flag("--json", context.json, "Print results as JSON on standard output");
  program.add_flag("-q,--quiet", context.quiet, "No progress on standard error");
  program.add_option("--plugin", context.plugins, "Shared object that adds codecs, backends or user operators");
  program.add_option("--simd", context.simd, "Use only this SIMD target (see `smol info`); for tests")->group("Advanced");
  for (auto* add : {add_info, add_inspect, add_decode, add_preprocess, add_rendition, add_plan, add_explain, add_measure,
                    add_run, add_demo, add_completion}) {
    add(program, context);
  }
  program.parse_complete_callback([&] {
    if (context.simd.empty()) return;
    if (smol::Status set = smol::set_simd_target(context.simd); !set.ok())
      throw CLI::ValidationError("--simd", set.error().message);
  });
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int status = program.exit(error);
    return status == 0 ? 0 : 2;
  } catch (const std::exception& error) {
    context.fail({smol::ErrorCode::kInternal, error.what()});
  }
  std::fflush(stdout);
  return context.exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run_program(argc, argv);
  } catch (...) {  // Telling of the failure has failed: no memory
    std::fputs("smol: failed, out of memory\n", stderr);
    return 1;
  }
}
