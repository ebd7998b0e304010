#pragma once
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "smol/session.h"

namespace smol::cli {

using Json = nlohmann::ordered_json;

/// What all subcommands share. Made in main(), lives as long as the program.
struct Context {
  bool json = false;                 ///< machine-readable results on stdout
  bool quiet = false;                ///< no progress, no summary of what was written
  std::string simd;                  ///< restrict kernels to one target
  std::vector<std::string> plugins;  ///< shared objects with codecs, backends, user operators
  std::stop_token stop;              ///< requested by the first Ctrl-C once the command stops in good order
  int exit_code = 0;
  std::optional<Json> result;  ///< see answer()
  /// What the command says to Ctrl-C; null: it is ended at once. Outlives the program's other objects.
  std::shared_ptr<std::atomic<const char*>> stop_note = std::make_shared<std::atomic<const char*>>(nullptr);

  /// From now on Ctrl-C requests a stop; `note` says what becomes of the work: "rows that are done are kept".
  void stop_in_good_order(const char* note) const { stop_note->store(note); }

  /// The tables of this build with those of the plug-ins.
  [[nodiscard]] Result<Runtime> make_runtime() const;
  /// With --json: what the command has to say. There is one document on stdout, printed when the command has ended.
  void answer(Json document) { result = std::move(document); }
  /// Prints a failure to stderr and sets the exit code; with --json it becomes the key `error` of the answer.
  void fail(const Error& error);
  /// Prints the answer, if there is one.
  void print_answer() const;
  /// Runs a subcommand's body; an error becomes fail().
  template <typename Body>
  void finish(Body body) {
    if (Status status = body(); !status.ok()) fail(status.error());
  }
};

/// The subcommands; each adds itself to the program (one file each).
void add_info(CLI::App& program, Context& context);
void add_inspect(CLI::App& program, Context& context);
void add_decode(CLI::App& program, Context& context);
void add_preprocess(CLI::App& program, Context& context);
void add_rendition(CLI::App& program, Context& context);
void add_plan(CLI::App& program, Context& context);
void add_explain(CLI::App& program, Context& context);
void add_measure(CLI::App& program, Context& context);
void add_cost(CLI::App& program, Context& context);
void add_report(CLI::App& program, Context& context);
void add_run(CLI::App& program, Context& context);
void add_demo(CLI::App& program, Context& context);
void add_completion(CLI::App& program, Context& context);

/// The paper's names of what `--without` switches off, beside the engine's own: rules of the optimizer.
/// kInvalidArgument lists them.
struct WithoutOptions {
  Ablation ablation;
  std::vector<std::string> disabled_rules;
  bool low_resolution = true;  ///< plan over the reference rendition only
};
/// What `smol run` and `smol measure` can do without.
inline constexpr std::string_view kWithoutInRuns =
    "threading, pipelining, buffer-reuse, pinning, over-allocation; with a model card in place of plans also dag, region";
/// What `smol plan` can plan without.
inline constexpr std::string_view kWithoutInPlans = "dag, region, low-resolution";
/// `allowed`: one of the lists above.
[[nodiscard]] Result<WithoutOptions> parse_without(const std::vector<std::string>& names,
                                                   std::string_view allowed = kWithoutInRuns);
/// Says on stderr what is switched off without effect: pinning, where the device uses the host's memory.
void warn_of_no_effect(const Runtime& runtime, const Plan& plan, const WithoutOptions& without);

/// "1 row", "2 rows".
[[nodiscard]] std::string counted(std::int64_t number, std::string_view noun);
/// Where the user's caches are, or SMOL_CACHE_DIR; empty, and a word on stderr, where no folder can be made.
[[nodiscard]] std::string user_cache_folder();
/// --frames, for commands whose input may be a video.
void add_frames_option(CLI::App& command, std::string& frames);
/// open_dataset(), pictures being what a codec of `runtime` recognises. `frames`: a FrameSampling, empty: the dataset's.
[[nodiscard]] Result<Dataset> open_input(const Runtime& runtime, const std::string& name, const Context& context,
                                         const std::string& frames = "");
/// Says on stderr that a folder holds entries that are no items, if it does.
void warn_of_passed_over(const Dataset& dataset);
/// The error of a name given on the command line that does not exist: wrong usage.
[[nodiscard]] Error as_usage(Error error);

/// Columns padded to their widest cell; numbers (first character a digit) to the right.
[[nodiscard]] std::string format_table(const std::vector<std::vector<std::string>>& rows);
/// The measured plans as a table: the frontier, then (with `all`) the dominated ones.
[[nodiscard]] std::string format_plans(const PlanSet& plans, bool all);
[[nodiscard]] Json to_json(const Plan& plan);
[[nodiscard]] Json to_json(const RunReport& report);
/// The stage breakdown of a run with its bottleneck in words.
[[nodiscard]] std::string format_report(const RunReport& report);

/// How the regions of a sample are decoded, in words; empty without pictures that have several.
[[nodiscard]] Result<std::string> describe_regions(const Runtime& runtime, std::span<const Plan> plans,
                                                   const Dataset& dataset, const std::string& rendition);

/// A progress line on stderr: bar, rate, time left, errors. Draws only on a terminal (else a line every ten seconds).
class ProgressBar {
 public:
  ProgressBar(std::string what, bool quiet);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  void update(const Progress& progress);
  /// Work that is measured in time: what is being done, seconds spent, an estimate of those left.
  void update(const std::string& what, double done_s, double seconds_left);
  void clear();

 private:
  void draw(const std::string& line);

  std::string what_;
  bool quiet_, terminal_, drawn_ = false;
  double last_line_seconds_ = 0;
};

/// What a picture may cost before it is refused, as given on the command line.
struct LimitArguments {
  std::string max_pixels;
  int max_scans = DecodeLimits{}.max_scans;
};
/// Adds --max-pixels and --max-scans.
void add_limits(CLI::App& command, LimitArguments& arguments);
[[nodiscard]] Result<DecodeLimits> parse_limits(const LimitArguments& arguments);

/// "#rrggbb" of --background; empty: none.
[[nodiscard]] Result<std::optional<std::array<std::uint8_t, 3>>> parse_background(const std::string& text);
/// Adds --background.
void add_background(CLI::App& command, std::string& text);

/// "512M", "2G", "1000000" as a number: bytes of --memory, pixels of --max-pixels.
[[nodiscard]] Result<std::int64_t> parse_size(const std::string& option, const std::string& text);
/// "1%" or "0.01" as a fraction.
[[nodiscard]] Result<double> parse_fraction(const std::string& text);
/// "X,Y,WIDTH,HEIGHT".
[[nodiscard]] Result<Rect> parse_rect(const std::string& text);
/// "1/2" or "2" as a denominator.
[[nodiscard]] Result<int> parse_scale(const std::string& text);

/// The plan named on the command line: a plan file and an id in it, or a model card, whose exact plan is made for `input`
/// (its rendition of that name, else the first) without measuring more than, if wanted, which batch is fastest.
/// `disabled_rules` are for model cards: the plans of a file were made with all.
[[nodiscard]] Result<Plan> find_plan(const Runtime& runtime, const std::string& plans_or_card, const std::string& id,
                                     const Dataset& input, const std::vector<std::string>& disabled_rules = {},
                                     bool measure_batch = false, const std::string& rendition_name = {});

}  // namespace smol::cli
