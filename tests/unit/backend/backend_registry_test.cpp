#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backend/reference/reference_backend.h"
#include "smol/backend.h"

namespace smol {
namespace {

using ::testing::HasSubstr;

TEST(BackendRegistry, RefusesASecondBackendOfTheSameName) {
  BackendRegistry registry;
  ASSERT_TRUE(registry.add(create_reference_backend()).ok());
  const Status second = registry.add(create_reference_backend());
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(registry.backends().size(), 1U);
}

TEST(BackendRegistry, SaysWhatThereIsWhenANameIsUnknown) {
  BackendRegistry registry;
  ASSERT_TRUE(registry.add(create_reference_backend()).ok());
  const auto found = registry.find("cuda");
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(found.error().message, HasSubstr("reference"));
  EXPECT_TRUE(registry.find("reference").ok());
}

TEST(BackendRegistry, GivesReasonAndRemedyForWhatIsUnavailable) {
  BackendRegistry registry;
  registry.add_unavailable({"openvino", "its library is missing", "install it"});
  const auto found = registry.find("openvino");
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code, ErrorCode::kNotBuilt);
  EXPECT_THAT(found.error().message, HasSubstr("its library is missing"));
  EXPECT_THAT(found.error().message, HasSubstr("install it"));
}

TEST(BuiltInBackends, ListEveryBackendAsAvailableOrNot) {
  const BackendRegistry registry = built_in_backends();
  EXPECT_TRUE(registry.find("reference").ok());
  const auto simulated = registry.find("simulated");
  ASSERT_TRUE(simulated.ok());
  EXPECT_TRUE((*simulated)->capabilities().simulated);
  EXPECT_THAT((*simulated)->description(), HasSubstr("simulated"));
  const auto openvino = registry.find("openvino");
  if (!openvino.ok()) {
    EXPECT_EQ(openvino.error().code, ErrorCode::kNotBuilt);
    EXPECT_THAT(openvino.error().message, HasSubstr("Remedy"));
  }
}

TEST(Precision, NamesParseBack) {
  for (Precision precision : {Precision::kF32, Precision::kBF16, Precision::kF16, Precision::kAsStored}) {
    EXPECT_EQ(parse_precision(name_of(precision)).value(), precision);
  }
  EXPECT_THAT(parse_precision("fp64").error().message, HasSubstr("as_stored"));
}

}  // namespace
}  // namespace smol
