// The least that a Lambda function in Node can be: the Runtime API's loop with Node's own HTTP client, and nothing else. It is less than what Lambda
// itself runs around a handler, so that it is a floor for functions in Node. It is never deployed.
import { Agent, request } from "node:http";

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

const ask = (method, path, body) =>
  new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
    const asked = request({ agent, host, port, method, path: `/2018-06-01/runtime${path}`, headers }, (answer) => {
      const chunks = [];
      answer.on("data", (chunk) => chunks.push(chunk));
      answer.on("end", () => resolve({ headers: answer.headers, body: Buffer.concat(chunks).toString() }));
    });
    asked.on("error", reject);
    asked.end(body);
  });

const handler = async () => ({ hello: "world" });

for (;;) {
  const { headers, body } = await ask("GET", "/invocation/next");
  const answer = await handler(JSON.parse(body));
  await ask("POST", `/invocation/${headers["lambda-runtime-aws-request-id"]}/response`, JSON.stringify(answer));
}
