#include "planner/report/report.h"

#include <algorithm>
#include <array>
#include <memory>

#include "base/text_file.h"
#include "cli/command.h"
#include "cli/output_file.h"

namespace smol::cli {
namespace {

struct ReportArguments {
  std::string plans, profile, output;
};

Status run(const ReportArguments& arguments, Context& context) {
  constexpr std::array<std::string_view, 2> kExtensions{".html", ".htm"};
  SMOL_RETURN_IF_ERROR(check_extension(arguments.output, kExtensions));
  SMOL_ASSIGN_OR_RETURN(const Runtime runtime, context.make_runtime());
  ReportInput input;
  SMOL_ASSIGN_OR_RETURN(input.plans, load_plans(arguments.plans, runtime.user_operators));
  if (!arguments.profile.empty()) {
    SMOL_ASSIGN_OR_RETURN(input.profile, load_profile(arguments.profile));
  }
  const std::string html = report_html(input);
  SMOL_RETURN_IF_ERROR(write_text_file(arguments.output, html));
  if (context.json) {
    context.answer(Json{{"report", arguments.output},
                        {"bytes", html.size()},
                        {"plans", input.plans.plans.size()},
                        {"dominated", input.plans.dominated.size()},
                        {"chosen", input.plans.chosen.empty() ? Json(nullptr) : Json(input.plans.chosen)}});
  } else if (!context.quiet) {
    fmt::print("wrote {} ({}, {} KB); it needs nothing else and opens in any browser\n", arguments.output,
               counted(static_cast<std::int64_t>(input.plans.plans.size() + input.plans.dominated.size()), "plan"),
               (html.size() + 999) / 1000);
  }
  return {};
}

}  // namespace

void add_report(CLI::App& program, Context& context) {
  auto arguments = std::make_shared<ReportArguments>();
  CLI::App* command =
      program.add_subcommand("report", "One HTML page of a plan file: the choice, the frontier, where time goes, errors");
  command->add_option("PLANS", arguments->plans, "Plan file")->required();
  command->add_option("--profile", arguments->profile, "Profile of the same machine and dataset: adds the stages");
  command->add_option("-o,--output", arguments->output, "HTML file to write")->required();
  command->footer(
      "Examples:\n"
      "  smol report plans.yaml -o report.html\n"
      "  smol report plans.yaml --profile profile.yaml -o report.html --json");
  command->callback([arguments, &context] { context.finish([&] { return run(*arguments, context); }); });
}

}  // namespace smol::cli
