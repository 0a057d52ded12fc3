import { Argument, type Command, type Option } from 'commander';
import { print } from './output.ts';

export function addCompletion(program: Command): void {
  program
    .command('completion')
    .description('Print what completes this command line in a shell: source <(earshot completion bash).')
    .addArgument(new Argument('<shell>').choices(Object.keys(scripts)))
    .action((shell: keyof typeof scripts) => print(scripts[shell](describe(program))));
}

interface Described {
  readonly commands: readonly DescribedCommand[];
  /** What may stand where no command does yet: also those of the default command. */
  readonly options: readonly DescribedOption[];
}

interface DescribedCommand {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly DescribedOption[];
  readonly operands: readonly string[];
}

interface DescribedOption {
  readonly long: string;
  readonly summary: string;
  readonly value: 'none' | 'file' | 'text';
}

/** What the help shows. */
function describe(program: Command): Described {
  const help = program.createHelp();
  const optionsOf = (command: Command) => help.visibleOptions(command).flatMap(describeOption);
  const visible = help.visibleCommands(program);
  const names = visible.map((command) => command.name());
  const commands = visible.map((command) => ({
    name: command.name(),
    summary: command.description(),
    options: optionsOf(command),
    operands: command.registeredArguments.flatMap((argument) =>
      argument.name() === 'command' ? names : (argument.argChoices ?? []),
    ),
  }));
  const all = [...optionsOf(program), ...(commands.find(({ name }) => name === 'run')?.options ?? [])];
  return { commands, options: [...new Map(all.map((option) => [option.long, option])).values()] };
}

function describeOption({ long, flags, required, description }: Option): readonly DescribedOption[] {
  if (!long) return [];
  const value = !required ? 'none' : /<(file|path|source)>/.test(flags) ? 'file' : 'text';
  return [{ long, summary: description, value }];
}

const scripts = { bash, zsh, fish };

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

function bash({ commands, options }: Described): string {
  const all = [...options, ...commands.flatMap((command) => command.options)];
  const taking = (...values: readonly DescribedOption['value'][]) =>
    [...new Set(all.filter(({ value }) => values.includes(value)).map(({ long }) => long))].join('|');
  const names = commands.map(({ name }) => name);
  const words = (own: readonly DescribedOption[], others: readonly string[]) =>
    quoted([...others, ...own.map(({ long }) => long)].join(' '));
  return `_earshot() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} command= words= at
  # --config=file is three words.
  if [[ $word == = ]]; then word=
  elif [[ $before == = ]]; then before=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  for ((at = 1; at < COMP_CWORD; at++)); do
    case \${COMP_WORDS[at]} in
      ${taking('file', 'text')})
        [[ \${COMP_WORDS[at+1]} == = ]] && ((at++))
        ((at++))
        ;;
      ${names.join('|')})
        command=\${COMP_WORDS[at]}
        break
        ;;
    esac
  done
  COMPREPLY=()
  case $before in
    ${taking('file')})
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
      return
      ;;
    ${taking('text')}) return ;;
  esac
  case $command in
    '') words=${words(options, names)} ;;
${commands.map(({ name, options: own, operands }) => `    ${name}) words=${words(own, operands)} ;;`).join('\n')}
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _earshot earshot
`;
}

function zsh({ commands, options }: Described): string {
  const plain = (text: string) => text.replaceAll(/[[\]:\\]/g, '\\$&');
  const values = { none: '', file: ':file:_files', text: ':value: ' };
  const specs = (own: readonly DescribedOption[]) =>
    own.map(({ long, summary, value }) =>
      quoted(`*${long}${value === 'none' ? '' : '='}[${plain(summary)}]${values[value]}`),
    );
  const branches = commands.map(({ name, options: own, operands }) => {
    const operand = operands.length > 0 ? [quoted(`1:${name}:(${operands.join(' ')})`)] : [];
    return `        ${name}) _arguments ${[...specs(own), ...operand].join(' ')} ;;`;
  });
  return `#compdef earshot
_earshot() {
  local curcontext=$curcontext state line
  local -A opt_args
  local -a commands=(${commands.map(({ name, summary }) => quoted(`${name}:${plain(summary)}`)).join(' ')})
  _arguments -C ${specs(options).join(' ')} '1: :->command' '*:: :->rest'
  case $state in
    command) _describe command commands ;;
    rest)
      case $words[1] in
${branches.join('\n')}
      esac
      ;;
  esac
}
compdef _earshot earshot
`;
}

function fish({ commands, options }: Described): string {
  const escaped = (text: string) => `'${text.replaceAll(/['\\]/g, '\\$&')}'`;
  const values = { none: '', file: ' -r -F', text: ' -x' };
  const line = (when: string, rest: string) => `complete -c earshot -n ${escaped(when)} ${rest}\n`;
  const none = `not __fish_seen_subcommand_from ${commands.map(({ name }) => name).join(' ')}`;
  const optionLines = (when: string, own: readonly DescribedOption[]) =>
    own.map(({ long, summary, value }) =>
      line(when, `-l ${long.slice(2)}${values[value]} -d ${escaped(summary)}`),
    );
  return [
    'complete -c earshot -f\n',
    ...commands.map(({ name, summary }) => line(none, `-a ${name} -d ${escaped(summary)}`)),
    ...optionLines(none, options),
    ...commands.flatMap(({ name, options: own, operands }) => {
      const when = `__fish_seen_subcommand_from ${name}`;
      const words = operands.length > 0 ? [line(when, `-a ${escaped(operands.join(' '))}`)] : [];
      return [...optionLines(when, own), ...words];
    }),
  ].join('');
}
