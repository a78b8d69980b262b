#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/archive/json_elements.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/transfer/chats/archive_files.h"
#include "server/transfer/chats/chat_archives.h"
#include "server/transfer/chats/mattermost_directory.h"
#include "server/transfer/chats/mattermost_posts.h"
#include "server/transfer/chats/post_spool.h"
#include "server/transfer/chats/problem_book.h"

namespace heim {
namespace {

using google::protobuf::Value;

// A post with all of its replies.
constexpr size_t kLineMaxBytes = size_t{16} << 20;
constexpr size_t kTeamsMax = 10'000;
constexpr std::array<std::string_view, 2> kMarkers = {"import.jsonl", ".jsonl"};

// An archive that is the lines alone.
class PlainStream : public ByteStream {
 public:
  explicit PlainStream(ByteSource* source) : source_(source) {}
  absl::StatusOr<size_t> Read(char* out, size_t n) override {
    HEIM_ASSIGN_OR_RETURN(const std::string bytes, source_->Read(at_, n));
    at_ += bytes.size();
    std::copy(bytes.begin(), bytes.end(), out);
    return bytes.size();
  }

 private:
  ByteSource* const source_;
  uint64_t at_ = 0;
};

class MattermostSource : public RecordSource {
 public:
  MattermostSource(std::unique_ptr<ArchiveFiles> files, std::unique_ptr<ByteStream> lines,
                   std::string path, std::unique_ptr<PostSpool> spool, ChatArchiveOptions options,
                   std::unique_ptr<ProblemBook> problems)
      : options_(std::move(options)),
        problems_(std::move(problems)),
        files_(std::move(files)),
        path_(std::move(path)),
        lines_(std::move(lines), kLineMaxBytes),
        spool_(std::move(spool)),
        directory_(files_.get(), problems_.get()),
        posts_(&directory_, problems_.get()) {}

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
    if (files_ == nullptr) return InvalidArchive(path, "there is no such file");
    return files_->OpenFile(path);
  }

 private:
  enum class Phase { kVersion, kTeams, kLines, kPosts, kEnd };

  absl::Status Advance() {
    if (phase_ == Phase::kPosts) return NextPost();
    HEIM_ASSIGN_OR_RETURN(std::optional<Value> line, NextLine());
    if (phase_ == Phase::kVersion) {
      if (!line.has_value() || TextOf(ObjectOf(*line), "type") != "version") {
        return InvalidArchive(path_, "it does not begin with a version");
      }
      if (WholeOf(ObjectOf(*line), "version") != 1) {
        return InvalidArchive(place_, "only version 1 can be read");
      }
      phase_ = Phase::kTeams;
      return absl::OkStatus();
    }
    if (phase_ == Phase::kTeams) {
      const std::string type = line.has_value() ? TextOf(ObjectOf(*line), "type") : "post";
      if (type == "team") return AddTeam(ObjectOf(*line, "team"));
      constexpr std::array<std::string_view, 6> kBehindTeams = {
          "channel", "user", "bot", "post", "direct_channel", "direct_post"};
      if (std::find(kBehindTeams.begin(), kBehindTeams.end(), type) != kBehindTeams.end()) {
        HEIM_RETURN_IF_ERROR(ChooseTeam());
        phase_ = Phase::kLines;
      }
    }
    if (line.has_value()) return Line(ObjectOf(*line));
    spool_->Sort();
    phase_ = Phase::kPosts;
    return absl::OkStatus();
  }

  static const JsonObject& ObjectOf(const Value& value) { return heim::ObjectOf(value); }
  static const JsonObject& ObjectOf(const Value& value, const char* key) {
    return heim::ObjectOf(heim::ObjectOf(value), key);
  }

  // Nullopt behind the last one. What is no JSON is a problem and passed over, but for the first.
  absl::StatusOr<std::optional<Value>> NextLine() {
    std::string text;
    while (true) {
      const absl::StatusOr<bool> more = lines_.Next(&text);
      place_ = StrCat(path_, ":", lines_.number());
      if (!more.ok() && more.status().code() != absl::StatusCode::kResourceExhausted) {
        return AsInvalidArchive(more.status(), path_);
      }
      if (more.ok() && !*more) return std::nullopt;
      absl::StatusOr<Value> value = more.ok() ? ParseJsonValue(text) : more.status();
      if (value.ok() && value->has_struct_value()) return *std::move(value);
      const std::string_view why = value.ok() ? "no object" : ToStd(value.status().message());
      if (phase_ == Phase::kVersion) return InvalidArchive(place_, why);
      problems_->Note("A line cannot be read and is left out", place_, why);
    }
  }

  absl::Status AddTeam(const JsonObject& team) {
    const std::string& name = TextOf(team, "name");
    if (name.empty() || name.size() > 64 || teams_.size() == kTeamsMax) {
      return InvalidArchive(place_, "a team without a name, or too many of them");
    }
    teams_.emplace_back(name, PlainName(TextOf(team, "display_name"), 200));
    return absl::OkStatus();
  }

  absl::Status ChooseTeam() {
    const std::pair<std::string, std::string>* chosen = nullptr;
    std::string names;
    for (const auto& team : teams_) {
      if (team.first == options_.team || (options_.team.empty() && teams_.size() == 1)) {
        chosen = &team;
      }
      if (names.size() < 500) StrAppend(&names, names.empty() ? "" : ", ", team.first);
    }
    if (chosen == nullptr) {
      return InvalidArchive(path_, options_.team.empty() && teams_.size() > 1
                                       ? StrCat("say which of its teams is meant: ", names)
                                       : StrCat("it has no such team, but: ", names));
    }
    directory_.SetTeam(chosen->first);
    team_ = chosen->first;
    v1::ExportRecord record;
    v1::ExportHeader* header = record.mutable_header();
    header->set_format(1);
    header->set_product("mattermost");
    header->set_source_id(chosen->first);
    header->set_source_name(chosen->second.empty() ? chosen->first : chosen->second);
    header->set_scope(v1::EXPORT_SCOPE_WORKSPACE);
    // Emoji that came before the teams come behind it.
    ready_.push_front(std::move(record));
    for (v1::ExportRecord& early : early_) ready_.push_back(std::move(early));
    early_.clear();
    if (teams_.size() > 1) {
      problems_->Count("Other teams of the archive are left out", teams_.size() - 1);
    }
    return absl::OkStatus();
  }

  absl::Status Line(const JsonObject& line) {
    const std::string& type = TextOf(line, "type");
    const JsonObject& body = heim::ObjectOf(line, type);
    if (type == "emoji") {
      AddEmoji(body);
    } else if (type == "channel") {
      directory_.AddChannel(body, place_, &ready_);
    } else if (type == "user") {
      directory_.AddUser(body, place_, &ready_);
    } else if (type == "bot") {
      directory_.AddBot(body, place_, &ready_);
    } else if (type == "direct_channel") {
      const auto& members = ListOf(body, "members").values().empty() ? ListOf(body, "participants")
                                                                     : ListOf(body, "members");
      if (!directory_.Direct(members, TextOf(body, "header"), &ready_).has_value()) {
        problems_->Note("A conversation of nobody, or of more than 9, is left out", place_);
      }
    } else if (type == "post") {
      return Post(body);
    } else if (type == "direct_post") {
      const auto channel = directory_.Direct(ListOf(body, "channel_members"), "", &ready_);
      if (channel.has_value()) return Spool(*channel, body);
      problems_->Note("A message of nobody's conversation is left out", place_);
    } else if (type != "info") {
      problems_->Count(StrCat("Lines of other kinds are left out: ", PlainName(type, 40)));
    }
    return absl::OkStatus();
  }

  void AddEmoji(const JsonObject& emoji) {
    const std::string name = CustomEmojiLike(TextOf(emoji, "name"));
    const std::string path = directory_.PathOf(TextOf(emoji, "image"));
    if (name.empty() || path.empty() || !emoji_.insert(name).second) {
      problems_->Note("A custom emoji is left out: no picture, or no name that it can have here",
                      place_);
      return;
    }
    v1::ExportRecord record;
    record.mutable_emoji()->mutable_emoji()->set_id(name);
    record.mutable_emoji()->mutable_emoji()->set_name(name);
    record.mutable_emoji()->set_picture_path(path);
    (phase_ == Phase::kLines ? ready_ : early_).push_back(std::move(record));
  }

  absl::Status Post(const JsonObject& post) {
    if (TextOf(post, "team") != team_) return absl::OkStatus();
    if (const auto channel = directory_.ChannelNumber(TextOf(post, "channel"))) {
      return Spool(*channel, post);
    }
    problems_->Note("A message of a channel that is not in the archive is left out", place_);
    return absl::OkStatus();
  }

  // Puts a post and its replies, each by itself, where they wait for their turn.
  absl::Status Spool(uint32_t channel, const JsonObject& post) {
    const std::optional<int64_t> at = TimeOf(post);
    if (!at.has_value()) return absl::OkStatus();
    const auto& replies = ListOf(post, "replies").values();
    if (!posts_.IsWanted(post, !replies.empty())) return absl::OkStatus();
    JsonObject root = post;
    auto& fields = *root.mutable_fields();
    fields.erase("replies");
    for (const char* key : {"flagged_by", "thread_followers"}) {
      if (fields.erase(key) != 0) {
        problems_->Count(StrCat("What belongs to single readers is left out: ", key));
      }
    }
    const std::string id = PostId(directory_.ChannelId(channel), post, *at);
    fields[kPostRoot].set_string_value("");
    fields[kPostReplied].set_bool_value(!replies.empty());
    HEIM_RETURN_IF_ERROR(Keep(channel, *at, id, &root));
    for (const Value& item : replies) {
      JsonObject reply = ObjectOf(item);
      const std::optional<int64_t> time = TimeOf(reply);
      if (!time.has_value() || !posts_.IsWanted(reply, false)) continue;
      (*reply.mutable_fields())[kPostRoot].set_string_value(id);
      (*reply.mutable_fields())[kPostReplied].set_bool_value(false);
      const std::string reply_id = PostId(directory_.ChannelId(channel), reply, *time);
      // No reply comes before its root.
      HEIM_RETURN_IF_ERROR(Keep(channel, std::max(*time, *at), reply_id, &reply));
    }
    return absl::OkStatus();
  }

  absl::Status Keep(uint32_t channel, int64_t time_ms, const std::string& id, JsonObject* post) {
    (*post->mutable_fields())[kPostId].set_string_value(id);
    (*post->mutable_fields())[kPostPlace].set_string_value(place_);
    return spool_->Add(channel, time_ms, *post);
  }

  std::optional<int64_t> TimeOf(const JsonObject& post) {
    const std::optional<int64_t> at = PostTime(post, "create_at");
    if (!at.has_value()) {
      problems_->Note("A message without a time is left out", place_);
    } else if (absl::FromUnixMillis(*at) > options_.latest) {
      problems_->Note("A message from the future is left out", place_);
      return std::nullopt;
    }
    return at;
  }

  absl::Status NextPost() {
    HEIM_ASSIGN_OR_RETURN(std::optional<PostSpool::Post> post, spool_->Next());
    if (!post.has_value()) {
      place_ = "archive";
      problems_->Close();
      phase_ = Phase::kEnd;
      return absl::OkStatus();
    }
    if (channel_ != post->channel) {
      channel_ = post->channel;
      posts_.BeginChannel(directory_.ChannelId(post->channel));
    }
    place_ = TextOf(post->post, kPostPlace);
    posts_.Add(post->post, post->time_ms, &ready_);
    return absl::OkStatus();
  }

  const ChatArchiveOptions options_;
  const std::unique_ptr<ProblemBook> problems_;
  const std::unique_ptr<ArchiveFiles> files_;
  const std::string path_;
  JsonLines lines_;
  const std::unique_ptr<PostSpool> spool_;
  MattermostDirectory directory_;
  MattermostPosts posts_;

  Phase phase_ = Phase::kVersion;
  std::string place_ = "archive";
  std::deque<v1::ExportRecord> ready_;
  std::deque<v1::ExportRecord> early_;
  std::vector<std::pair<std::string, std::string>> teams_;  // name, name for people
  std::string team_;
  std::set<std::string> emoji_;
  std::optional<uint32_t> channel_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RecordSource>> OpenMattermostArchive(
    ByteSource& archive, const ChatArchiveOptions& options) {
  auto problems = std::make_unique<ProblemBook>();
  HEIM_ASSIGN_OR_RETURN(const std::string beginning, archive.Read(0, 2));
  std::unique_ptr<ArchiveFiles> files;
  std::unique_ptr<ByteStream> lines;
  std::string path = "line";
  if (beginning == "PK") {
    HEIM_ASSIGN_OR_RETURN(files, ArchiveFiles::Open(archive, kMarkers, problems.get()));
    for (const ZipEntry& entry : files->Under("")) {
      const std::string_view name = files->PathOf(entry);
      const bool lines_file = EndsWith(name, ".jsonl") && name.find('/') == std::string_view::npos;
      if (lines_file && (path == "line" || name == kMarkers[0])) path = std::string(name);
    }
    HEIM_ASSIGN_OR_RETURN(lines, files->Read(path));
  } else {
    lines = std::make_unique<PlainStream>(&archive);
  }
  HEIM_ASSIGN_OR_RETURN(std::unique_ptr<PostSpool> spool,
                        PostSpool::Create(options.spool_directory));
  return std::make_unique<MattermostSource>(std::move(files), std::move(lines), std::move(path),
                                            std::move(spool), options, std::move(problems));
}

}  // namespace heim
