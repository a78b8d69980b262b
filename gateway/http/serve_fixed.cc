#include <string>

#include "gateway/http/handlers.h"
#include "gateway/http/pages.h"
#include "gateway/json/text.h"
#include "server/base/strings.h"

namespace heim {
namespace {

constexpr std::string_view kPagePolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

HttpResponse Page(std::string_view type, std::string_view text) {
  HttpResponse response;
  response.body = std::string(text);
  response.Add("Content-Type", StrCat(type, "; charset=utf-8"));
  response.Add("Content-Security-Policy", kPagePolicy);
  response.Add("Referrer-Policy", "no-referrer");
  response.Add("X-Frame-Options", "DENY");
  response.Add("Cache-Control", "no-cache");
  return response;
}

std::string Discovery(const Front& front, std::string_view host) {
  std::string out = "{\"name\":\"heim\",\"version\":";
  AppendQuoted(front.options.version, &out);
  out += ",\"api_versions\":[\"v1\"],\"api\":\"/api/v1\",\"openapi\":\"/api/v1/openapi.json\"";
  out += ",\"websocket\":[";
  for (const auto& [path, method] : front.sockets) {
    if (out.back() != '[') out += ',';
    AppendQuoted(path, &out);
  }
  out += "]";
  if (front.options.adopt_http2 != nullptr) {
    out += ",\"grpc\":";
    AppendQuoted(host, &out);
  }
  out += "}";
  return out;
}

}  // namespace

bool FindFixed(Exchange& exchange, HttpResponse* response) {
  Front& front = exchange.front();
  const std::string_view path = exchange.head().path;
  if (path == "/health") {
    *response = JsonResponse(
        200, front.options.health != nullptr ? front.options.health() : R"({"status":"ok"})");
  } else if (path == "/livez") {
    *response = TextResponse(200, "ok\n");
  } else if (path == "/readyz") {
    const bool ready = !front.draining && (front.options.ready == nullptr || front.options.ready());
    *response = ready ? TextResponse(200, "ready\n") : TextResponse(503, "not ready\n");
  } else if (path == "/metrics") {
    *response = TextResponse(200, front.options.metrics != nullptr ? front.options.metrics() : "");
    response->Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  } else if (path == "/api/v1/openapi.json") {
    *response = JsonResponse(200, front.openapi);
  } else if (path == "/.well-known/heim") {
    *response = JsonResponse(200, Discovery(front, exchange.head().Get("Host")));
  } else if (path == "/") {
    *response = Page("text/html", kHomePage);
  } else if (path == "/setup") {
    *response = Page("text/html", kSetupPage);
  } else if (path == "/setup.js") {
    *response = Page("text/javascript", kSetupScript);
  } else if (path == "/setup.css") {
    *response = Page("text/css", kPageStyle);
  } else {
    return false;
  }
  return true;
}

}  // namespace heim
