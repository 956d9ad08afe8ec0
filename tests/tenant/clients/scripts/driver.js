"use strict";
/**
 * Calls the real Node clients for the tests. One JSON object a line on stdin, one a line on stdout:
 *   {id, script, call, args} -> {id, result} or {id, error: {name, message, ...}}
 * `script` is a file of this folder, `call` a function that it exports. What the clients log goes to stderr.
 */
const path = require("node:path");
const readline = require("node:readline");

const reply = process.stdout.write.bind(process.stdout);
process.stdout.write = process.stderr.write.bind(process.stderr);

/** What a test may look at of an error, whichever client threw it. */
function describe(error) {
  const { name, message, code, status, statusCode, body, cause, error_description: description } = error;
  const inner = cause instanceof Error ? describe(cause) : cause;
  return { name, message, code, error: error.error, description, status: status ?? statusCode, body, cause: inner };
}

async function answer({ id, script, call, args }) {
  try {
    return { id, result: (await require(path.join(__dirname, script))[call](args)) ?? null };
  } catch (error) {
    return { id, error: describe(error) };
  }
}

readline.createInterface({ input: process.stdin }).on("line", async (line) => {
  reply(`${JSON.stringify(await answer(JSON.parse(line)))}\n`);
}).on("close", () => process.exit(0));
