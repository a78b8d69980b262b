#include "gateway/http/request_head.h"

#include <algorithm>
#include <cctype>

#include "gateway/http/http_error.h"
#include "gateway/http/http_limits.h"
#include "server/base/strings.h"
#include "server/model/errors.h"

namespace heim {
namespace {

bool IsRegName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_' || c == '~';
  });
}

bool IsPort(std::string_view port) {
  return port.size() <= 5 && std::all_of(port.begin(), port.end(),
                                         [](unsigned char c) { return std::isdigit(c) != 0; });
}

}  // namespace

std::string_view TrimSpace(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> SplitList(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    const std::string_view piece = TrimSpace(text.substr(0, comma));
    if (!piece.empty()) out.push_back(piece);
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  return out;
}

std::string_view RequestHead::Get(std::string_view name) const {
  for (const HeaderField& field : fields) {
    if (EqualsIgnoreCase(field.name, name)) return field.value;
  }
  return {};
}

size_t RequestHead::Count(std::string_view name) const {
  return static_cast<size_t>(std::count_if(
      fields.begin(), fields.end(),
      [name](const HeaderField& field) { return EqualsIgnoreCase(field.name, name); }));
}

bool RequestHead::HasToken(std::string_view name, std::string_view token) const {
  for (const HeaderField& field : fields) {
    if (!EqualsIgnoreCase(field.name, name)) continue;
    for (const std::string_view piece : SplitList(field.value)) {
      if (EqualsIgnoreCase(piece, token)) return true;
    }
  }
  return false;
}

bool RequestHead::keep_alive() const {
  if (HasToken("Connection", "close")) return false;
  return minor_version >= 1 || HasToken("Connection", "keep-alive");
}

HeadScan ScanHead(std::string_view bytes, size_t from) {
  const std::string_view window = bytes.substr(0, kHeadMaxBytes);
  // What stands before and after a byte decides too, so the last one is looked at again.
  for (size_t i = from == 0 ? 0 : from - 1; i < window.size(); ++i) {
    const char c = window[i];
    if (c == '\0') return {HeadScan::State::kBad, 0, "The head holds a NUL byte"};
    if (c != '\n') continue;
    if (i == 0 || window[i - 1] != '\r') {
      return {HeadScan::State::kBad, 0, "A line of the head ends without CR"};
    }
    if (i >= 3 && window.substr(i - 3, 2) == "\r\n") {
      return {HeadScan::State::kComplete, i + 1, {}};
    }
    if (i + 1 < window.size() && (window[i + 1] == ' ' || window[i + 1] == '\t')) {
      return {HeadScan::State::kBad, 0, "A header field is folded over two lines"};
    }
  }
  if (bytes.size() >= kHeadMaxBytes) return {HeadScan::State::kTooLarge, 0, {}};
  return {};
}

bool SplitTarget(RequestHead* head) {
  std::string_view target = head->target;
  if (StartsWithIgnoreCase(target, "http://") || StartsWithIgnoreCase(target, "https://")) {
    target.remove_prefix(target.find("//") + 2);
    const size_t slash = target.find_first_of("/?");
    if (!IsHost(target.substr(0, slash))) return false;
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
    if (target.front() == '?') {
      head->path = "/";
      head->query = target.substr(1);
      return true;
    }
  } else if (target == "*" && head->method == "OPTIONS") {
    head->path = "*";
    return true;
  }
  if (target.empty() || target.front() != '/') return false;
  if (target.find('#') != std::string_view::npos) return false;
  const size_t mark = target.find('?');
  head->path = target.substr(0, mark);
  if (mark != std::string_view::npos) head->query = target.substr(mark + 1);
  return true;
}

bool IsHost(std::string_view host) {
  if (!host.empty() && host.front() == '[') {
    const size_t end = host.find(']');
    if (end == std::string_view::npos || end < 3) return false;
    const std::string_view address = host.substr(1, end - 1);
    const bool hex = std::all_of(address.begin(), address.end(), [](unsigned char c) {
      return std::isxdigit(c) != 0 || c == ':' || c == '.';
    });
    const std::string_view rest = host.substr(end + 1);
    return hex && (rest.empty() || (rest.front() == ':' && IsPort(rest.substr(1))));
  }
  const size_t colon = host.find(':');
  if (!IsRegName(host.substr(0, colon))) return false;
  return colon == std::string_view::npos || IsPort(host.substr(colon + 1));
}

absl::Status CheckFraming(const RequestHead& head) {
  if (head.fields.size() > kHeadMaxFields) {
    return MakeError(v1::ERROR_REASON_HEADER_TOO_LARGE, "The request has too many header fields");
  }
  if (head.Has("Transfer-Encoding")) {
    if (head.Count("Transfer-Encoding") != 1 ||
        !EqualsIgnoreCase(head.Get("Transfer-Encoding"), "chunked")) {
      return InvalidHttp("The only Transfer-Encoding taken is exactly \"chunked\"");
    }
    if (head.Has("Content-Length")) {
      return InvalidHttp("Transfer-Encoding and Content-Length exclude each other");
    }
    if (head.minor_version == 0) return InvalidHttp("HTTP/1.0 has no Transfer-Encoding");
  }
  const std::string_view length = head.Get("Content-Length");
  if (head.Count("Content-Length") > 1 || length.find_first_not_of("0123456789") != length.npos) {
    return InvalidHttp("Content-Length must be one number");
  }
  const size_t hosts = head.Count("Host");
  if (hosts > 1) return InvalidHttp("There are two Host fields");
  if (hosts == 0 && head.minor_version >= 1) return InvalidHttp("The Host field is missing");
  if (hosts == 1 && !IsHost(head.Get("Host"))) {
    return InvalidHttp("Host must be a host name with an optional port");
  }
  if (head.path.empty()) return InvalidHttp("The request target must be a path");
  return absl::OkStatus();
}

}  // namespace heim
