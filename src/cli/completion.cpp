#include <memory>

#include "cli/command.h"

namespace smol::cli {
namespace {

// The words come from the program's own description, so completion never lags behind it.
std::string options_of(const CLI::App& command) {
  std::string words;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) words += " --" + name;
  }
  return words;
}

std::string bash_script(const CLI::App& program) {
  std::string names, cases;
  for (const CLI::App* command : program.get_subcommands([](const CLI::App*) { return true; })) {
    names += " " + command->get_name();
    cases += fmt::format("    {}) words=\"{}\" ;;\n", command->get_name(), options_of(*command));
  }
  return fmt::format(
      "_smol() {{\n"
      "  local current=\"${{COMP_WORDS[COMP_CWORD]}}\" words=\"\"\n"
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n    COMPREPLY=($(compgen -W \"{}{}\" -- \"$current\"))\n    return\n  fi\n"
      "  case \"${{COMP_WORDS[1]}}\" in\n{}  esac\n"
      "  case \"$current\" in\n    -*) COMPREPLY=($(compgen -W \"$words --json --quiet\" -- \"$current\")) ;;\n"
      "    *) COMPREPLY=($(compgen -f -- \"$current\")) ;;\n  esac\n}}\n"
      "complete -o filenames -F _smol smol\n",
      names, options_of(program), cases);
}

}  // namespace

void add_completion(CLI::App& program, Context& context) {
  CLI::App* command = program.add_subcommand("completion", "Print a completion script for bash");
  command->footer("Example:\n  smol completion > ~/.local/share/bash-completion/completions/smol");
  command->callback([&program, &context] {
    if (context.json) {
      context.answer(Json{{"shell", "bash"}, {"script", bash_script(program)}});
    } else {
      fmt::print("{}", bash_script(program));
    }
  });
}

}  // namespace smol::cli
