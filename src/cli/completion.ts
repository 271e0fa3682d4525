import { Argument, Command, type Option } from 'commander'
import type { CommandContext } from './command.ts'
import { writeText } from './terminal.ts'

const SHELLS = ['bash', 'zsh'] as const
type Shell = (typeof SHELLS)[number]

const EXAMPLES = `
Examples:
  mailtrap-receiver completion bash > ~/.local/share/bash-completion/completions/mailtrap-receiver
  eval "$(mailtrap-receiver completion zsh)"    in ~/.zshrc, behind compinit`

export function completionCommand(context: CommandContext): Command {
  const command = new Command('completion')
    .addArgument(new Argument('<shell>', 'whose').choices(SHELLS))
    .addHelpText('after', EXAMPLES)
    .action((shell: Shell) =>
      writeText(context.stdout, writeScript(shell, listPlaces(command.parent ?? command))),
    )
  return command
}

/** A command, or one of its own commands, and what may stand behind it. */
interface Place {
  /** Such as ` events show`, and the empty text for the program itself. */
  readonly path: string
  readonly words: readonly string[]
  readonly options: readonly Option[]
}

function listPlaces(command: Command, path = ''): Place[] {
  const names = [
    ...command.commands.map((child) => child.name()),
    ...command.registeredArguments.flatMap(({ argChoices = [] }) => argChoices),
  ]
  const long = command.options.flatMap((option) => option.long ?? [])
  const words = [...names, ...(path === '' ? ['help'] : []), ...long, '--help']
  const here = { path, words, options: command.options }
  return [
    here,
    ...command.commands.flatMap((child) => listPlaces(child, `${path} ${child.name()}`)),
  ]
}

/** zsh runs what is written for bash. Where nothing is known both complete names of files. */
function writeScript(shell: Shell, places: readonly Place[]): string {
  const paths = places.filter(({ path }) => path !== '').map(({ path }) => `'${path}'`)
  const values = places.flatMap(({ path, options }) =>
    options
      .filter(({ required, optional }) => required || optional)
      .map(({ long, argChoices = [] }) => choose(`${path} ${long}`, argChoices)),
  )
  const start = shell === 'zsh' ? 'autoload -U +X bashcompinit && bashcompinit\n' : ''
  return `${start}_mailtrap_receiver() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[$((COMP_CWORD-1))]}"
  local place='' words='' word
  for word in "\${COMP_WORDS[@]:1:$((COMP_CWORD-1))}"; do
    case "$place $word" in
      ${paths.join(' | ')}) place="$place $word" ;;
    esac
  done
  case "$place" in
${places.map(({ path, words }) => choose(path, words)).join('\n')}
  esac
  case "$place $previous" in
${values.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _mailtrap_receiver mailtrap-receiver
`
}

function choose(place: string, words: readonly string[]): string {
  return `    '${place}') words='${words.join(' ')}' ;;`
}
