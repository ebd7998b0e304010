#include "pillow_oracle.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

namespace smol::test {

std::vector<std::uint8_t> random_pixels(Size size, int channels, unsigned seed) {
  std::mt19937 generator(seed);
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(size.width) * size.height * channels);
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    const unsigned noise = generator();
    // Half of the samples are black or white, where clipping happens.
    pixels[i] = noise % 4 == 0 ? 255 : noise % 4 == 1 ? 0 : static_cast<std::uint8_t>((noise >> 8) + i / 7);
  }
  return pixels;
}

bool run_oracle(std::vector<OracleCase>& cases) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::temp_directory_path() / ("smol_oracle_" + std::to_string(::getpid()));
  fs::create_directories(folder);
  std::ofstream manifest(folder / "manifest");
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const OracleCase& c = cases[i];
    const std::string stem = (folder / std::to_string(i)).string();
    std::ofstream(stem + ".in", std::ios::binary)
        .write(reinterpret_cast<const char*>(c.pixels.data()), static_cast<std::streamsize>(c.pixels.size()));
    manifest << (c.path.empty() ? stem + ".in" : c.path) << "\t" << c.size.width << '\t' << c.size.height << '\t'
             << c.channels << '\t' << static_cast<int>(c.orientation) << '\t' << c.operators << '\t' << stem << ".out\n";
  }
  manifest.close();
  const std::string command = std::string(SMOL_PYTHON) + " " + SMOL_TESTS_DIR + "/unit/preprocess/pillow_oracle.py " +
                              (folder / "manifest").string();
  const bool ran = std::system(command.c_str()) == 0;
  for (std::size_t i = 0; ran && i < cases.size(); ++i) {
    std::ifstream file(folder / (std::to_string(i) + ".out"), std::ios::binary);
    cases[i].expected.assign(std::istreambuf_iterator<char>(file), {});
  }
  fs::remove_all(folder);
  return ran;
}

Tensor::Tensor(const OutputSpec& spec) : slot{nullptr, spec.dtype, spec.layout, spec.color, spec.width, spec.height} {
  bytes.resize(slot.size_bytes());
  slot.data = bytes.data();
}

PhysicalPipeline fused_pipeline(const std::string& operators) {
  PhysicalPipeline pipeline;
  pipeline.host_steps.emplace_back(FusedStep{parse_operators(operators), 22});
  return pipeline;
}

std::string difference(const std::vector<std::uint8_t>& got, const std::vector<std::uint8_t>& expected) {
  if (got.size() != expected.size()) {
    return "sizes " + std::to_string(got.size()) + " and " + std::to_string(expected.size());
  }
  const auto [a, b] = std::mismatch(got.begin(), got.end(), expected.begin());
  if (a == got.end()) return {};
  return "sample " + std::to_string(a - got.begin()) + ": " + std::to_string(*a) + " instead of " + std::to_string(*b);
}

std::vector<Operator> parse_operators(const std::string& text) {
  std::vector<Operator> operators;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('|', begin), text.size());
    operators.push_back(parse_operator(text.substr(begin, end - begin)).value());
    begin = end + 1;
  }
  return operators;
}

}  // namespace smol::test
