#include <fmt/ranges.h>

#include <csignal>
#include <cstdio>
#include <sstream>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <pthread.h>
#include <unistd.h>

#include "base/thread_budget.h"
#include "base/unknown_word.h"
#include "cli/command.h"
#include "smol/version.h"

namespace {

// Ctrl-C: the first asks the work to stop in good order, where the command knows how, and says what is kept; the second
// ends the process (whole parts stay valid). Signals are taken by a thread of their own, so that no handler runs in the
// middle of anything.
void watch_signals(const std::stop_source& stop, const std::shared_ptr<std::atomic<const char*>>& stop_note) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread([signals, stop = stop, stop_note]() mutable {
    smol::name_this_thread("smol-signals");
    int signal = 0;
    sigwait(&signals, &signal);
    const char* note = stop_note->load();
    if (note == nullptr) {
      std::fputs("\nsmol: stopped\n", stderr);
      _exit(130);
    }
    std::fprintf(stderr, "\nstopping; %s. Once more to end at once.\n", note);
    stop.request_stop();
    sigwait(&signals, &signal);
    _exit(130);
  }).detach();
}

// What is wrong with a command line that names no subcommand.
smol::Error explain_missing_subcommand(const CLI::App& program) {
  std::vector<std::string> names;
  for (const CLI::App* command : program.get_subcommands({})) names.push_back(command->get_name());
  std::string word;
  for (const std::string& rest : program.remaining()) {
    if (word.empty() && !rest.empty() && rest.front() != '-') word = rest;
  }
  const std::string what = word.empty() ? fmt::format("name a subcommand: {}", fmt::join(names, ", "))
                                        : smol::unknown_word("subcommand", word, names);
  return {smol::ErrorCode::kInvalidArgument, what + " (`smol COMMAND --help` explains each)"};
}

// Help and version were asked for; all else is wrong usage.
void explain_usage(const CLI::App& program, const CLI::ParseError& error, smol::cli::Context& context) {
  std::ostringstream asked_for, complaint;
  const bool is_wrong = program.exit(error, asked_for, complaint) != 0;
  std::fputs(complaint.str().c_str(), stderr);
  context.exit_code = is_wrong ? 2 : 0;
  if (!context.json) {
    std::fputs(asked_for.str().c_str(), stdout);
  } else if (is_wrong) {
    smol::cli::Json failure{{"code", name_of(smol::ErrorCode::kInvalidArgument)},
                            {"stage", name_of(smol::Stage::kNone)},
                            {"message", error.what()}};
    context.answer(smol::cli::Json{{"error", std::move(failure)}});
  } else {
    context.answer(smol::cli::Json{{"text", asked_for.str()}});
  }
}

int run_program(int argc, char** argv) {
  using namespace smol::cli;
  std::stop_source stop;
  Context context;
  watch_signals(stop, context.stop_note);
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
      "Exit status: 0 ok; 1 failed: a file that is missing or damaged, items that failed; 2 wrong usage: arguments, or the\n"
      "contents of a dataset file, plan file or model card. Ended by Ctrl-C before anything could be kept: 130.");
  program.set_version_flag("--version", SMOL_VERSION);
  program.require_subcommand(1);
  program.fallthrough();
  program.add_flag("--json", context.json, "Print results as JSON on standard output");
  program.add_flag("-q,--quiet", context.quiet,
                   "No progress, no summary of what was written; results that were asked for are still printed");
  program.add_option("--plugin", context.plugins, "Shared object that adds codecs, backends or user operators");
  program.add_option("--simd", context.simd, "Use only this SIMD target (see `smol info`); for tests")->group("Advanced");
  for (auto* add : {add_info, add_inspect, add_decode, add_preprocess, add_rendition, add_plan, add_explain, add_measure,
                    add_cost, add_report, add_run, add_demo, add_completion}) {
    add(program, context);
  }
  program.parse_complete_callback([&] {
    if (context.simd.empty()) return;
    if (smol::Status set = smol::set_simd_target(context.simd); !set.ok())
      throw CLI::ValidationError("--simd", set.error().message);
  });
  // Known even where the command line cannot be parsed.
  context.json = std::any_of(argv + 1, argv + argc, [](const char* word) { return std::string_view(word) == "--json"; });
  try {
    program.parse(argc, argv);
  } catch (const CLI::RequiredError& error) {
    if (program.get_subcommands().empty()) {
      context.fail(explain_missing_subcommand(program));
    } else {
      explain_usage(program, error, context);
    }
  } catch (const CLI::ParseError& error) {
    explain_usage(program, error, context);
  } catch (const std::exception& error) {
    context.fail({smol::ErrorCode::kInternal, error.what()});
  }
  context.print_answer();
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
