#include "backend/openvino/batch_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "backend/openvino/openvino_errors.h"
#include "backend/openvino/openvino_graph.h"
#include "base/float16.h"

namespace smol {
namespace {

/// One step of splitmix64: the same numbers on every machine.
std::uint64_t next_random(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9E3779B97F4A7C15ULL);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

/// Fills one row with patches of random colour and some noise. Plain noise would look alike to a network whatever the seed,
/// and swapped pictures would pass; patches of 97 elements differ strongly.
void fill_row(std::byte* row, const ov::element::Type& type, std::size_t count, std::uint64_t seed) {
  std::uint64_t state = seed;
  double patch = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (i % 97 == 0) patch = static_cast<double>(next_random(state) % 2048) / 1024.0 - 1.0;  // [-1, 1)
    const double x = std::clamp(patch + static_cast<double>(next_random(state) % 64) / 256.0 - 0.125, -1.0, 1.0);
    if (type == ov::element::f32) {
      const auto value = static_cast<float>(2.0 * x);
      std::memcpy(row + i * sizeof(float), &value, sizeof value);
    } else if (type == ov::element::f16) {
      const ov::float16 value(static_cast<float>(2.0 * x));
      std::memcpy(row + i * sizeof value, &value, sizeof value);
    } else {
      std::memset(row + i * type.size(), 0, type.size());
      row[i * type.size()] = static_cast<std::byte>(static_cast<int>(std::lround((x + 1.0) * 63.0)) & 0xFF);
    }
  }
}

/// One element of a tensor.
double element_at(const std::byte* at, const ov::element::Type& type) {
  const auto as = [at]<typename T>(T element) {
    std::memcpy(&element, at, sizeof element);
    return element;
  };
  if (type == ov::element::f32) return as(float{});
  if (type == ov::element::f16) return float_of_f16(as(std::uint16_t{}));
  if (type == ov::element::bf16) return float_of_bf16(as(std::uint16_t{}));
  if (type == ov::element::u8) return as(std::uint8_t{});
  if (type == ov::element::i8) return as(std::int8_t{});
  if (type == ov::element::i32) return as(std::int32_t{});
  return static_cast<double>(as(std::int64_t{}));
}

/// What one picture gave in one output.
using Row = std::vector<double>;

Row row_of(const ov::Tensor& tensor, std::size_t index) {
  const ov::element::Type type = tensor.get_element_type();
  Row row(tensor.get_size() / tensor.get_shape()[0]);
  const auto* data = static_cast<const std::byte*>(tensor.data()) + index * row.size() * type.size();
  for (std::size_t i = 0; i < row.size(); ++i) row[i] = element_at(data + i * type.size(), type);
  return row;
}

/// How far batched and single runs may lie apart, as a fraction of the output's range: other kernels are chosen for other
/// batches, which differ by rounding; errors of batching are as large as the range.
double tolerance_of(Precision precision) {
  switch (precision) {
    case Precision::kF32:
      return 2e-3;
    case Precision::kF16:
      return 2e-2;
    case Precision::kBF16:
    case Precision::kAsStored:
      return 8e-2;
  }
  return 0;
}

/// The largest difference as a fraction of the range; for integers such as class maps the fraction of elements that differ.
double distance(const Row& a, const Row& b, const ov::element::Type& type) {
  if (type == ov::element::i32 || type == ov::element::i64) {
    double differing = 0;
    for (std::size_t i = 0; i < a.size(); ++i) differing += a[i] != b[i];
    return differing / static_cast<double>(a.size());
  }
  const auto [low, high] = std::minmax_element(b.begin(), b.end());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(a[i] - b[i]);
    if (!(difference <= largest)) largest = std::isnan(a[i]) && std::isnan(b[i]) ? largest : difference;
  }
  // One level of an 8-bit output is rounding, not an error.
  const double floor = type.size() == 1 ? 16.0 : 1e-6 * std::max({std::abs(*low), std::abs(*high), 1e-6});
  return largest / std::max(*high - *low, floor);
}

/// Rows that are compared: all of a small batch, the first and last four of a large one.
std::vector<std::size_t> rows_to_compare(std::size_t batch) {
  std::vector<std::size_t> rows;
  for (std::size_t row = 0; row < batch; ++row) {
    if (row < 4 || row + 4 >= batch) rows.push_back(row);
  }
  return rows;
}

void fill_inputs(ov::InferRequest& request, const std::vector<ov::Output<const ov::Node>>& inputs,
                 const std::vector<std::size_t>& seeds) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    ov::Tensor tensor = request.get_input_tensor(i);
    const std::size_t count = tensor.get_size() / seeds.size();
    for (std::size_t row = 0; row < seeds.size(); ++row) {
      fill_row(static_cast<std::byte*>(tensor.data()) + row * count * tensor.get_element_type().size(),
               tensor.get_element_type(), count, seeds[row] * 1000 + i);
    }
  }
}

/// "" when every compared row of the batch equals its single run, else what differs.
std::string compare_runs(ov::CompiledModel& batched, ov::CompiledModel& single, int batch, Precision precision) {
  std::vector<std::size_t> seeds(batch);
  for (std::size_t row = 0; row < seeds.size(); ++row) seeds[row] = row + 1;
  ov::InferRequest batched_request = batched.create_infer_request(), single_request = single.create_infer_request();
  fill_inputs(batched_request, batched.inputs(), seeds);
  batched_request.infer();
  const std::vector<std::size_t> rows = rows_to_compare(batch);
  const std::size_t num_outputs = batched.outputs().size();
  std::vector<std::vector<Row>> expected(num_outputs);
  for (std::size_t row : rows) {
    fill_inputs(single_request, single.inputs(), {seeds[row]});
    single_request.infer();
    for (std::size_t output = 0; output < num_outputs; ++output) {
      expected[output].push_back(row_of(single_request.get_output_tensor(output), 0));
    }
  }
  for (std::size_t output = 0; output < num_outputs; ++output) {
    const ov::Tensor tensor = batched_request.get_output_tensor(output);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const Row got = row_of(tensor, rows[i]);
      if (got.size() != expected[output][i].size()) return "outputs of a batch have another size than single ones";
      const double own = distance(got, expected[output][i], tensor.get_element_type());
      if (!(own <= tolerance_of(precision))) {
        return fmt::format("row {} of output {} differs from a single run by {:.3g} of its range", rows[i], output, own);
      }
      // Rows may lie within the tolerance of each other; none may be clearly nearer to another picture's answer.
      for (const Row& other : expected[output]) {
        if (distance(got, other, tensor.get_element_type()) * 4 < own) {
          return fmt::format("row {} of output {} holds another picture's answer", rows[i], output);
        }
      }
    }
  }
  return "";
}

/// "" when every output of the batched model has the batch in front and is otherwise like the single one's.
std::string compare_shapes(const ov::Model& batched, const ov::Model& single, int batch) {
  for (std::size_t i = 0; i < batched.outputs().size(); ++i) {
    const ov::PartialShape got = batched.output(i).get_partial_shape();
    ov::PartialShape expected = single.output(i).get_partial_shape();
    const bool has_batch = expected.rank().is_static() && expected.size() > 0 && expected[0] == ov::Dimension(1);
    if (has_batch) expected[0] = batch;
    if (!has_batch || got != expected) {
      return fmt::format("output {} has shape {} where {} is right: the batch gets mixed into other dimensions", i,
                         got.to_string(), has_batch ? expected.to_string() : "[batch, ...]");
    }
  }
  return "";
}

/// "" when the model, optionally with freed reshapes, computes the pictures of a batch independently.
std::string try_batch(ov::Core& core, const ov::Model& file_model, const CompileOptions& options,
                      const ov::AnyMap& properties, bool free_reshapes) {
  const std::shared_ptr<ov::Model> batched = file_model.clone(), single = file_model.clone();
  try {
    if (free_reshapes && !free_constant_reshapes(*batched)) return "there are no constant reshapes to rewrite";
    set_batch(*single, 1, options.host_output);
    set_batch(*batched, options.batch, options.host_output);
    if (std::string reason = compare_shapes(*batched, *single, options.batch); !reason.empty()) return reason;
    ov::CompiledModel compiled_batch = core.compile_model(batched, "CPU", properties);
    ov::CompiledModel compiled_single = core.compile_model(single, "CPU", properties);
    return compare_runs(compiled_batch, compiled_single, options.batch, options.precision);
  } catch (const ov::Exception& exception) {
    return brief(exception);
  }
}

}  // namespace

BatchVerdict verify_batch(ov::Core& core, const std::shared_ptr<const ov::Model>& file_model, const CompileOptions& options,
                          const ov::AnyMap& properties) {
  const std::int64_t file_batch = batch_in_file(*file_model);
  if (options.batch == 1 && file_batch <= 1) return {};
  if (options.batch == file_batch) return {.batch = options.batch};
  if (file_batch > 1) {
    return {.batch = static_cast<int>(file_batch), .reason = fmt::format("the file fixes a batch of {}", file_batch)};
  }
  const std::string as_it_is = try_batch(core, *file_model, options, properties, false);
  if (as_it_is.empty()) return {.batch = options.batch};
  const std::string freed = try_batch(core, *file_model, options, properties, true);
  if (freed.empty()) return {.batch = options.batch, .free_reshapes = true};
  return {.reason = fmt::format("batch {} is not equal to single runs: {}; with constant reshapes rewritten: {}",
                                options.batch, as_it_is, freed)};
}

}  // namespace smol
