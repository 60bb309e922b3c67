// Regenerate one key with Microsoft's own SDK for JavaScript: node regenerate.mjs Primary|Secondary [FINGERPRINT]
//
// APP is the function app's URL, KEY a function key; SUBSCRIPTION, GROUP and NAME name the resource. With FINGERPRINT
// (sha256:...) the key is regenerated only if it is still that one. Prints the new fingerprint; fails with 1 where the app
// refused or failed, with 2 where it takes longer than the app's deadline and goes on.
import { CommunicationServiceManagementClient } from "@azure/arm-communication";

const { APP, SUBSCRIPTION, GROUP, NAME, KEY } = process.env;
const [keyType, fingerprint] = process.argv.slice(2);
if (![APP, SUBSCRIPTION, GROUP, NAME, KEY, keyType].every(Boolean)) {
  console.error("APP, KEY, SUBSCRIPTION, GROUP and NAME must be set; then: node regenerate.mjs Primary|Secondary [FINGERPRINT]");
  process.exit(1);
}
const app = APP.replace(/\/$/, "");

// the app asks for a function key; the token that the SDK insists on is not looked at
const noToken = { getToken: async () => ({ token: "unused", expiresOnTimestamp: Date.now() + 3_600_000 }) };
// the SDK would repeat even this POST: without If-Match nobody knows what the second one does
const retryOptions = { maxRetries: fingerprint ? 3 : 0 };
const client = new CommunicationServiceManagementClient(noToken, SUBSCRIPTION, { endpoint: `${app}/api`, retryOptions });

const customHeaders = { "x-functions-key": KEY, ...(fingerprint && { "If-Match": `"${fingerprint}"` }) };
let answer = "";
try {
  await client.communicationServices.regenerateKey(GROUP, NAME, { keyType }, {
    requestOptions: { customHeaders },
    // Node.js itself would wait for ever; Azure's front end gives up after 230 s
    abortSignal: AbortSignal.timeout(240_000),
    // the SDK's own type has no fingerprint; the answer has
    onResponse: (response) => { answer = response.bodyAsText ?? ""; },
  });
  console.log(JSON.parse(answer).fingerprint);
} catch (error) {
  if (error.name !== "RestError" && error.name !== "AbortError") throw error;
  // ARM's own regenerateKey has no 202, so the SDK takes it for an error
  if (error.statusCode === 202) {
    console.error(`It goes on: ask ${app}/api/rotations/${JSON.parse(answer).id}/result`);
    process.exit(2);
  }
  // the whole answer, for it says whether the key has changed; the host's own 401 has none
  console.error(answer || `${error.statusCode ?? "No answer"}: ${error.message}`);
  if (error.statusCode === undefined) {
    console.error("If the request was sent, look at the key's fingerprint before you send it again");
  }
  process.exitCode = 1;
}
