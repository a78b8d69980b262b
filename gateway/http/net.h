// The names of Boost that the gateway's coroutines share. Only .cc files and the headers of
// connections include this; nothing outside gateway/ does.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

// gcc 12 inlines the allocation of a coroutine's frame but not its release, and then takes the two
// for a mismatch.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace heim {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using IoError = boost::system::error_code;

template <typename T>
using Task = asio::awaitable<T>;

// Completes with a tuple that begins with the error: nothing throws.
inline constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

}  // namespace heim
