/** Parses the `unmoor` command lines of documentation by the CLI's own parser, and runs none of them. */
import { CommanderError, type Command } from 'commander'
import { checkTargets } from '../../core/tools/cli/options.ts'
import { createProgram } from '../../core/tools/cli/program.ts'
import type { Fence } from './markdown.ts'

/** An `unmoor` command line in a Markdown file. */
export interface CommandLine {
  readonly file: string
  readonly line: number
  readonly args: readonly string[]
}

/** Splits a line of shell into words; quotes group, and a comment ends it. */
function wordsOf(line: string): string[] {
  const words: string[] = []
  for (const [word] of line.matchAll(/&&|\|\||[;|]|#.*$|(?:'[^']*'|"[^"]*"|[^\s;|&'"])+/g)) {
    if (word.startsWith('#')) break
    words.push(word.replaceAll(/'([^']*)'|"([^"]*)"/g, '$1$2'))
  }
  return words
}

/** Returns the words after `unmoor` of each such command in a line of shell. */
function commandsOf(line: string): string[][] {
  const commands: string[][] = [[]]
  for (const word of wordsOf(line))
    if (['&&', '||', ';', '|'].includes(word)) commands.push([])
    else commands.at(-1)?.push(word)
  return commands.flatMap((words) => {
    const start = words.findIndex((word) => !/^[A-Z_]+=/.test(word) && word !== 'npx')
    if (words[start] !== 'unmoor') return []
    const output = words.indexOf('>')
    return [words.slice(start + 1, output === -1 ? undefined : output)]
  })
}

/**
 * Returns the `unmoor` command lines of fences in the languages `sh` and `yaml` (the steps of a workflow). A
 * line may have several of them.
 */
export function readCommandLines(fences: readonly Fence[]): CommandLine[] {
  return fences
    .filter(({ language }) => language === 'sh' || language === 'yaml')
    .flatMap(({ file, line, code }) =>
      code
        .split('\n')
        .flatMap((text, index) =>
          commandsOf(text.replace(/^\s*- run: /, '')).map((args) => ({ file, line: line + index, args })),
        ),
    )
}

/** Makes a command and those below it print nothing, and call `done` in place of their action. */
function disarm(command: Command, done: (command: Command) => void): void {
  command.configureOutput({ writeOut: () => {}, writeErr: () => {} }).exitOverride()
  if (command.parent !== null) command.action(() => done(command))
  for (const each of command.commands) disarm(each, done)
}

/** Returns what the parser refuses of a command line, or undefined if it would run. */
export async function parseCommandLine(args: readonly string[]): Promise<string | undefined> {
  const program = await createProgram(args)
  let target: unknown
  let name = ''
  disarm(program, (command) => {
    name = command.name()
    target = command.opts()['target']
  })
  try {
    await program.parseAsync([...args], { from: 'user' })
    // The suite knows `all`; the targets of a config are those of the project that has it.
    if (name !== 'conformance' && target !== undefined)
      checkTargets(Array.isArray(target) ? target.map(String) : [String(target)], {})
    return undefined
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return undefined
    return error instanceof Error ? error.message : String(error)
  }
}

/** Returns the command lines that the CLI refuses, a line for people each. */
export async function checkCommandLines(lines: readonly CommandLine[]): Promise<string[]> {
  const problems: string[] = []
  for (const { file, line, args } of lines) {
    const problem = await parseCommandLine(args)
    if (problem !== undefined) problems.push(`${file}:${line}: unmoor ${args.join(' ')}: ${problem}`)
  }
  return problems
}
