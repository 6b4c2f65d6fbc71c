// What came, compared with what a step of the conformance script expects.
#pragma once

#include "binding.hpp"

namespace spec {

/// What makes a case fail.
struct Mismatch {
  std::string what;
};

/// The keys that any step which asks for something may have besides its own.
const std::vector<std::string>& expectation_keys();

/// Throws a Mismatch.
void expect_answers(const Json& step, const Answers& came);
void expect_failure(const Json& wanted, const Failure& came);
void expect_same(const std::string& what, const Json& wanted, const Json& came);
void expect_part(const std::string& what, const std::string& part, const std::string& whole);
void expect_keys(const Json& object, const std::vector<std::string>& known,
                 const std::string& where);

}  // namespace spec
