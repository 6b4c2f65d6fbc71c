// The file of questions, as bytes: see runtime/warm_start.hpp.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "session/question.hpp"

namespace heim::session {

std::string write_questions(const std::vector<Question>& questions);
/// An error: these are not such bytes, or not all of them, or others.
Result<std::vector<Question>> read_questions(std::string_view bytes);

}  // namespace heim::session
