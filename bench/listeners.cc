// Listeners for fan-out: N WebSockets read by one thread; counts the message.new frames that
// arrive.
//   heim_bench_listeners HOST PORT TOKEN LISTENERS MESSAGES DEADLINE_SECONDS
// Prints "ready" once all have caught up, then, when MESSAGES have reached every listener, one JSON
// object.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Listener {
  int fd = -1;
  bool open = false;  // the upgrade was answered
  bool caught_up = false;
  std::string bytes;
  int64_t messages = 0;
};

int Connect(const char* host, int port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  inet_pton(AF_INET, host, &address.sin_addr);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return -1;
  const int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

// Takes whole frames off the front; the server does not mask or fragment.
void Parse(Listener* listener) {
  std::string_view rest = listener->bytes;
  if (!listener->open) {
    const size_t end = rest.find("\r\n\r\n");
    if (end == std::string_view::npos) return;
    if (rest.substr(0, 12) != "HTTP/1.1 101") {
      std::fprintf(stderr, "refused: %.*s\n", 60, listener->bytes.c_str());
      std::exit(1);
    }
    listener->open = true;
    rest.remove_prefix(end + 4);
  }
  while (rest.size() >= 2) {
    size_t size = static_cast<uint8_t>(rest[1]) & 0x7f;
    size_t head = 2;
    if (size == 126) {
      if (rest.size() < 4) break;
      size =
          static_cast<size_t>(static_cast<uint8_t>(rest[2])) << 8 | static_cast<uint8_t>(rest[3]);
      head = 4;
    } else if (size == 127) {
      if (rest.size() < 10) break;
      size = 0;
      for (int i = 2; i < 10; ++i)
        size = size << 8 | static_cast<uint8_t>(rest[static_cast<size_t>(i)]);
      head = 10;
    }
    if (rest.size() < head + size) break;
    const std::string_view text = rest.substr(head, std::min<size_t>(size, 40));
    if (text.find("\"message.new\"") != std::string_view::npos) ++listener->messages;
    if (text.find("\"caught_up\"") != std::string_view::npos) listener->caught_up = true;
    rest.remove_prefix(head + size);
  }
  listener->bytes.erase(0, listener->bytes.size() - rest.size());
}

class Crowd {
 public:
  Crowd(const char* host, int port, const std::string& token, int count)
      : epoll_(epoll_create1(0)), listeners_(static_cast<size_t>(count)), buffer_(1 << 16) {
    const std::string upgrade =
        "GET /ws HTTP/1.1\r\nHost: bench\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        "Authorization: Bearer " +
        token + "\r\n\r\n";
    for (Listener& listener : listeners_) {
      listener.fd = Connect(host, port);
      if (listener.fd < 0 || write(listener.fd, upgrade.data(), upgrade.size()) !=
                                 static_cast<ssize_t>(upgrade.size())) {
        std::perror("connect");
        std::exit(1);
      }
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.ptr = &listener;
      epoll_ctl(epoll_, EPOLL_CTL_ADD, listener.fd, &event);
    }
  }

  // Reads what is there, waiting up to `wait_ms`.
  void Step(int wait_ms) {
    epoll_event events[256];
    const int ready = epoll_wait(epoll_, events, 256, wait_ms);
    for (int i = 0; i < ready; ++i) {
      auto* listener = static_cast<Listener*>(events[i].data.ptr);
      const ssize_t got = read(listener->fd, buffer_.data(), buffer_.size());
      if (got <= 0) {
        std::fprintf(stderr, "a listener was closed\n");
        std::exit(1);
      }
      const int64_t before = listener->messages;
      listener->bytes.append(buffer_.data(), static_cast<size_t>(got));
      Parse(listener);
      deliveries_ += listener->messages - before;
    }
  }

  bool AllCaughtUp() const {
    for (const Listener& listener : listeners_) {
      if (!listener.caught_up) return false;
    }
    return true;
  }
  int64_t deliveries() const { return deliveries_; }

 private:
  const int epoll_;
  std::vector<Listener> listeners_;
  std::vector<char> buffer_;
  int64_t deliveries_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) {
    std::fprintf(stderr, "usage: %s HOST PORT TOKEN LISTENERS MESSAGES DEADLINE_SECONDS\n",
                 argv[0]);
    return 2;
  }
  const int count = std::atoi(argv[4]);
  const int64_t wanted = std::atoll(argv[5]) * count;
  const auto deadline = Clock::now() + std::chrono::seconds(std::atoi(argv[6]));
  Crowd crowd(argv[1], std::atoi(argv[2]), argv[3], count);
  while (!crowd.AllCaughtUp() && Clock::now() < deadline) crowd.Step(100);
  std::printf("ready\n");
  std::fflush(stdout);
  Clock::time_point first{};
  while (crowd.deliveries() < wanted && Clock::now() < deadline) {
    crowd.Step(100);
    if (first == Clock::time_point{} && crowd.deliveries() > 0) first = Clock::now();
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - first).count();
  std::printf("{\"deliveries\": %ld, \"wanted\": %ld, \"seconds\": %.3f}\n",
              static_cast<long>(crowd.deliveries()), static_cast<long>(wanted), seconds);
  return crowd.deliveries() == wanted ? 0 : 1;
}
