// Calls one operation of @azure/arm-communication and prints what came of it, as one line of JSON:
//   {"value": …}  or  {"error": {"name", "code", "statusCode", "message"}}
// Arguments: the operation, then its own arguments, each as JSON.
// Environment: ENDPOINT (base URL), SUBSCRIPTION_ID, TOKEN (bearer), HEADERS (optional: JSON, sent with each request).
import { CommunicationServiceManagementClient } from "@azure/arm-communication";

const { ENDPOINT, SUBSCRIPTION_ID, TOKEN, HEADERS } = process.env;
const [operation, ...rest] = process.argv.slice(2);
const parameters = rest.map((argument) => JSON.parse(argument));
const credential = {
  getToken: async () => ({ token: TOKEN, expiresOnTimestamp: Date.now() + 3_600_000 }),
};
const client = new CommunicationServiceManagementClient(credential, SUBSCRIPTION_ID, {
  endpoint: ENDPOINT,
  retryOptions: { maxRetries: 0 },
});
const options = { requestOptions: { customHeaders: JSON.parse(HEADERS ?? "{}") } };

async function call() {
  const result = client.communicationServices[operation](...parameters, options);
  if (typeof result[Symbol.asyncIterator] !== "function") return await result;
  const found = [];
  for await (const each of result) found.push(each);
  return found;
}

let outcome;
try {
  outcome = { value: await call() };
} catch ({ name, code, statusCode, message }) {
  outcome = { error: { name, code, statusCode, message } };
}
console.log(JSON.stringify(outcome));
