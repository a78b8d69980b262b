// Addresses that anybody may write: what is taken is taken again as it is shown, its host is a name
// or a canonical IP address, and no address of the inside gets past the guard, as itself or as a
// Location.
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "server/net/egress_guard.h"
#include "tests/fuzz/fuzz.h"

namespace {

// Every name is of the inside: only IP addresses of the internet can get through.
class InnerResolver final : public heim::Resolver {
 public:
  absl::StatusOr<std::vector<heim::IpAddress>> Resolve(const std::string& host,
                                                       absl::Duration /*deadline*/) override {
    FUZZ_CHECK(!heim::ParseIpAddress(host).has_value());
    FUZZ_CHECK(host.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_.") ==
               std::string::npos);
    return std::vector<heim::IpAddress>{*heim::ParseIpAddress("10.0.0.1")};
  }
};

void CheckTaken(const heim::Url& url) {
  const std::string text = heim::UrlText(url);
  for (const char c : text) FUZZ_CHECK(c > ' ' && c < 0x7f && c != '\\');
  const auto again = heim::ParseForeignUrl(text);
  FUZZ_CHECK(again.ok());
  FUZZ_CHECK(heim::UrlText(*again) == text);
  FUZZ_CHECK(heim::SameOrigin(url, *again));
  InnerResolver resolver;
  const auto found = heim::EgressGuard({}, resolver).Check(url, absl::InfiniteDuration());
  if (!found.ok()) return;
  FUZZ_CHECK(found->size() == 1);
  FUZZ_CHECK(heim::IsPublicAddress(found->front()));
  FUZZ_CHECK(heim::ParseIpAddress(url.host) == found->front());
  FUZZ_CHECK(url.port == 80 || url.port == 443);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = heim::FuzzText(data, size);
  if (const auto url = heim::ParseForeignUrl(text); url.ok()) CheckTaken(*url);
  const auto base = heim::ParseForeignUrl("https://site.example/a/b?c");
  if (const auto url = heim::ResolveLocation(*base, text); url.ok()) CheckTaken(*url);
  if (const auto network = heim::ParseIpNetwork(text); network.has_value()) {
    FUZZ_CHECK(network->Contains(network->address));
  }
  heim::EgressRules rules;
  (void)heim::AddEgressAllow(text, &rules);
  return 0;
}
