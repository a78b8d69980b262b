// Requests in protobuf's own encoding: the rules of the contract judge whatever parses.
#include "heim/v1/channel_service.pb.h"
#include "heim/v1/message_service.pb.h"
#include "heim/v1/stream_service.pb.h"
#include "server/model/emoji.h"
#include "server/model/errors.h"
#include "server/model/validate.h"
#include "tests/fuzz/fuzz.h"

namespace heim {
namespace {

template <class Message>
void Judge(std::string_view bytes) {
  Message request;
  if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  const absl::Status valid = Validate(request);
  FUZZ_CHECK(valid.ok() || ReasonOf(valid) != v1::ERROR_REASON_UNSPECIFIED);
}

}  // namespace
}  // namespace heim

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes = heim::FuzzText(data, size);
  heim::Judge<heim::v1::SendMessageRequest>(bytes);
  heim::Judge<heim::v1::UpdateMessageRequest>(bytes);
  heim::Judge<heim::v1::CreateChannelRequest>(bytes);
  heim::Judge<heim::v1::AppendStreamRequest>(bytes);
  const auto emoji = heim::NormalizeEmoji(bytes);
  if (emoji.ok()) {
    const auto again = heim::NormalizeEmoji(*emoji);
    FUZZ_CHECK(again.ok() && *again == *emoji);
  }
  return 0;
}
