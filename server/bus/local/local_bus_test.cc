// The bus of one node delivers to its handler, in order, and lets it go safely.
#include "server/bus/local/local_bus.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace heim {
namespace {

class Recorder final : public BusHandler {
 public:
  void OnWakeUp(const WorkspaceId& workspace, uint64_t position) override {
    seen.push_back(workspace.str() + "@" + std::to_string(position));
  }
  void OnEphemeral(const WorkspaceId& workspace, std::shared_ptr<const v1::Event> event) override {
    seen.push_back(workspace.str() + ":" + event->channel_id());
  }
  std::vector<std::string> seen;
};

std::shared_ptr<const v1::Event> InChannel(const char* channel) {
  auto event = std::make_shared<v1::Event>();
  event->set_channel_id(channel);
  return event;
}

TEST(LocalBusTest, HandlerHearsWakeUpsAndEphemeralEventsInOrder) {
  LocalBus bus;
  Recorder recorder;
  bus.SetHandler(&recorder);
  bus.PublishWakeUp(WorkspaceId("w"), 7);
  bus.PublishEphemeral(WorkspaceId("w"), InChannel("c"));
  bus.PublishWakeUp(WorkspaceId("v"), 8);
  EXPECT_EQ(recorder.seen, (std::vector<std::string>{"w@7", "w:c", "v@8"}));
}

TEST(LocalBusTest, NobodyIsCalledWithoutAHandler) {
  LocalBus bus;
  Recorder recorder;
  bus.PublishWakeUp(WorkspaceId("w"), 1);
  bus.SetHandler(&recorder);
  bus.SetHandler(nullptr);
  bus.PublishEphemeral(WorkspaceId("w"), InChannel("c"));
  EXPECT_TRUE(recorder.seen.empty());
}

}  // namespace
}  // namespace heim
