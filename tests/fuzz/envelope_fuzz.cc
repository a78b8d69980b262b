// Frames of a WebSocket client, and the rules of the request in them.
#include "gateway/json/codec.h"
#include "gateway/json/envelope.h"
#include "server/model/errors.h"
#include "server/model/validate.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const heim::ParsedCommand command = heim::ParseCommand(heim::FuzzText(data, size));
  if (!command.status.ok()) {
    FUZZ_CHECK(heim::ReasonOf(command.status) != heim::v1::ERROR_REASON_UNSPECIFIED);
    return 0;
  }
  FUZZ_CHECK(command.request.command_case() != heim::v1::SessionRequest::COMMAND_NOT_SET);
  const absl::Status valid = heim::Validate(command.request);
  FUZZ_CHECK(valid.ok() || heim::ReasonOf(valid) != heim::v1::ERROR_REASON_UNSPECIFIED);
  FUZZ_CHECK(!heim::ToJson(command.request).empty());
  return 0;
}
