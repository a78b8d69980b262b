#include "gateway/http/acceptor.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <chrono>
#include <exception>
#include <utility>

#include "gateway/http/handlers.h"
#include "gateway/http/http_limits.h"
#include "server/base/log.h"
#include "server/base/strings.h"

namespace heim {
namespace {

bool IsOutOfResources(const IoError& error) {
  return error == boost::system::errc::too_many_files_open ||
         error == boost::system::errc::too_many_files_open_in_system ||
         error == boost::system::errc::no_buffer_space ||
         error == boost::system::errc::not_enough_memory;
}

absl::Status CannotListen(const GatewayOptions& options, std::string_view why) {
  return absl::FailedPreconditionError(
      StrCat("cannot listen on ", options.host, ":", options.port, ": ", why));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Acceptor>> Acceptor::Open(Front& front) {
  const GatewayOptions& options = front.options;
  asio::io_context& io = front.registry->io();
  IoError error;
  Tcp::resolver resolver(io);
  const auto found =
      resolver.resolve(options.host, std::to_string(options.port),
                       Tcp::resolver::passive | Tcp::resolver::numeric_service, error);
  if (error || found.empty()) return CannotListen(options, "the host is not known");
  const Tcp::endpoint endpoint = found.begin()->endpoint();
  Tcp::acceptor acceptor(asio::make_strand(io));
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(Tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(Tcp::acceptor::max_listen_connections, error);
  if (error) return CannotListen(options, error.message());
  return std::unique_ptr<Acceptor>(new Acceptor(front, std::move(acceptor)));
}

Acceptor::Acceptor(Front& front, Tcp::acceptor acceptor)
    : front_(front), acceptor_(std::move(acceptor)), port_(acceptor_.local_endpoint().port()) {}

void Acceptor::Start() { asio::co_spawn(acceptor_.get_executor(), Run(), asio::detached); }

void Acceptor::Stop() {
  if (stopped_.exchange(true)) return;
  asio::post(acceptor_.get_executor(), [this] {
    IoError ignored;
    acceptor_.close(ignored);
  });
}

Task<void> Acceptor::Run() {
  asio::steady_timer pause(acceptor_.get_executor());
  while (!stopped_) {
    asio::any_io_executor strand = asio::make_strand(front_.registry->io());
    auto [error, socket] = co_await acceptor_.async_accept(std::move(strand), kAwait);
    if (!error) {
      Serve(std::move(socket));
    } else if (IsOutOfResources(error)) {
      // The waiting connection stays in the backlog: trying again at once would only spin.
      LogWarn("no connection can be taken", {{"why", error.message()}});
      pause.expires_after(absl::ToChronoMilliseconds(kAcceptBackOff));
      co_await pause.async_wait(kAwait);
    }
  }
}

bool Acceptor::MayConnect(const std::string& address) const {
  const Registry& registry = *front_.registry;
  if (registry.size() >= kConnectionsMax) return false;
  // A trusted proxy holds the connections of many clients.
  return IsLoopback(address) || front_.proxies.Contains(address) ||
         registry.CountOf(address) < kConnectionsPerAddressMax;
}

void Acceptor::Serve(Tcp::socket socket) {
  IoError error;
  const Tcp::endpoint peer = socket.remote_endpoint(error);
  if (error) return;
  std::string address = CanonicalAddress(peer.address().to_string());
  if (!MayConnect(address)) {
    LogWarn("a connection over the limit was closed", {{"address", address}});
    return;
  }
  socket.set_option(Tcp::no_delay(true), error);
  const auto executor = socket.get_executor();
  auto connection =
      std::make_shared<Connection>(front_.registry, std::move(socket), std::move(address));
  asio::co_spawn(executor, ServeConnection(&front_, connection),
                 [connection](std::exception_ptr failure) {
                   // Only memory can be short here; the connection ends, the server goes on.
                   if (failure != nullptr) LogError("a connection failed");
                   connection->Close();
                   connection->on_expired = nullptr;
                   connection->on_drain = nullptr;
                   connection->on_close = nullptr;
                 });
}

}  // namespace heim
