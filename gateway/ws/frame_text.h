// Frames of the realtime protocol as the bridge writes them: a WebSocket's text or binary message
// with its header in front, or server-sent events. Made once for each Frame and form, shared by all
// readers. Pure functions; any thread; never block.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "server/model/frame.h"

namespace heim {

enum class Opcode : uint8_t { kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10 };

// One unfragmented, unmasked WebSocket frame.
std::string WebSocketFrame(Opcode opcode, std::string_view payload);
// A close frame; the reason is cut to what fits.
std::string CloseFrame(uint16_t code, std::string_view reason);

// A ready text message with the envelope; empty for frames that text clients do not get.
const std::string& SocketText(const Frame& frame);
// A ready binary message: the bytes of a SessionResponse.
const std::string& SocketBytes(const Frame& frame);
// The lines of a server-sent event with the empty line.
const std::string& EventStreamText(const Frame& frame);

}  // namespace heim
