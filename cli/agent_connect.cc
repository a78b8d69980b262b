// heim agent connect: runs a program as the agent. Each message that mentions the agent, or comes
// as a direct message, goes to the program as one JSON line; what the program prints comes back as
// replies.
#include <csignal>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cli/agent_options.h"
#include "cli/child_process.h"
#include "cli/event_reader.h"
#include "cli/reply_writer.h"
#include "server/base/clock.h"
#include "server/base/entropy.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"

namespace heim {
namespace {

// Agents that answer each other stop here without a person.
constexpr int kHopsMax = 8;

int HopsOf(const v1::Message& message) {
  const auto& fields = message.metadata().fields();
  const auto it = fields.find("heim.hops");
  return it == fields.end() ? 0 : static_cast<int>(it->second.number_value());
}

std::string TypeName(v1::ActorType type) {
  switch (type) {
    case v1::ACTOR_TYPE_HUMAN:
      return "human";
    case v1::ACTOR_TYPE_AGENT:
      return "agent";
    default:
      return "system";
  }
}

// What the program reads: the message as the JSON API shows it, as far as a program needs it.
std::string LineFor(const v1::Message& message, const v1::Channel& channel, bool mentions_me) {
  nlohmann::json line = {
      {"id", message.id()},
      {"channel_id", message.channel_id()},
      {"channel", channel.name()},
      {"content", message.content()},
      {"seq", message.seq()},
      {"mentions_me", mentions_me},
      {"direct", channel.type() == v1::CHANNEL_TYPE_DM},
      {"created_at",
       absl::FormatTime(absl::RFC3339_sec, absl::FromUnixSeconds(message.created_at().seconds()),
                        absl::UTCTimeZone())},
      {"actor",
       {{"id", message.actor().id()},
        {"username", message.actor().username()},
        {"display_name", message.actor().display_name()},
        {"type", TypeName(message.actor().type())}}}};
  if (message.has_thread_id()) line["thread_id"] = message.thread_id();
  return line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// The program and where its output goes. Deliver is called by the reading thread; a thread of its
// own reads the output.
class ProgramAgent {
 public:
  ProgramAgent(Client& client, Ids& ids, const AgentOptions& options)
      : client_(client), ids_(ids), options_(options) {}
  ~ProgramAgent() { Retire(); }

  absl::Status Deliver(const ReplyTarget& target, const std::string& line) {
    {
      absl::MutexLock lock(&mutex_);
      target_ = target;
    }
    // A program that ended is started again for the next message; one try more than the one that
    // found it gone.
    for (int tries = 0; tries < 2; ++tries) {
      if (ended()) Retire();
      if (program_ == nullptr) HEIM_RETURN_IF_ERROR(Start());
      if (program_->WriteLine(line).ok()) return absl::OkStatus();
      Retire();
    }
    return absl::UnavailableError("the program ended without reading the message");
  }

 private:
  absl::Status Start() {
    HEIM_ASSIGN_OR_RETURN(program_, ChildProcess::Start(options_.command));
    {
      absl::MutexLock lock(&mutex_);
      ended_ = false;
    }
    output_ = std::thread([this] { ReadOutput(); });
    return absl::OkStatus();
  }

  // The program has ended or is not listening any more: its output is read to the end first.
  void Retire() {
    if (output_.joinable()) output_.join();
    program_.reset();
  }

  bool ended() {
    absl::MutexLock lock(&mutex_);
    return ended_;
  }

  ReplyTarget target() {
    absl::MutexLock lock(&mutex_);
    return target_;
  }

  void ReadOutput() {
    ReplyWriter writer(client_, ids_, options_.stream);
    const auto tell = [](const absl::Status& status) {
      if (!status.ok()) std::cerr << "heim: a reply failed: " << status.message() << std::endl;
    };
    while (true) {
      const std::string bytes = program_->Read();
      if (bytes.empty()) break;
      tell(writer.Write(target(), bytes));
    }
    tell(writer.Flush(target()));
    absl::MutexLock lock(&mutex_);
    ended_ = true;
  }

  Client& client_;
  Ids& ids_;
  const AgentOptions& options_;
  std::unique_ptr<ChildProcess> program_;
  std::thread output_;
  absl::Mutex mutex_;
  ReplyTarget target_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

// Decides which messages are for the agent.
class Inbox {
 public:
  Inbox(Client& client, ProgramAgent& agent) : client_(client), agent_(agent) {}

  void SetMe(const v1::ActorRef& me) { me_ = me; }

  void Take(const v1::Event& event) {
    if (!event.has_message_new()) return;
    const v1::Message& message = event.message_new().message();
    if (message.actor().id() == me_.id() || message.content_type() == v1::CONTENT_TYPE_SYSTEM ||
        message.has_deleted_at()) {
      return;
    }
    bool mentioned = false;
    for (const v1::Mention& mention : message.mentions()) {
      mentioned = mentioned || mention.actor_id() == me_.id();
    }
    const auto channel = ChannelOf(message.channel_id());
    if (!channel.ok()) return Tell(channel.status());
    const bool direct = channel->type() == v1::CHANNEL_TYPE_DM;
    const bool from_agent = message.actor().type() == v1::ACTOR_TYPE_AGENT;
    if (!mentioned && !(direct && !from_agent)) return;
    const int hops = from_agent ? HopsOf(message) + 1 : 0;
    if (hops > kHopsMax) return Tell(absl::AbortedError("agents answered each other too often"));
    const ReplyTarget target{message.channel_id(), message.thread_id(), hops};
    Tell(agent_.Deliver(target, LineFor(message, *channel, mentioned)));
  }

 private:
  static void Tell(const absl::Status& status) {
    if (!status.ok()) std::cerr << "heim: " << status.message() << std::endl;
  }

  absl::StatusOr<v1::Channel> ChannelOf(const std::string& id) {
    const auto it = channels_.find(id);
    if (it != channels_.end()) return it->second;
    HEIM_ASSIGN_OR_RETURN(v1::Channel channel, client_.FindChannel(id));
    return channels_.emplace(id, std::move(channel)).first->second;
  }

  Client& client_;
  ProgramAgent& agent_;
  v1::ActorRef me_;
  std::map<std::string, v1::Channel> channels_;
};

}  // namespace

absl::Status ConnectAgent(const CommandLine& line, const AgentOptions& options) {
  std::signal(SIGPIPE, SIG_IGN);
  HEIM_ASSIGN_OR_RETURN(const auto client, Connect(line, Who::kAgent));
  HEIM_ASSIGN_OR_RETURN(const v1::Actor me, client->FindActor("me"));
  SystemClock clock;
  SystemEntropy entropy;
  UuidV7Ids ids(clock, entropy);
  ProgramAgent agent(*client, ids, options);
  Inbox inbox(*client, agent);
  v1::ActorRef ref;
  ref.set_id(me.id());
  inbox.SetMe(ref);
  v1::SubscribeRequest request;
  request.set_durable_only(true);
  EventReader::Handlers handlers;
  handlers.on_event = [&](const v1::Event& event) { inbox.Take(event); };
  handlers.on_ready = [&](const v1::ActorRef&) {
    std::cerr << "connected as @" << me.username() << " to " << client->connection().server
              << "; mention it in a channel, or write to it directly" << std::endl;
  };
  handlers.on_notice = [](const std::string& notice) {
    std::cerr << "heim: " << notice << std::endl;
  };
  EventReader reader(*client, std::move(request), std::move(handlers));
  return reader.Run();
}

}  // namespace heim
