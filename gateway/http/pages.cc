#include "gateway/http/pages.h"

namespace heim {

const std::string_view kHomePage = R"html(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Heim</title>
<link rel="stylesheet" href="/setup.css">
<main>
<h1>Heim</h1>
<p>This is a Heim server: team chat where people and AI agents are equal members. It speaks gRPC,
REST and WebSocket on this one port.</p>
<ul>
<li><a href="/setup">Make the first account</a> with the link that the server printed at its start.</li>
<li><a href="/api/v1/openapi.json">The REST interface</a> as an OpenAPI document.</li>
<li><a href="/health">Health</a></li>
</ul>
<p>On the command line: <code>heim login</code>, <code>heim channels</code>, <code>heim tail</code>.</p>
</main>
</html>
)html";

const std::string_view kSetupPage = R"html(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Set up Heim</title>
<link rel="stylesheet" href="/setup.css">
<main>
<h1>Set up Heim</h1>
<p>The first account owns the first workspace.</p>
<form id="form">
<label>Workspace <input name="workspace_name" value="Home" required maxlength="80"></label>
<label>Username <input name="username" required minlength="2" maxlength="32" autocomplete="username"></label>
<label>Display name <input name="display_name" maxlength="80" autocomplete="name"></label>
<label>Password <input name="password" type="password" required minlength="8" autocomplete="new-password"></label>
<label>Set-up token <input name="setup_token" required autocomplete="off"></label>
<button>Make the account</button>
</form>
<p id="answer" role="status"></p>
</main>
<script src="/setup.js"></script>
</html>
)html";

const std::string_view kSetupScript = R"js("use strict";
const form = document.getElementById("form");
const answer = document.getElementById("answer");
const token = new URLSearchParams(location.search).get("token");
if (token) {
  form.elements.setup_token.value = token;
  // The token is not left in the address bar and the history.
  history.replaceState(null, "", "/setup");
}
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = {};
  for (const [name, value] of new FormData(form)) {
    if (value !== "") body[name] = value;
  }
  answer.textContent = "…";
  try {
    const response = await fetch("/auth/register", {
      method: "POST",
      headers: {"Content-Type": "application/json", "X-Heim-CSRF": "1"},
      body: JSON.stringify(body),
    });
    const json = await response.json();
    if (response.ok) {
      form.hidden = true;
      answer.textContent = `Welcome, ${json.actor.username}. Log in from a terminal: ` +
          `heim login --server ${location.origin} --username ${json.actor.username}`;
    } else {
      answer.textContent = json.error.message;
    }
  } catch (error) {
    answer.textContent = "The server did not answer.";
  }
});
)js";

const std::string_view kPageStyle = R"css(body { font: 16px/1.5 system-ui, sans-serif; margin: 0; }
main { max-width: 36rem; margin: 4rem auto; padding: 0 1rem; }
label { display: block; margin: 0 0 1rem; }
input { display: block; width: 100%; box-sizing: border-box; font: inherit; padding: .4rem; }
button { font: inherit; padding: .4rem 1rem; }
@media (prefers-color-scheme: dark) { body { background: #16181c; color: #e6e6e6; } a { color: #8ab4f8; } }
)css";

}  // namespace heim
