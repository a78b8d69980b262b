// Slack's markup as Markdown. What Slack shows as plain stays plain, mentions are written so that
// FindMentions finds them. Pure functions; any thread; time grows with the text.
#pragma once

#include <string>
#include <string_view>

#include "google/protobuf/struct.pb.h"

namespace heim {

// SlackNames is what the markup names by id.
class SlackNames {
 public:
  virtual ~SlackNames() = default;
  // Empty when there is no such person.
  virtual std::string UsernameOf(std::string_view user_id) const = 0;
  // Without #; empty when there is no such channel.
  virtual std::string ChannelNameOf(std::string_view channel_id) const = 0;
};

std::string MarkdownFromMrkdwn(std::string_view text, const SlackNames& names);

// The markup (not yet Markdown) of what apps send in place of text: `blocks`, and `attachments` as
// quotes. Unfurled links among them are left out: they repeat what the text links to.
std::string MrkdwnFromBlocks(const google::protobuf::ListValue& blocks);
std::string MrkdwnFromAttachments(const google::protobuf::ListValue& attachments);

}  // namespace heim
