// Reads a JSON list of LogQL queries, writes for each where Grafana's parser stumbles.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { text } from "node:stream/consumers";

const require = createRequire(`${process.env.PACKAGES}/`);
const { parser } = await import(pathToFileURL(require.resolve("@grafana/lezer-logql")));

function errors(query) {
  const found = [];
  parser.parse(query).iterate({
    enter: (node) => {
      if (node.type.isError) found.push(node.from);
    },
  });
  return found;
}

process.stdout.write(JSON.stringify(JSON.parse(await text(process.stdin)).map(errors)));
