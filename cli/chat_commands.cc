// heim channels, heim send, heim tail: the chat itself from a terminal.
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <map>
#include <set>

#include "absl/strings/strip.h"
#include "cli/command.h"
#include "cli/event_reader.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"

namespace heim {
namespace {

struct ChatOptions {
  bool all = false;
  std::string channel;
  std::vector<std::string> channels;
  std::vector<std::string> words;
  std::string thread;
};

absl::Status Channels(const CommandLine& line, const ChatOptions& options) {
  HEIM_ASSIGN_OR_RETURN(const auto client, Connect(line, Who::kPerson));
  v1::ListChannelsRequest request;
  request.set_limit(200);
  request.set_joined(!options.all);
  while (true) {
    HEIM_ASSIGN_OR_RETURN(
        const v1::ListChannelsResponse page,
        client->Call(&v1::ChannelService::Stub::ListChannels, client->channels(), request));
    for (const v1::Channel& channel : page.channels()) {
      const std::string name =
          channel.name().empty() ? "(direct) " + channel.id() : "#" + channel.name();
      Print(line, channel,
            StrCat(name, channel.has_me() ? "" : "  (not joined)",
                   channel.topic().empty() ? "" : "  ", channel.topic()));
    }
    if (!page.has_more()) return absl::OkStatus();
    request.set_cursor(page.next_cursor());
  }
}

absl::Status Send(const CommandLine& line, const ChatOptions& options) {
  HEIM_ASSIGN_OR_RETURN(const auto client, Connect(line, Who::kPerson));
  HEIM_ASSIGN_OR_RETURN(const v1::Channel channel, client->FindChannel(options.channel));
  std::string text;
  for (const std::string& word : options.words) text += (text.empty() ? "" : " ") + word;
  if (options.words.empty() || text == "-") {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
    while (!text.empty() && text.back() == '\n') text.pop_back();
  }
  v1::SendMessageRequest request;
  request.set_channel_id(channel.id());
  request.set_content(text);
  if (!options.thread.empty()) request.set_thread_id(options.thread);
  HEIM_ASSIGN_OR_RETURN(
      const v1::SendMessageResponse response,
      client->Call(&v1::MessageService::Stub::SendMessage, client->messages(), request));
  Print(line, response.message(), StrCat("sent ", response.message().id()));
  return absl::OkStatus();
}

// Shows events as people read them: lines of messages, streams as they grow.
class Screen {
 public:
  explicit Screen(std::map<std::string, std::string> names) : names_(std::move(names)) {}

  void Show(const v1::Event& event) {
    switch (event.payload_case()) {
      case v1::Event::kMessageNew:
        return ShowMessage(event.message_new().message());
      case v1::Event::kMessageStreamStart:
        return Begin(event.message_stream_start());
      case v1::Event::kMessageStreamChunk:
        return Grow(event.message_stream_chunk());
      case v1::Event::kMessageStreamEnd:
        if (open_ == event.message_stream_end().stream_id()) EndLine();
        return;
      case v1::Event::kMemberAdded:
        names_[event.member_added().channel().id()] = event.member_added().channel().name();
        return;
      default:
        return;
    }
  }

 private:
  std::string Head(const std::string& channel_id, const std::string& author) const {
    const auto it = names_.find(channel_id);
    const std::string name = it == names_.end() || it->second.empty() ? "direct" : "#" + it->second;
    return StrCat(name, " ", author, ": ");
  }

  void ShowMessage(const v1::Message& message) {
    if (shown_.erase(message.id()) > 0) return;  // seen as it was written
    EndLine();
    std::cout << Head(message.channel_id(), message.actor().username()) << message.content()
              << std::endl;
  }

  void Begin(const v1::MessageStreamStart& start) {
    authors_[start.stream_id()] = start.message().actor().username();
  }

  void Grow(const v1::MessageStreamChunk& chunk) {
    if (open_ != chunk.stream_id()) {
      // A second stream at the same time is shown whole when it ends.
      if (!open_.empty() || chunk.index() != 0) return;
      open_ = chunk.stream_id();
      shown_.insert(chunk.message_id());
      std::cout << Head(chunk.channel_id(), authors_[chunk.stream_id()]);
    }
    std::cout << chunk.delta() << std::flush;
  }

  void EndLine() {
    if (!open_.empty()) std::cout << std::endl;
    open_.clear();
  }

  std::map<std::string, std::string> names_;    // channel id → name
  std::map<std::string, std::string> authors_;  // stream id → username
  std::set<std::string> shown_;                 // messages shown while they were written
  std::string open_;                            // stream whose line is open
};

absl::StatusOr<std::map<std::string, std::string>> ChannelNames(Client& client) {
  std::map<std::string, std::string> names;
  v1::ListChannelsRequest request;
  request.set_limit(200);
  while (true) {
    HEIM_ASSIGN_OR_RETURN(
        const v1::ListChannelsResponse page,
        client.Call(&v1::ChannelService::Stub::ListChannels, client.channels(), request));
    for (const v1::Channel& channel : page.channels()) names[channel.id()] = channel.name();
    if (!page.has_more()) return names;
    request.set_cursor(page.next_cursor());
  }
}

absl::Status Tail(const CommandLine& line, const ChatOptions& options) {
  HEIM_ASSIGN_OR_RETURN(const auto client, Connect(line, Who::kPerson));
  v1::SubscribeRequest request;
  for (const std::string& name : options.channels) {
    HEIM_ASSIGN_OR_RETURN(const v1::Channel channel, client->FindChannel(name));
    request.add_channel_ids(channel.id());
  }
  HEIM_ASSIGN_OR_RETURN(auto names, ChannelNames(*client));
  Screen screen(std::move(names));
  EventReader::Handlers handlers;
  handlers.on_event = [&](const v1::Event& event) {
    if (line.json) {
      std::cout << ToJsonLine(event) << std::endl;
    } else {
      screen.Show(event);
    }
  };
  handlers.on_ready = [&](const v1::ActorRef&) {
    std::cerr << "following; Ctrl-C ends" << std::endl;
  };
  handlers.on_notice = [](const std::string& notice) {
    std::cerr << "heim: " << notice << std::endl;
  };
  EventReader reader(*client, std::move(request), std::move(handlers));
  return reader.Run();
}

}  // namespace

void AddChatCommands(CommandLine& line) {
  auto options = std::make_shared<ChatOptions>();
  CLI::App* channels = line.app.add_subcommand("channels", "List your channels");
  AddCommonOptions(line, *channels);
  channels->add_flag("--all", options->all, "Also public channels that you have not joined");
  channels->callback(
      [&line, options] { line.run = [&line, options] { return Channels(line, *options); }; });

  CLI::App* send =
      line.app.add_subcommand("send", "Send a message; without TEXT, what stdin holds");
  AddCommonOptions(line, *send);
  send->add_option("channel", options->channel, "Channel by name or id")->required();
  send->add_option("text", options->words, "The message");
  send->add_option("--thread", options->thread, "Message to reply to");
  send->callback(
      [&line, options] { line.run = [&line, options] { return Send(line, *options); }; });

  CLI::App* tail = line.app.add_subcommand("tail", "Follow channels live, streams included");
  AddCommonOptions(line, *tail);
  tail->add_option("channels", options->channels, "Channels by name or id; none: all of yours");
  tail->callback(
      [&line, options] { line.run = [&line, options] { return Tail(line, *options); }; });
}

}  // namespace heim
