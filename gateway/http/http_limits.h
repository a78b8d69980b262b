// Limits of the HTTP front and of WebSockets, with their units. Constants.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"
#include "server/model/limits.h"

namespace heim {

inline constexpr size_t kHeadMaxBytes = kHeaderMaxBytes;
inline constexpr size_t kHeadMaxFields = 100;
inline constexpr size_t kReadBufferBytes = 4096;
inline constexpr size_t kBodyChunkBytes = 64 * 1024;
// Written in one go; a longer body is written in pieces, each with the whole write timeout.
inline constexpr size_t kWritePieceBytes = 256 * 1024;

inline constexpr absl::Duration kSniffTimeout = absl::Seconds(3);
inline constexpr absl::Duration kHeadTimeout = absl::Seconds(10);
inline constexpr absl::Duration kBodyTimeout = absl::Seconds(30);  // uploads: without progress
inline constexpr absl::Duration kIdleTimeout = absl::Seconds(60);
inline constexpr absl::Duration kWriteTimeout = kWriteBlockedMax;
// After a call's deadline, for an answer that says so.
inline constexpr absl::Duration kAnswerGrace = absl::Seconds(1);
inline constexpr absl::Duration kCallMaxTimeout = absl::Seconds(120);
inline constexpr absl::Duration kCommentInterval = absl::Seconds(15);  // of a silent event stream

// What is read and dropped of a client that still sends, so that it sees its answer.
inline constexpr absl::Duration kLingerTimeout = absl::Seconds(2);
inline constexpr size_t kLingerMaxBytes = 16 * 1024 * 1024;

inline constexpr size_t kConnectionsMax = 20'000;
inline constexpr size_t kConnectionsPerAddressMax = 512;  // loopback has none of its own
inline constexpr absl::Duration kAcceptBackOff = absl::Milliseconds(100);
inline constexpr absl::Duration kSweepInterval = absl::Milliseconds(100);

inline constexpr absl::Duration kSocketIdleTimeout = absl::Seconds(90);
inline constexpr absl::Duration kSocketPingInterval = absl::Seconds(30);
inline constexpr absl::Duration kSocketCloseTimeout = absl::Seconds(5);
inline constexpr size_t kSocketGatherFrames = 64;
inline constexpr size_t kPullBytes = 64 * 1024;
// Pongs and error frames that wait for a slow reader; one that goes beyond is closed.
inline constexpr size_t kSocketOwnFramesMax = 256;

}  // namespace heim
