import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type * as CronsModule from '../checkers/crons.ts'
import type { Verdict } from '../checkers/operation.ts'
import type * as QueueModule from '../checkers/queue.ts'
import type * as SqlModule from '../checkers/sql-lists.ts'
import type * as StrongKvModule from '../checkers/strong-kv.ts'
import type * as ValuesModule from '../checkers/values.ts'
import { KNOWN, type Known } from './known.ts'

/** A bug in a copy of a checker, which some known history must show. */
export interface CheckerMutant {
  readonly is: string
  /** Name of a file of `checkers`, without its end. */
  readonly file: string
  readonly from: string
  readonly to: string
}

const mutant = (file: string, is: string, from: string, to: string): CheckerMutant => ({
  is: `checker of ${file}: ${is}`,
  file,
  from,
  to,
})

export const CHECKERS: readonly CheckerMutant[] = [
  mutant(
    'strong-kv',
    'the last operation is left out',
    'all.filter(isRelevant)',
    'all.filter(isRelevant).slice(0, -1)',
  ),
  mutant(
    'strong-kv',
    'an unknown write counts as one without effect',
    "(is === 'unknown' && !isRead(operation))",
    'false',
  ),
  mutant(
    'strong-kv',
    'a failed write counts as unknown',
    "return is === 'ok' ||",
    "return is !== 'unknown' ||",
  ),
  mutant(
    'strong-kv',
    'a search that was given up counts as right',
    "if (found.is === 'undecided') undecided.push(key)",
    '',
  ),
  mutant(
    'strong-kv',
    'an unknown write must take effect',
    "outcome.is === 'unknown' ? Infinity",
    "outcome.is === 'unknown' ? begun + 1",
  ),
  mutant(
    'values',
    'a replaced value is not looked for',
    'if (newer === undefined) return undefined',
    'return undefined',
  ),
  mutant(
    'values',
    'a failed write may be read',
    "if (write.outcome.is === 'failed')\n",
    'if (false as boolean)\n',
  ),
  mutant(
    'values',
    'expirations are not looked at',
    'read.begun\n}\n\n/** True if an entry may have',
    'read.begun && false\n}\n\n/** True if an entry may have',
  ),
  mutant('values', 'an entry may expire at any time', 'at - clockError <= read.ended', 'at > 0'),
  mutant(
    'values',
    'an entry never expires',
    'at !== undefined && at - clockError <= read.ended',
    'at === -1 && clockError <= read.ended',
  ),
  mutant(
    'values',
    'lists are not judged',
    'for (const list of lists) say(list, judgeList(key, list, writes, promised))',
    '',
  ),
  mutant(
    'queue',
    'a message that never came is not looked for',
    "if (send?.outcome.is === 'ok') say(",
    'if (send === undefined) say(',
  ),
  mutant('queue', 'two deliveries count as one', 'held.slice(index + 1)', 'held.slice(index + 2)'),
  mutant(
    'queue',
    'receives that overlap have the order of their answers',
    ' && (precedes(one.receive, other.receive) || within(other, one))',
    '',
  ),
  mutant(
    'queue',
    'bodies are not compared',
    'if (one.delivery.hash !== hash)',
    'if (one.delivery.hash === undefined)',
  ),
  mutant(
    'queue',
    'an ack of a replaced lease explains an end',
    '!held.some((other) => other.receive !== receive',
    '!held.some((other) => other.receive === receive',
  ),
  mutant(
    'queue',
    'a death is never too early',
    'if (most + hidden < maxRetries + 1)',
    'if (most + hidden < 0)',
  ),
  mutant(
    'crons',
    'a time that nobody ran is not looked for',
    'else if (whole.length === 0)',
    'else if (whole.length < 0)',
  ),
  mutant('crons', 'a time may be done before it ran', 'if (!ran)', 'if (!ran && runs.length === 0)'),
  mutant(
    'crons',
    'leases are not looked at',
    'precedes(claim, other) && other.ended',
    'precedes(other, claim) && other.ended',
  ),
  mutant('sql-lists', 'real time is not looked at', '  addRealTime(graph, transactions)\n', ''),
  mutant(
    'sql-lists',
    'the orders of a list are not compared',
    'list.every((value, index) => whole.list[index] === value)',
    'list.every((value, index) => index >= 0 || whole.list[index] === value)',
  ),
]

/** Folder of the checkers. */
const FOLDER = fileURLToPath(new URL('../checkers', import.meta.url))

/** Names of the known histories that the checkers of a folder judge otherwise than they should. */
export async function misjudged(folder = FOLDER): Promise<string[]> {
  const load = (name: string): Promise<unknown> => import(pathToFileURL(join(folder, `${name}.ts`)).href)
  const crons = (await load('crons')) as typeof CronsModule
  const queue = (await load('queue')) as typeof QueueModule
  const sql = (await load('sql-lists')) as typeof SqlModule
  const strong = (await load('strong-kv')) as typeof StrongKvModule
  const values = (await load('values')) as typeof ValuesModule
  const judge = ({ checker, operations, undecided }: Known): Verdict => {
    const history = operations as readonly never[]
    switch (checker) {
      case 'strong-kv':
        return strong.checkStrongKv(history, undecided === true ? { mostStates: 1 } : {})
      case 'values':
        return values.checkValues(history, { stalenessSeconds: 0, readYourWrites: true, clockError: 0 })
      case 'queue':
        return queue.checkQueue(history, { maxRetries: 2, clockError: 0 })
      case 'crons':
        return crons.checkCrons(history, { ticks: ['t'], clockError: 0 })
      case 'sql-lists':
        return sql.checkSqlLists(history)
    }
  }
  return Object.entries(KNOWN).flatMap(([name, known]) => {
    const { violations, undecided } = judge(known)
    const told = [...new Set(violations.map(({ kind }) => kind))].join()
    return told === known.kinds.join() && undecided.length > 0 === (known.undecided === true) ? [] : [name]
  })
}

/**
 * Plants a bug in a copy of the checkers. Resolves to the known histories that show it; none if it lives.
 * @throws where the checker has no longer the text that the bug replaces.
 */
export async function tryChecker({ is, file, from, to }: CheckerMutant): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'unmoor-checkers-'))
  try {
    await cp(FOLDER, folder, { recursive: true })
    await writeFile(join(folder, 'package.json'), '{"type":"module"}')
    const path = join(folder, `${file}.ts`)
    const parts = (await readFile(path, 'utf8')).split(from)
    if (parts.length !== 2)
      throw new Error(`"${is}" no longer fits: its text is there ${parts.length - 1} times.`)
    await writeFile(path, parts.join(to))
    return await misjudged(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
