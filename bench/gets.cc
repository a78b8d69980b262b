// Load of HTTP GETs over kept connections: each connection asks for the next path of the list when
// it has the answer to the one before, or, with a rate, at its turn.
//   heim_bench_gets HOST PORT TOKEN CONNECTIONS SECONDS RATE < paths
// RATE 0: as fast as it goes. Prints one JSON object: answers, seconds, bytes, latencies in
// microseconds (from the moment the request was due, when there is a rate).
#include <algorithm>
#include <atomic>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

namespace {

namespace http = boost::beast::http;
using boost::asio::ip::tcp;
using Clock = std::chrono::steady_clock;

struct Plan {
  std::string host;
  std::string port;
  std::string token;
  int connections = 1;
  double rate = 0;
  std::vector<std::string> paths;
};

struct Tally {
  std::vector<int64_t> micros;
  int64_t bytes = 0;
  int64_t errors = 0;
};

void Run(const Plan& plan, size_t index, const std::atomic<bool>& stop, Tally* tally) {
  boost::asio::io_context context;
  tcp::resolver resolver(context);
  tcp::socket socket(context);
  boost::asio::connect(socket, resolver.resolve(plan.host, plan.port));
  socket.set_option(tcp::no_delay(true));
  boost::beast::flat_buffer buffer;
  const auto step = std::chrono::duration<double>(plan.rate > 0 ? plan.connections / plan.rate : 0);
  auto due = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                step * (static_cast<double>(index) / plan.connections));
  for (size_t next = index; !stop; next += static_cast<size_t>(plan.connections)) {
    if (plan.rate > 0) {
      std::this_thread::sleep_until(due);
    } else {
      due = Clock::now();
    }
    http::request<http::empty_body> request(http::verb::get, plan.paths[next % plan.paths.size()],
                                            11);
    request.set(http::field::host, plan.host);
    request.set(http::field::authorization, "Bearer " + plan.token);
    http::write(socket, request);
    http::response<http::string_body> response;
    http::read(socket, buffer, response);
    tally->micros.push_back(
        std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - due).count());
    tally->bytes += static_cast<int64_t>(response.body().size());
    if (response.result_int() != 200 && ++tally->errors == 1) {
      std::fprintf(stderr, "%s\n", response.body().c_str());
    }
    due += std::chrono::duration_cast<Clock::duration>(step);
  }
}

int64_t Percentile(const std::vector<int64_t>& sorted, double part) {
  if (sorted.empty()) return 0;
  return sorted[static_cast<size_t>(part * static_cast<double>(sorted.size() - 1))];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) {
    std::fprintf(stderr, "usage: %s HOST PORT TOKEN CONNECTIONS SECONDS RATE < paths\n", argv[0]);
    return 2;
  }
  Plan plan{argv[1], argv[2], argv[3], std::atoi(argv[4]), std::atof(argv[6]), {}};
  for (std::string line; std::getline(std::cin, line);) plan.paths.push_back(line);
  if (plan.paths.empty()) {
    std::fprintf(stderr, "no paths given\n");
    return 2;
  }
  std::atomic<bool> stop{false};
  std::vector<Tally> tallies(static_cast<size_t>(plan.connections));
  std::vector<std::thread> threads;
  const auto begin = Clock::now();
  for (size_t i = 0; i < tallies.size(); ++i) {
    threads.emplace_back(Run, std::cref(plan), i, std::cref(stop), &tallies[i]);
  }
  std::this_thread::sleep_for(std::chrono::seconds(std::atoi(argv[5])));
  stop = true;
  for (std::thread& thread : threads) thread.join();
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  std::vector<int64_t> micros;
  int64_t bytes = 0;
  int64_t errors = 0;
  for (const Tally& tally : tallies) {
    micros.insert(micros.end(), tally.micros.begin(), tally.micros.end());
    bytes += tally.bytes;
    errors += tally.errors;
  }
  std::sort(micros.begin(), micros.end());
  std::printf(
      "{\"answers\":%zu,\"errors\":%lld,\"seconds\":%.3f,\"bytes\":%lld,\"p50_us\":%lld,"
      "\"p95_us\":%lld,\"p99_us\":%lld}\n",
      micros.size(), static_cast<long long>(errors), seconds, static_cast<long long>(bytes),
      static_cast<long long>(Percentile(micros, 0.5)),
      static_cast<long long>(Percentile(micros, 0.95)),
      static_cast<long long>(Percentile(micros, 0.99)));
  return errors == 0 ? 0 : 1;
}
