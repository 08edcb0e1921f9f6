/** The commands and their options, as the program declares them. */
import type { Command, Option } from 'commander';
import { buildProgram } from '../src/cli/program.ts';
import { table } from './settings-table.ts';

/** The table of the options that every command has, then a section a command. */
export function commandsTables(): readonly string[] {
  const program = buildProgram(() => {});
  const everywhere = program.options.map(({ long }) => long);
  return [
    optionTable(program.options),
    ...leaves(program, '').flatMap(({ name, command }) => {
      const own = command.options.filter(({ long, hidden }) => !hidden && !everywhere.includes(long));
      return [
        `## ${name}`,
        `\`${[name, ...argumentsOf(command)].join(' ')}\`: ${command.description()}.`,
        ...(own.length > 0 ? [optionTable(own)] : []),
      ];
    }),
  ];
}

function leaves(command: Command, above: string): readonly { readonly name: string; readonly command: Command }[] {
  const name = `${above} ${command.name()}`.trim();
  if (command.commands.length === 0) return [{ name, command }];
  return command.commands.flatMap((inner) => leaves(inner, name));
}

function argumentsOf(command: Command): readonly string[] {
  return command.registeredArguments.map((argument) => {
    const shown = `${argument.name().toUpperCase()}${argument.variadic ? '…' : ''}`;
    return argument.required ? shown : `[${shown}]`;
  });
}

function optionTable(options: readonly Option[]): string {
  return table(
    ['option', 'does'],
    options.map(({ flags, description, argChoices, defaultValue }) => {
      const choices = argChoices ? ` (${argChoices.join(', ')})` : '';
      const none = defaultValue === undefined || (Array.isArray(defaultValue) && defaultValue.length === 0);
      return [`\`${flags}\``, `${description}${choices}.${none ? '' : ` Default: \`${String(defaultValue)}\`.`}`];
    }),
  );
}
