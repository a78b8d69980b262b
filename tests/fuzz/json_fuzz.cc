// The JSON codec: what it reads it writes so that it reads the same again.
#include <string>

#include "gateway/json/codec.h"
#include "heim/v1/actor_service.pb.h"
#include "heim/v1/message_service.pb.h"
#include "heim/v1/presence_service.pb.h"
#include "server/model/errors.h"
#include "tests/fuzz/fuzz.h"

namespace heim {
namespace {

template <class Message>
void RoundTrip(std::string_view text, const JsonOptions& options) {
  Message read;
  std::vector<std::string> keys;
  const absl::Status status = ParseJson(text, options, &read, &keys);
  if (!status.ok()) {
    FUZZ_CHECK(ReasonOf(status) != v1::ERROR_REASON_UNSPECIFIED);
    return;
  }
  std::string written;
  AppendJson(read, options.dialect, &written);
  Message again;
  FUZZ_CHECK(ParseJson(written, options, &again).ok());
  std::string once_more;
  AppendJson(again, options.dialect, &once_more);
  FUZZ_CHECK(written == once_more);
  FUZZ_CHECK(read.SerializeAsString().size() == again.SerializeAsString().size());
}

}  // namespace
}  // namespace heim

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text = heim::FuzzText(data + 1, size - 1);
  heim::JsonOptions options;
  options.dialect = (data[0] & 1) != 0 ? heim::Dialect::kCanonical : heim::Dialect::kHeim;
  options.ignore_unknown = (data[0] & 2) != 0;
  heim::RoundTrip<heim::v1::SendMessageRequest>(text, options);
  heim::RoundTrip<heim::v1::UpdateActorRequest>(text, options);
  heim::RoundTrip<heim::v1::BatchGetPresenceRequest>(text, options);
  return 0;
}
