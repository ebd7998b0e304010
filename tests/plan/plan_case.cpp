#include "plan/plan_case.h"

#include <cstdio>
#include <map>
#include <sstream>

namespace smol::test {
namespace {

Error wrong(const std::string& line) { return {ErrorCode::kInvalidArgument, "unreadable line in a .plan file: " + line}; }

class TestOperator : public UserOperator {
 public:
  TestOperator(std::string name, double operations, bool commutes)
      : name_(std::move(name)), operations_(operations), commutes_(commutes) {}
  [[nodiscard]] std::string_view name() const override { return name_; }
  [[nodiscard]] Result<Size> output_size(Size input) const override { return input; }
  [[nodiscard]] bool commutes_with_geometry() const override { return commutes_; }
  [[nodiscard]] double operations_per_pixel() const override { return operations_; }
  Status apply(const ImageView&, ImageView&) const override { return {}; }

 private:
  std::string name_;
  double operations_;
  bool commutes_;
};

/// "word key=value ..." taken apart; a lone word has an empty value.
std::vector<std::pair<std::string, std::string>> words_of(const std::string& text) {
  std::vector<std::pair<std::string, std::string>> words;
  std::istringstream stream(text);
  for (std::string word; stream >> word;) {
    const std::size_t equals = word.find('=');
    words.emplace_back(word.substr(0, equals), equals == std::string::npos ? "" : word.substr(equals + 1));
  }
  return words;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) {
    const std::size_t begin = part.find_first_not_of(' '), end = part.find_last_not_of(' ');
    if (begin != std::string::npos) parts.push_back(part.substr(begin, end - begin + 1));
  }
  return parts;
}

bool read_size(const std::string& text, int& width, int& height) {
  return std::sscanf(text.c_str(), "%dx%d", &width, &height) == 2;
}

bool read_codec(const std::string& value, OptimizerInput& input) {
  CodecCapabilities& codec = input.context.codec;
  for (const auto& [key, word] : words_of(value)) {
    if (key == "name") {
      input.codec_name = word;
    } else if (key == "scales") {
      codec.scale_denominators.clear();
      for (const std::string& scale : split(word, ',')) codec.scale_denominators.push_back(std::stoi(scale));
    } else if (key == "region") {
      codec.region = true;
    } else if (key == "early_stop") {
      codec.early_stop = true;
    } else if (key == "planar") {
      codec.planar = true;
    } else if (key == "thumbnails") {
      codec.embedded_thumbnails = true;
    } else if (key == "deblocking") {
      codec.deblocking = true;
    } else if (key == "formats") {
      codec.formats.clear();
      for (const std::string& name : split(word, ',')) {
        for (const PixelFormat format :
             {PixelFormat::kGray8, PixelFormat::kRgb8, PixelFormat::kBgr8, PixelFormat::kRgbx8, PixelFormat::kYcc8Planar}) {
          if (name == name_of(format)) codec.formats.push_back(format);
        }
      }
    } else {
      return false;
    }
  }
  return true;
}

bool read_typical(const std::string& value, ImageHeader& typical) {
  for (const auto& [key, word] : words_of(value)) {
    if (key == "bytes") {
      typical.compressed_bytes = std::stoll(word);
    } else if (key == "chroma") {
      if (!read_size(word, typical.chroma_horizontal, typical.chroma_vertical)) return false;
    } else if (key == "progressive") {
      typical.progressive = true;
    } else if (key == "predicted") {
      typical.predicted = true;
    } else if (key == "gray") {
      typical.channels = 1;
    } else if (key == "thumbnail") {
      ImageHeader::Thumbnail& thumbnail = typical.thumbnail;
      if (!read_size(word, thumbnail.width, thumbnail.height)) return false;
      thumbnail.compressed_bytes = std::stoll(word.substr(word.find('/') + 1));
    } else if (key == "orientation") {
      typical.orientation = static_cast<Orientation>(std::stoi(word));
    } else if (!read_size(key, typical.width, typical.height)) {
      return false;
    }
  }
  return true;
}

bool read_flags(const std::string& value, const std::map<std::string, bool*>& flags) {
  for (const auto& [key, word] : words_of(value)) {
    const auto flag = flags.find(key);
    if (flag == flags.end()) return false;
    *flag->second = true;
  }
  return true;
}

std::shared_ptr<const UserOperator> read_user(const std::string& value) {
  std::string name;
  double operations = 10;
  bool commutes = false;
  for (const auto& [key, word] : words_of(value)) {
    if (key == "operations") {
      operations = std::stod(word);
    } else if (key == "commutes") {
      commutes = true;
    } else {
      name = key;
    }
  }
  return std::make_shared<TestOperator>(name, operations, commutes);
}

class HeaderReader {
 public:
  explicit HeaderReader(OptimizerInput& input) : input_(input) {
    input.context.codec.formats = {PixelFormat::kRgbx8, PixelFormat::kRgb8};
  }

  Status read(const std::string& line) {
    const std::size_t colon = line.find(": ");
    if (colon == std::string::npos) return wrong(line);
    const std::string key = line.substr(0, colon), value = line.substr(colon + 2);
    RuleContext& context = input_.context;
    bool good = true;
    if (key == "codec") {
      good = read_codec(value, input_);
    } else if (key == "typical") {
      good = read_typical(value, context.typical);
    } else if (key == "all") {
      good = read_flags(value, {{"gray", &context.all_gray}, {"upright", &context.all_upright}});
    } else if (key == "backend") {
      good = read_flags(value, {{"device_operators", &context.backend.compiles_device_operators},
                                {"separate_memory", &context.backend.separate_memory}});
    } else if (key == "allow_lossy") {
      input_.allow_lossy = value == "true";
    } else if (key == "max_forms") {
      input_.max_forms = std::stoul(value);
    } else if (key == "disable") {
      for (const std::string& name : split(value, ',')) input_.disabled_rules.insert(name);
    } else if (key == "user") {
      user_operators_.push_back(read_user(value));
    } else if (key == "logical") {
      for (const std::string& text : split(value, '|')) {
        SMOL_ASSIGN_OR_RETURN(Operator op, parse_operator(text, user_operators_));
        input_.logical.operators.push_back(std::move(op));
      }
    } else {
      good = false;
    }
    return good ? Status() : Status(wrong(line));
  }

 private:
  OptimizerInput& input_;
  std::vector<std::shared_ptr<const UserOperator>> user_operators_;
};

}  // namespace

Result<std::vector<PlanCase>> parse_plan_cases(const std::string& text) {
  std::vector<PlanCase> cases;
  std::istringstream stream(text);
  std::string line;
  while (stream.peek() != EOF) {
    PlanCase& next = cases.emplace_back();
    HeaderReader header(next.input);
    while (std::getline(stream, line) && line != "----") {
      next.header += line + "\n";
      if (!line.empty() && line[0] != '#') SMOL_RETURN_IF_ERROR(header.read(line));
    }
    while (std::getline(stream, line) && line != "====") next.expected += line + "\n";
  }
  return cases;
}

}  // namespace smol::test
