#include "server/model/erased_actor.h"

#include <set>
#include <vector>

#include "google/protobuf/descriptor.h"
#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/mentions.h"
#include "server/model/time.h"

namespace heim {
namespace {

using google::protobuf::FieldDescriptor;

constexpr size_t kChanceChars = 16;

// Byte at which the code point with that number begins; the size when there are fewer.
size_t ByteOf(const std::string& text, uint32_t code_point) {
  uint32_t seen = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool begins = (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80;
    if (begins && seen++ == code_point) return i;
  }
  return text.size();
}

void Anonymise(const v1::Actor& erased, v1::ActorRef* ref) {
  ref->set_username(erased.username());
  ref->set_display_name(erased.display_name());
  ref->clear_avatar_url();
}

// Times and revision stay as they were, so that who replays the log finds no gap.
void Anonymise(const v1::Actor& erased, v1::Actor* actor) {
  actor->set_username(erased.username());
  actor->set_display_name(erased.display_name());
  actor->clear_avatar_url();
  actor->clear_status();
  actor->clear_metadata();
  if (actor->has_agent()) *actor->mutable_agent() = erased.agent();
}

// Of the actor itself; false for other messages, whose fields are looked at.
bool RedactWhole(const v1::Actor& erased, google::protobuf::Message* message) {
  if (message->GetDescriptor() == v1::ActorRef::descriptor()) {
    auto* ref = static_cast<v1::ActorRef*>(message);
    if (ref->id() != erased.id()) return false;
    Anonymise(erased, ref);
    return true;
  }
  if (message->GetDescriptor() == v1::Actor::descriptor()) {
    auto* actor = static_cast<v1::Actor*>(message);
    if (actor->id() != erased.id()) return false;
    Anonymise(erased, actor);
    return true;
  }
  return false;
}

// Parts repeat what `content` says, without telling where somebody is called.
void RedactPart(const std::set<std::string>& names, const std::string& instead,
                v1::ContentType type, std::string* text) {
  std::vector<MentionToken> tokens = FindMentions(*text, type);
  for (auto token = tokens.rbegin(); token != tokens.rend(); ++token) {
    if (names.count(token->username) == 0) continue;
    const size_t from = ByteOf(*text, token->start);
    text->replace(from, ByteOf(*text, token->start + token->length) - from, instead);
  }
}

}  // namespace

v1::Actor ErasedActor(const v1::Actor& before, std::string_view chance, absl::Time at) {
  std::string end;
  for (const char c : chance) {
    if (c != '-') end.push_back(c);
  }
  if (end.size() > kChanceChars) end.erase(0, end.size() - kChanceChars);
  v1::Actor actor;
  actor.set_id(before.id());
  actor.set_type(before.type());
  actor.set_username(StrCat("deleted-", end));
  actor.set_display_name(before.has_agent() ? "Deleted agent" : "Deleted user");
  actor.set_presence(v1::PRESENCE_OFFLINE);
  *actor.mutable_created_at() = before.created_at();
  *actor.mutable_updated_at() = ToTimestamp(at);
  *actor.mutable_deleted_at() = ToTimestamp(at);
  actor.set_revision(before.revision());
  // Who owned an agent is not the agent's data: whoever asks for the owner's agents finds it.
  if (before.has_agent()) {
    actor.mutable_agent()->set_activity(v1::AGENT_ACTIVITY_IDLE);
    if (before.agent().has_owner_id()) {
      actor.mutable_agent()->set_owner_id(before.agent().owner_id());
    }
  }
  return actor;
}

bool RedactActor(const v1::Actor& erased, google::protobuf::Message* message) {
  if (RedactWhole(erased, message)) return true;
  const google::protobuf::Reflection& reflection = *message->GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(*message, &fields);
  bool changed = false;
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    // Others' types, such as free data, hold no actors.
    if (field->message_type()->file()->package() != "heim.v1") continue;
    if (!field->is_repeated()) {
      changed = RedactActor(erased, reflection.MutableMessage(message, field)) || changed;
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(*message, field); ++i) {
      changed =
          RedactActor(erased, reflection.MutableRepeatedMessage(message, field, i)) || changed;
    }
  }
  return changed;
}

bool RedactMentions(const v1::Actor& erased, v1::Message* message) {
  const std::string name = StrCat("@", erased.username());
  bool changed = false;
  int64_t shift = 0;  // code points that the text has grown by, before the mention looked at
  std::vector<v1::Mention> kept;
  std::set<std::string> called_by;
  for (v1::Mention mention : message->mentions()) {
    const auto start = static_cast<uint32_t>(mention.start() + shift);
    mention.set_start(start);
    if (mention.type() != v1::MENTION_TYPE_ACTOR || mention.actor_id() != erased.id()) {
      kept.push_back(std::move(mention));
      continue;
    }
    std::string& text = *message->mutable_content();
    const size_t from = ByteOf(text, start);
    const size_t to = ByteOf(text, start + mention.length());
    if (to > from) called_by.insert(AsciiLower(text.substr(from + 1, to - from - 1)));
    text.replace(from, to - from, name);
    shift += static_cast<int64_t>(name.size()) - static_cast<int64_t>(mention.length());
    changed = true;
  }
  if (!changed) return false;
  for (v1::Part& part : *message->mutable_parts()) {
    if (!part.has_text()) continue;
    RedactPart(called_by, name, message->content_type(), part.mutable_text()->mutable_text());
  }
  message->clear_mentions();
  for (v1::Mention& mention : kept) *message->add_mentions() = std::move(mention);
  return true;
}

}  // namespace heim
