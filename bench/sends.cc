// Load for durable sends: N senders, each waits for the acknowledgement of one message before it
// sends the next.
//   heim_bench_sends ADDRESS TOKEN CHANNEL_ID SENDERS SECONDS
// Prints one JSON object: acknowledgements, seconds, latencies in microseconds.
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "heim/v1/message_service.grpc.pb.h"

namespace {

using Clock = std::chrono::steady_clock;
constexpr size_t kTextBytes = 256;

struct Sender {
  std::vector<int64_t> micros;
  int64_t errors = 0;
};

void Run(heim::v1::MessageService::Stub& stub, const std::string& token, const std::string& channel,
         const std::atomic<bool>& stop, Sender* sender) {
  heim::v1::SendMessageRequest request;
  request.set_channel_id(channel);
  request.set_content(std::string(kTextBytes, 'x'));
  while (!stop) {
    grpc::ClientContext context;
    context.AddMetadata("authorization", "Bearer " + token);
    heim::v1::SendMessageResponse response;
    const auto begin = Clock::now();
    const grpc::Status status = stub.SendMessage(&context, request, &response);
    if (!status.ok()) {
      if (++sender->errors == 1) {
        std::fprintf(stderr, "send failed: %s\n", status.error_message().c_str());
      }
      continue;
    }
    sender->micros.push_back(
        std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin).count());
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr, "usage: %s ADDRESS TOKEN CHANNEL_ID SENDERS SECONDS\n", argv[0]);
    return 2;
  }
  const int senders = std::atoi(argv[4]);
  const int seconds = std::atoi(argv[5]);
  constexpr int kConnections = 8;
  std::vector<std::unique_ptr<heim::v1::MessageService::Stub>> stubs;
  for (int i = 0; i < kConnections; ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt("heim.connection", i);  // a connection of its own
    stubs.push_back(heim::v1::MessageService::NewStub(
        grpc::CreateCustomChannel(argv[1], grpc::InsecureChannelCredentials(), arguments)));
  }
  std::atomic<bool> stop{false};
  std::vector<Sender> states(static_cast<size_t>(senders));
  std::vector<std::thread> threads;
  const auto begin = Clock::now();
  for (int i = 0; i < senders; ++i) {
    threads.emplace_back(Run, std::ref(*stubs[static_cast<size_t>(i % kConnections)]), argv[2],
                         argv[3], std::cref(stop), &states[static_cast<size_t>(i)]);
  }
  std::this_thread::sleep_for(std::chrono::seconds(seconds));
  stop = true;
  for (std::thread& thread : threads) thread.join();
  const double elapsed = std::chrono::duration<double>(Clock::now() - begin).count();
  std::vector<int64_t> micros;
  int64_t errors = 0;
  for (const Sender& state : states) {
    micros.insert(micros.end(), state.micros.begin(), state.micros.end());
    errors += state.errors;
  }
  std::sort(micros.begin(), micros.end());
  const auto at = [&](double share) {
    return micros.empty()
               ? 0
               : micros[static_cast<size_t>(share * static_cast<double>(micros.size() - 1))];
  };
  std::printf(
      "{\"acks\": %zu, \"errors\": %ld, \"seconds\": %.3f, \"p50_us\": %ld, \"p99_us\": %ld}\n",
      micros.size(), static_cast<long>(errors), elapsed, static_cast<long>(at(0.5)),
      static_cast<long>(at(0.99)));
  return 0;
}
