// Records of other chats' archives: whatever the input says, they refer only to what came before
// them, and the same input gives the same records. The first line of an input says what it is:
// "mattermost" and its lines, or "slack" and a file each, begun by a line "== name".
#include <set>
#include <string>
#include <vector>

#include "server/base/strings.h"
#include "server/model/emoji.h"
#include "server/model/limits.h"
#include "server/model/validate.h"
#include "server/transfer/chats/chat_fixture.h"
#include "tests/fuzz/fuzz.h"

namespace heim {
namespace {

constexpr std::string_view kSlack = "slack\n";
constexpr std::string_view kMattermost = "mattermost\n";
constexpr std::string_view kFile = "== ";

std::vector<ZipPart> FilesOf(std::string_view text) {
  std::vector<ZipPart> files;
  while (StartsWith(text, kFile)) {
    const size_t name_end = std::min(text.find('\n'), text.size());
    ZipPart& file = files.emplace_back();
    file.name = std::string(text.substr(kFile.size(), name_end - kFile.size()));
    text.remove_prefix(std::min(name_end + 1, text.size()));
    const size_t next = text.find("\n== ");
    file.bytes = std::string(text.substr(0, next));
    text.remove_prefix(next == std::string_view::npos ? text.size() : next + 1);
  }
  return files;
}

// What the border between archives and imports promises (record_source.h, export.proto).
class Law {
 public:
  void Check(const v1::ExportRecord& record) {
    if (record.has_actor()) {
      const v1::Actor& actor = record.actor().actor();
      FUZZ_CHECK(IsId(actor.id()) && actors_.insert(actor.id()).second);
      FUZZ_CHECK(usernames_.insert(actor.username()).second && IsUsername(actor.username()));
    } else if (record.has_channel()) {
      FUZZ_CHECK(IsId(record.channel().channel().id()));
      FUZZ_CHECK(channels_.insert(record.channel().channel().id()).second);
      for (const std::string& id : record.channel().direct_member_ids()) {
        FUZZ_CHECK(actors_.count(id) == 1);
      }
    } else if (record.has_member()) {
      FUZZ_CHECK(channels_.count(record.member().channel_id()) == 1);
      FUZZ_CHECK(actors_.count(record.member().actor().id()) == 1);
    } else if (record.has_file()) {
      FUZZ_CHECK(files_.insert(record.file().file().id()).second);
      FUZZ_CHECK(!record.file().path().empty() && record.file().path().size() <= 255);
    } else if (record.has_message()) {
      Message(record.message());
    } else if (record.has_reaction()) {
      FUZZ_CHECK(record.reaction().message_id() == last_message_);
      FUZZ_CHECK(actors_.count(record.reaction().actor_id()) == 1);
      FUZZ_CHECK(NormalizeEmoji(record.reaction().emoji()).ok());
    } else if (record.has_pin()) {
      FUZZ_CHECK(messages_.count(record.pin().message_id()) == 1);
    }
  }

 private:
  static bool IsId(const std::string& id) { return !id.empty() && id.size() <= 256; }

  void Message(const v1::Message& message) {
    last_message_ = message.id();
    FUZZ_CHECK(IsId(message.id()) && messages_.insert(message.id()).second);
    FUZZ_CHECK(channels_.count(message.channel_id()) == 1);
    FUZZ_CHECK(actors_.count(message.actor().id()) == 1);
    FUZZ_CHECK(message.content().size() <= kMessageContentMaxBytes);
    FUZZ_CHECK(message.has_created_at());
    if (message.has_thread_id()) {
      FUZZ_CHECK(roots_.count(message.channel_id() + message.thread_id()) == 1);
    } else {
      roots_.insert(message.channel_id() + message.id());
    }
    for (const v1::Attachment& file : message.attachments()) {
      FUZZ_CHECK(files_.count(file.file_id()) == 1);
    }
    for (const v1::Mention& mention : message.mentions()) {
      FUZZ_CHECK(!mention.has_actor_id() || actors_.count(mention.actor_id()) == 1);
      FUZZ_CHECK(mention.start() + mention.length() <= message.content().size());
    }
  }

  std::set<std::string> actors_, usernames_, channels_, files_, messages_, roots_;
  std::string last_message_;
};

ArchiveContents Read(std::string_view text) {
  if (StartsWith(text, kSlack)) return ReadSlack(FilesOf(text.substr(kSlack.size())));
  ChatArchiveOptions options;
  options.team = "heim";
  return ReadMattermost(std::string(text.substr(kMattermost.size())), options);
}

}  // namespace
}  // namespace heim

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = heim::FuzzText(data, size);
  if (!heim::StartsWith(text, heim::kSlack) && !heim::StartsWith(text, heim::kMattermost)) return 0;
  const heim::ArchiveContents first = heim::Read(text);
  heim::Law law;
  for (size_t i = 0; i < first.records.size(); ++i) {
    FUZZ_CHECK(first.records[i].has_header() == (i == 0));
    law.Check(first.records[i]);
  }
  const heim::ArchiveContents second = heim::Read(text);
  FUZZ_CHECK(first.status == second.status && first.records.size() == second.records.size());
  return 0;
}
