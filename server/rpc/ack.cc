#include "server/rpc/ack.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace heim {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

struct Path {
  const FieldDescriptor* to = nullptr;  // of ReplyAck
  std::vector<const FieldDescriptor*> from;
};

absl::StatusOr<Path> Resolve(const std::string& rule, const Descriptor& response) {
  const auto bad = [&rule](const char* why) {
    return absl::InvalidArgumentError(absl::StrCat("has the ack '", rule, "': ", why));
  };
  const std::pair<std::string, std::string> sides = absl::StrSplit(rule, absl::MaxSplits('=', 1));
  Path path;
  path.to = v1::ReplyAck::descriptor()->FindFieldByName(sides.first);
  if (path.to == nullptr) return bad("ReplyAck has no such field");
  const Descriptor* at = &response;
  for (const std::string& name : std::vector<std::string>(absl::StrSplit(sides.second, '.'))) {
    const FieldDescriptor* field = at == nullptr ? nullptr : at->FindFieldByName(name);
    if (field == nullptr || field->is_repeated()) return bad("the response has no such field");
    path.from.push_back(field);
    at = field->message_type();
  }
  if (path.from.back()->cpp_type() != path.to->cpp_type()) return bad("the types differ");
  if (path.to->cpp_type() != FieldDescriptor::CPPTYPE_STRING &&
      path.to->cpp_type() != FieldDescriptor::CPPTYPE_UINT32) {
    return bad("only text and uint32 can be named");
  }
  return path;
}

void Copy(const Path& path, const Message& response, v1::ReplyAck* ack) {
  const Message* at = &response;
  for (size_t i = 0; i + 1 < path.from.size(); ++i) {
    if (!at->GetReflection()->HasField(*at, path.from[i])) return;
    at = &at->GetReflection()->GetMessage(*at, path.from[i]);
  }
  const FieldDescriptor* last = path.from.back();
  if (path.to->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    const std::string text = at->GetReflection()->GetString(*at, last);
    if (!text.empty()) ack->GetReflection()->SetString(ack, path.to, text);
  } else {
    const uint32_t number = at->GetReflection()->GetUInt32(*at, last);
    ack->GetReflection()->SetUInt32(ack, path.to, number);
  }
}

}  // namespace

absl::Status CheckAckPaths(const v1::MethodPolicy& policy, const Descriptor& response) {
  for (const std::string& rule : policy.ack()) {
    const auto path = Resolve(rule, response);
    if (!path.ok()) return path.status();
  }
  return absl::OkStatus();
}

v1::ReplyAck MakeAck(const v1::MethodPolicy& policy, const Message& response) {
  v1::ReplyAck ack;
  ack.set_ok(true);
  for (const std::string& rule : policy.ack()) {
    const auto path = Resolve(rule, *response.GetDescriptor());
    if (path.ok()) Copy(*path, response, &ack);
  }
  return ack;
}

}  // namespace heim
