// What a script with @elastic/elasticsearch does.
import { appendFileSync, readFileSync } from "node:fs";
import { Client, errors } from "@elastic/elasticsearch";

const { API_URL, API_USERNAME, API_PASSWORD, RESULTS } = process.env;
const { version } = JSON.parse(readFileSync(new URL("node_modules/@elastic/elasticsearch/package.json", import.meta.url)));

const say = (line) => appendFileSync(RESULTS, `${line}\n`);
const connect = (username, password) => new Client({ node: API_URL, auth: { username, password } }).security;

async function step(name, users, method, request) {
  let answer;
  try {
    answer = await users[method](request, { meta: true });
  } catch (error) {
    if (!(error instanceof errors.ResponseError)) throw error;
    answer = error.meta;
  }
  say(`${name} ${answer.statusCode} ${JSON.stringify(answer.body)}`);
}

say(`@elastic/elasticsearch ${version}`);
const users = connect(API_USERNAME, API_PASSWORD);
const username = "js";
await step("create", users, "putUser", { username, password: "a-first-password", roles: ["viewer"], full_name: "Jay Ess" });
await step("create", users, "putUser", { username: "jss", password: "a-first-password" });
await step("read", users, "getUser", { username });
await step("update", users, "putUser", { username, roles: ["viewer", "editor"], metadata: { team: { id: 7 } }, refresh: "wait_for" });
await step("disable", users, "disableUser", { username });
await step("read", users, "getUser", { username });
await step("enable", users, "enableUser", { username });
await step("password", users, "changePassword", { username, password: "a-second-password" });
await step("read", connect(username, "a-second-password"), "authenticate");
await step("read", connect(username, "a-first-password"), "authenticate");
await step("query", users, "queryUser", { query: { prefix: { username } }, size: 20 });
await step("read", users, "hasPrivileges", { cluster: ["manage_security"] });
await step("delete", users, "deleteUser", { username });
await step("delete", users, "deleteUser", { username });
