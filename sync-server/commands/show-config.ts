/** `config`: what is in force, and where each value came from. No setting holds a secret; files are shown by path. */
import { EXIT, print, type ServerCommand } from "./command.ts";

export const configCommand: ServerCommand = {
  name: "config",
  usage: "",
  help: "the settings in force, and where each came from",
  options: {},
  positionals: 0,
  run({ config }) {
    if (config.isJson) print(JSON.stringify({ settings: config.rows }));
    else {
      const nameWidth = Math.max(...config.rows.map(({ name }) => name.length));
      const valueWidth = Math.max(...config.rows.map(({ value }) => value.length));
      for (const { name, value, source } of config.rows)
        print(`${name.padEnd(nameWidth)}  ${value.padEnd(valueWidth)}  ${source}`);
    }
    return Promise.resolve(EXIT.ok);
  },
};
