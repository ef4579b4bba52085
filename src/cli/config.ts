import {
  flag,
  flagName,
  type Option,
  type OptionTable,
  oneOf,
  optional,
  type Setting,
  settingsOf,
  valuesOf,
} from '../config.ts';
import { defineCommand } from './command.ts';
import { command as dev } from './dev.ts';
import { command as gateway } from './gateway.ts';
import { targetOptions } from './http-client.ts';
import { alignColumns, printable } from './output.ts';
import { command as replica } from './replica.ts';

const sections = {
  replica: replica.options,
  gateway: gateway.options,
  dev: dev.options,
  client: targetOptions,
} satisfies Readonly<Record<string, OptionTable>>;

type SectionName = keyof typeof sections;
const sectionNames = Object.keys(sections) as SectionName[];

/** Each setting of any section as a plain flag, so that what would be in force with it can be asked. */
const anySetting = Object.fromEntries(
  Object.values<OptionTable>(sections).flatMap((table) =>
    Object.entries(table).map(([name, option]) => [name, asText(option)]),
  ),
) as Readonly<Record<string, Option<string | null>>>;

export const command = defineCommand({
  name: 'config',
  summary: 'Check the settings that are in force, and with --print show them and where each comes from.',
  details: `Takes the flags of "bazar replica", "bazar gateway" and "bazar dev", and reads the same environment.
Keys and files of tokens are shown by name, a token never.`,
  arguments: { section: optional(oneOf('SECTION', sectionNames), `Only one of ${sectionNames.join(', ')}.`) },
  options: { ...anySetting, print: flag('Show them.') } as typeof anySetting & { print: Option<boolean> },
  async run({ section, print, ...given }, { stdout, environment }) {
    const flags = new Map(Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== null));
    for (const name of section === null ? sectionNames : [section]) {
      const settings = settingsOf(sections[name], flags, environment);
      check(sections[name], settings);
      if (print) stdout.write(sectionPage(name, sections[name], settings));
    }
  },
});

function asText({ placeholder, description }: Option<unknown>): Option<string | null> {
  return optional({ placeholder, parse: (text) => text }, description);
}

/** What is set must be well-formed; what a command requires and is not set shows in its place. */
function check(table: OptionTable, settings: readonly Setting[]): void {
  valuesOf(
    table,
    settings.filter(({ text }) => text !== null),
  );
}

function sectionPage(name: string, table: OptionTable, settings: readonly Setting[]): string {
  const rows = settings.map(({ name, text, source }) => {
    const shown = table[name]?.secret && text !== null ? '(not shown)' : printable(text ?? '-');
    return [`  ${flagName(name)}`, shown, source];
  });
  return `${name}\n${alignColumns(rows)}`;
}
