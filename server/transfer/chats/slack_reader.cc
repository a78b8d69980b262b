#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/archive/json_elements.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/errors.h"
#include "server/transfer/chats/archive_files.h"
#include "server/transfer/chats/chat_archives.h"
#include "server/transfer/chats/chat_names.h"
#include "server/transfer/chats/problem_book.h"
#include "server/transfer/chats/slack_day.h"
#include "server/transfer/chats/slack_directory.h"
#include "server/transfer/chats/slack_messages.h"

namespace heim {
namespace {

using google::protobuf::Value;

constexpr size_t kTopicMax = 250;
constexpr size_t kPurposeMax = 1000;
constexpr size_t kGroupDmMax = 9;
constexpr std::array<std::string_view, 3> kUserFiles = {"users.json", "org_users.json",
                                                        "channels.json"};
constexpr std::array<std::string_view, 7> kLeftOut = {
    "integration_logs.json",   "canvases.json",      "lists.json",
    "huddle_transcripts.json", "content_flags.json", "file_conversations.json",
    "user_groups.json"};
constexpr std::array<std::string_view, 5> kPictures = {".png", ".gif", ".jpg", ".jpeg", ".webp"};

struct ChannelList {
  const char* file;
  v1::ChannelType type;
};
constexpr std::array<ChannelList, 4> kLists = {{{"channels.json", v1::CHANNEL_TYPE_PUBLIC},
                                                {"groups.json", v1::CHANNEL_TYPE_PRIVATE},
                                                {"mpims.json", v1::CHANNEL_TYPE_GROUP_DM},
                                                {"dms.json", v1::CHANNEL_TYPE_DM}}};

bool IsDirect(v1::ChannelType type) {
  return type == v1::CHANNEL_TYPE_DM || type == v1::CHANNEL_TYPE_GROUP_DM;
}

class SlackSource : public RecordSource {
 public:
  SlackSource(std::unique_ptr<ArchiveFiles> files, ChatArchiveOptions options,
              std::unique_ptr<ProblemBook> problems)
      : options_(std::move(options)),
        files_(std::move(files)),
        problems_(std::move(problems)),
        messages_(options_, &directory_, files_.get(), problems_.get()) {}

  absl::StatusOr<std::optional<v1::ExportRecord>> Next() override {
    while (ready_.empty()) {
      if (phase_ == Phase::kEnd) return std::nullopt;
      HEIM_RETURN_IF_ERROR(Advance());
      if (directory_.full()) return InvalidArchive(place_, "too many people or channels");
    }
    v1::ExportRecord record = std::move(ready_.front());
    ready_.pop_front();
    return record;
  }

  std::string Place() const override { return place_; }
  std::vector<SourceProblem> TakeProblems() override { return problems_->Take(); }

  absl::StatusOr<std::unique_ptr<FileStream>> OpenFile(std::string_view path) override {
    return files_->OpenFile(path);
  }

 private:
  enum class Phase { kHeader, kUsers, kEmoji, kChannels, kMessages, kEnd };

  absl::Status Advance() {
    switch (phase_) {
      case Phase::kHeader:
        return Header();
      case Phase::kUsers:
        return NextUser();
      case Phase::kEmoji:
        return Emoji();
      case Phase::kChannels:
        return NextChannel();
      default:
        return NextMessage();
    }
  }

  absl::StatusOr<std::unique_ptr<JsonElements>> Elements(const std::string& path) {
    place_ = path;
    HEIM_ASSIGN_OR_RETURN(std::unique_ptr<ByteStream> stream, files_->Read(path));
    return std::make_unique<JsonElements>(std::move(stream), kSlackRecordMaxBytes);
  }

  // The next object of a list; nullopt at its end. What is too long or no JSON is a problem and
  // passed over; what is no list at all ends the import.
  enum class Tell { kYes, kNo };
  absl::StatusOr<std::optional<Value>> NextObject(JsonElements* elements, const std::string& path,
                                                  Tell tell = Tell::kYes) {
    std::string text;
    while (true) {
      const absl::StatusOr<bool> more = elements->Next(&text);
      place_ = StrCat(path, ":", elements->count());
      if (!more.ok() && more.status().code() != absl::StatusCode::kResourceExhausted) {
        return AsInvalidArchive(more.status(), path);
      }
      if (more.ok() && !*more) return std::nullopt;
      absl::StatusOr<Value> value = more.ok() ? ParseJsonValue(text) : more.status();
      if (value.ok() && value->has_struct_value()) return *std::move(value);
      if (tell == Tell::kNo) continue;
      problems_->Note("An entry cannot be read and is left out", place_,
                      value.ok() ? "no object" : ToStd(value.status().message()));
    }
  }

  absl::Status Header() {
    for (const std::string_view path : kUserFiles) {
      if (users_file_.empty() && path != "channels.json" && files_->Has(path)) users_file_ = path;
    }
    std::string team = "unknown";
    if (!users_file_.empty()) {
      HEIM_ASSIGN_OR_RETURN(elements_, Elements(users_file_));
      HEIM_ASSIGN_OR_RETURN(std::optional<Value> first, NextObject(elements_.get(), users_file_));
      if (first.has_value() && IsSlackId(TextOf(ObjectOf(*first), "team_id"))) {
        team = TextOf(ObjectOf(*first), "team_id");
      }
      HEIM_ASSIGN_OR_RETURN(elements_, Elements(users_file_));
    } else {
      problems_->Note("The archive says nothing of its users", "users.json");
    }
    HEIM_RETURN_IF_ERROR(NameChannels());
    v1::ExportHeader* header = ready_.emplace_back().mutable_header();
    place_ = "archive";
    header->set_format(1);
    header->set_product("slack");
    header->set_source_id(team);
    header->set_source_name(StrCat("Slack ", team));
    header->set_scope(v1::EXPORT_SCOPE_WORKSPACE);
    phase_ = Phase::kUsers;
    return absl::OkStatus();
  }

  // Texts name channels by id, also those that come later.
  absl::Status NameChannels() {
    bool any = false;
    for (const ChannelList& list : kLists) {
      if (!files_->Has(list.file)) continue;
      any = true;
      if (IsDirect(list.type)) continue;
      HEIM_ASSIGN_OR_RETURN(std::unique_ptr<JsonElements> elements, Elements(list.file));
      while (true) {
        HEIM_ASSIGN_OR_RETURN(std::optional<Value> value,
                              NextObject(elements.get(), list.file, Tell::kNo));
        if (!value.has_value()) break;
        const JsonObject& channel = ObjectOf(*value);
        const std::string& id = TextOf(channel, "id");
        const std::string& name = TextOf(channel, "name");
        if (!directory_.AddChannel(id, name)) continue;
        if (const std::string ours = directory_.ChannelNameOf(id); ours != name) {
          problems_->Note("A channel gets another name", place_,
                          StrCat(PlainName(name, kTopicMax), " becomes ", ours));
        }
        if (directory_.full()) return InvalidArchive(place_, "too many channels");
      }
    }
    return any ? absl::OkStatus()
               : InvalidArchive("", "it holds no list of channels (channels.json)");
  }

  absl::Status NextUser() {
    std::optional<Value> value;
    if (elements_ != nullptr) {
      HEIM_ASSIGN_OR_RETURN(value, NextObject(elements_.get(), users_file_));
    }
    if (!value.has_value()) {
      elements_.reset();
      phase_ = Phase::kEmoji;
      return absl::OkStatus();
    }
    const JsonObject& user = ObjectOf(*value);
    std::optional<v1::ExportRecord> record = directory_.AddUser(user);
    if (!record.has_value()) {
      problems_->Note("A user without an id, or there twice, is left out", place_);
      return absl::OkStatus();
    }
    const std::string& id = record->actor().actor().id();
    const std::string picture = StrCat("__avatars/", id, "/");
    if (!files_->Resolve(picture).empty()) record->mutable_actor()->set_picture_path(picture);
    ready_.push_back(*std::move(record));
    return absl::OkStatus();
  }

  // Pictures that tools put beside Slack's own files.
  absl::Status Emoji() {
    constexpr std::string_view kFolder = "emojis/";
    UniqueNames names(32);
    for (const ZipEntry& entry : files_->Under(kFolder)) {
      const std::string_view path = files_->PathOf(entry);
      const std::string_view file = path.substr(kFolder.size());
      const size_t dot = file.rfind('.');
      if (dot == std::string_view::npos ||
          std::find(kPictures.begin(), kPictures.end(), AsciiLower(file.substr(dot))) ==
              kPictures.end()) {
        continue;
      }
      place_ = std::string(path);
      const std::string name = CustomEmojiLike(file.substr(0, dot));
      if (name.empty() || names.Take(name) != name || path.size() > 255) {
        problems_->Note("A custom emoji cannot have its name here and is left out", place_);
        continue;
      }
      v1::ExportEmoji* record = ready_.emplace_back().mutable_emoji();
      record->mutable_emoji()->set_id(name);
      record->mutable_emoji()->set_name(name);
      record->set_picture_path(std::string(path));
    }
    phase_ = Phase::kChannels;
    return absl::OkStatus();
  }

  absl::Status NextChannel() {
    if (list_ == kLists.size()) return End();
    const ChannelList& list = kLists[list_];
    std::optional<Value> value;
    if (elements_ == nullptr && files_->Has(list.file)) {
      HEIM_ASSIGN_OR_RETURN(elements_, Elements(list.file));
    }
    if (elements_ != nullptr) {
      HEIM_ASSIGN_OR_RETURN(value, NextObject(elements_.get(), list.file));
    }
    if (!value.has_value()) {
      elements_.reset();
      ++list_;
      return absl::OkStatus();
    }
    channel_ = ObjectOf(*value);
    const std::string& id = TextOf(channel_, "id");
    if (!IsSlackId(id) || !channels_.insert(id).second) {
      problems_->Note("A channel without an id, or there twice, is left out", place_);
      return absl::OkStatus();
    }
    return BeginChannel(id, list.type);
  }

  absl::Status BeginChannel(const std::string& id, v1::ChannelType type) {
    std::vector<std::string> members;
    for (const Value& member : ListOf(channel_, "members").values()) {
      if (IsSlackId(member.string_value()) &&
          std::find(members.begin(), members.end(), member.string_value()) == members.end()) {
        members.push_back(member.string_value());
      }
    }
    if (IsDirect(type)) {
      if (members.empty() || members.size() > kGroupDmMax) {
        problems_->Note("A conversation of nobody, or of more than 9, is left out", place_);
        return absl::OkStatus();
      }
      type = members.size() > 2 ? v1::CHANNEL_TYPE_GROUP_DM : v1::CHANNEL_TYPE_DM;
      for (const std::string& member : members) messages_.AddStranger(member, {}, &ready_);
    }
    AddChannelRecord(id, type, members);
    AddMembers(id, type, members);
    folder_ = type == v1::CHANNEL_TYPE_DM ? id : TextOf(channel_, "name");
    if (folder_.empty() || files_->Under(StrCat(folder_, "/")).empty()) folder_ = id;
    messages_.BeginChannel(id, folder_);
    days_.clear();
    for (const ZipEntry& entry : files_->Under(StrCat(folder_, "/"))) {
      const std::string_view name = files_->PathOf(entry).substr(folder_.size() + 1);
      if (IsSlackDayFile(name)) {
        days_.push_back(&entry);
      } else if (EndsWith(name, ".json") && name.find('/') == std::string_view::npos) {
        problems_->Count("Files of channels that hold no messages are left out");
      }
    }
    day_ = 0;
    phase_ = Phase::kMessages;
    return absl::OkStatus();
  }

  void AddChannelRecord(const std::string& id, v1::ChannelType type,
                        const std::vector<std::string>& members) {
    v1::ExportChannel* record = ready_.emplace_back().mutable_channel();
    v1::Channel* channel = record->mutable_channel();
    channel->set_id(id);
    channel->set_type(type);
    channel->set_topic(Clipped(PlainText(TextOf(ObjectOf(channel_, "topic"), "value")), kTopicMax));
    channel->set_purpose(
        Clipped(PlainText(TextOf(ObjectOf(channel_, "purpose"), "value")), kPurposeMax));
    channel->set_archived(FlagOf(channel_, "is_archived"));
    const auto created = SlackTime(StrCat(WholeOf(channel_, "created").value_or(0)));
    if (created.has_value()) *channel->mutable_created_at() = TimestampOfMicros(*created);
    if (directory_.Knows(TextOf(channel_, "creator"))) {
      channel->set_created_by(TextOf(channel_, "creator"));
    }
    if (IsDirect(type)) {
      *record->mutable_direct_member_ids() = {members.begin(), members.end()};
    } else {
      channel->set_name(directory_.ChannelNameOf(id));
    }
  }

  std::string PlainText(const std::string& mrkdwn) const {
    return StripUnsafeControls(MarkdownFromMrkdwn(mrkdwn, directory_));
  }

  void AddMembers(const std::string& id, v1::ChannelType type,
                  const std::vector<std::string>& members) {
    for (const std::string& actor : members) {
      if (!directory_.IsMember(actor)) {
        problems_->Count("Members of channels are left out: they are not users any more");
        continue;
      }
      v1::Member* member = ready_.emplace_back().mutable_member();
      member->set_channel_id(id);
      member->mutable_actor()->set_id(actor);
      const bool owns = !IsDirect(type) && actor == TextOf(channel_, "creator");
      member->set_role(owns ? v1::CHANNEL_ROLE_OWNER : v1::CHANNEL_ROLE_MEMBER);
      const auto created = SlackTime(StrCat(WholeOf(channel_, "created").value_or(0)));
      if (created.has_value()) *member->mutable_joined_at() = TimestampOfMicros(*created);
    }
  }

  absl::Status NextMessage() {
    if (message_ < day_messages_.size()) {
      SlackDayMessage& next = day_messages_[message_++];
      place_ = StrCat(day_path_, ":", next.number);
      HEIM_ASSIGN_OR_RETURN(const Value value, ParseJsonValue(next.text));
      messages_.Add(ObjectOf(value), next.micros, place_, &ready_);
      next.text = std::string();
      return absl::OkStatus();
    }
    if (day_ < days_.size()) {
      day_path_ = std::string(files_->PathOf(*days_[day_++]));
      message_ = 0;
      HEIM_ASSIGN_OR_RETURN(day_messages_, ReadSlackDay(*files_, day_path_, problems_.get()));
      return absl::OkStatus();
    }
    day_messages_.clear();
    message_ = 0;
    messages_.EndChannel(channel_, &ready_);
    phase_ = Phase::kChannels;
    return absl::OkStatus();
  }

  absl::Status End() {
    place_ = "archive";
    for (const std::string_view path : kLeftOut) {
      if (files_->Has(path)) problems_->Note("A file is not taken over", path);
    }
    problems_->Close();
    phase_ = Phase::kEnd;
    return absl::OkStatus();
  }

  const ChatArchiveOptions options_;
  const std::unique_ptr<ArchiveFiles> files_;
  const std::unique_ptr<ProblemBook> problems_;
  SlackDirectory directory_;
  SlackMessages messages_;

  Phase phase_ = Phase::kHeader;
  std::string place_ = "archive";
  std::deque<v1::ExportRecord> ready_;
  std::string users_file_;
  std::unique_ptr<JsonElements> elements_;  // of users, then of a list of channels
  size_t list_ = 0;
  absl::flat_hash_set<std::string> channels_;
  JsonObject channel_;
  std::string folder_;
  std::vector<const ZipEntry*> days_;
  size_t day_ = 0;
  std::string day_path_;
  std::vector<SlackDayMessage> day_messages_;
  size_t message_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RecordSource>> OpenSlackArchive(ByteSource& archive,
                                                               const ChatArchiveOptions& options) {
  auto problems = std::make_unique<ProblemBook>();
  HEIM_ASSIGN_OR_RETURN(std::unique_ptr<ArchiveFiles> files,
                        ArchiveFiles::Open(archive, kUserFiles, problems.get()));
  return std::make_unique<SlackSource>(std::move(files), options, std::move(problems));
}

}  // namespace heim
