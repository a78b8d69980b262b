#include "server/model/kept_answer.h"

#include <memory>
#include <utility>

#include "google/protobuf/descriptor.h"
#include "heim/v1/channel.pb.h"

namespace heim {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Answers carry at most one message, as a field of their own.
const FieldDescriptor* MessageField(const google::protobuf::Descriptor& type) {
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor* field = type.field(i);
    if (!field->is_repeated() && field->message_type() == v1::Message::descriptor()) return field;
  }
  return nullptr;
}

// The text field of that name; empty when there is none.
std::string TextIn(const Message& message, const char* name) {
  const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name);
  if (field == nullptr || field->is_repeated() ||
      field->cpp_type() != FieldDescriptor::CPPTYPE_STRING) {
    return "";
  }
  return message.GetReflection()->GetString(message, field);
}

}  // namespace

std::string ChannelIdIn(const Message& answer) {
  std::string id = TextIn(answer, "channel_id");
  for (int i = 0; i < answer.GetDescriptor()->field_count() && id.empty(); ++i) {
    const FieldDescriptor* field = answer.GetDescriptor()->field(i);
    if (field->is_repeated() || field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!answer.GetReflection()->HasField(answer, field)) continue;
    const Message& part = answer.GetReflection()->GetMessage(answer, field);
    id = TextIn(part, field->message_type() == v1::Channel::descriptor() ? "id" : "channel_id");
  }
  return id;
}

std::string MessageIdIn(const Message& answer) {
  const FieldDescriptor* field = MessageField(*answer.GetDescriptor());
  if (field == nullptr || !answer.GetReflection()->HasField(answer, field)) return "";
  return static_cast<const v1::Message&>(answer.GetReflection()->GetMessage(answer, field)).id();
}

std::string WithRewritten(std::string_view method, std::string_view answer,
                          absl::FunctionRef<void(v1::Message*)> rewrite) {
  bool carries = false;
  std::string rewritten = WithRewrittenAnswer(method, answer, [&](Message* parsed) {
    const FieldDescriptor* field = MessageField(*parsed->GetDescriptor());
    if (field == nullptr) return;
    carries = true;
    rewrite(static_cast<v1::Message*>(parsed->GetReflection()->MutableMessage(parsed, field)));
  });
  return carries ? std::move(rewritten) : "";
}

std::string WithRewrittenAnswer(std::string_view method, std::string_view answer,
                                absl::FunctionRef<void(Message*)> rewrite) {
  const auto* descriptor =
      google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(std::string(method));
  if (descriptor == nullptr) return "";
  const Message* prototype = google::protobuf::MessageFactory::generated_factory()->GetPrototype(
      descriptor->output_type());
  if (prototype == nullptr) return "";
  const std::unique_ptr<Message> parsed(prototype->New());
  if (!parsed->ParseFromArray(answer.data(), static_cast<int>(answer.size()))) return "";
  rewrite(parsed.get());
  return parsed->SerializeAsString();
}

}  // namespace heim
