/**
 * Plans a data transfer: what it will do, and if the target can take the data. Everything that can be checked
 * before the first write is checked here.
 */
import { UnmoorError } from '../../errors.ts'
import type { DataKind, Sink, Source, Table } from './records.ts'
import { misfit } from './sql-cells.ts'

export interface Plan {
  bindings: {
    binding: string
    kind: DataKind
    count: number
    bytes: number
    tables?: { from: Table; to: Table }[]
  }[]
  count: number
  bytes: number
}

/**
 * Counts the records of a transfer's source and checks the target.
 *
 * @throws `NotFound` for a binding that either side lacks, `AlreadyExists` for a target that contains data,
 * `LimitExceeded` or `InvalidArgument` naming a value that the target cannot hold.
 */
export async function planTransfer(
  source: Source,
  sink: Sink,
  options: { bindings?: readonly string[] | undefined; checkEmpty: boolean },
): Promise<Plan> {
  const plan: Plan = { bindings: [], count: 0, bytes: 0 }
  for (const binding of options.bindings ?? Object.keys(source.bindings)) {
    const kind = source.bindings[binding]
    if (kind === undefined)
      throw new UnmoorError(
        'NotFound',
        `${source.label} has no kv, blob or sql binding "${binding}". It has: ${names(source)}.`,
        { binding },
      )
    if (sink.bindings[binding] !== kind)
      throw new UnmoorError(
        'NotFound',
        `${sink.label} has no ${kind} binding "${binding}". It has: ${names(sink)}. Leave it out with ` +
          '--binding, or declare it there.',
        { binding },
      )
    if (kind === 'sql') {
      const tables = await planTables(source, sink, binding, options.checkEmpty)
      plan.bindings.push({ binding, kind, count: tables.count, bytes: 0, tables: tables.pairs })
      plan.count += tables.count
      continue
    }
    const writer = kind === 'kv' ? sink.kvWriter(binding) : sink.blobWriter(binding)
    if (options.checkEmpty && !(await writer.isEmpty())) throw notEmpty(sink, binding, binding)
    const { count, bytes = 0 } = await (kind === 'kv' ? source.kv(binding) : source.blob(binding)).count()
    plan.bindings.push({ binding, kind, count, bytes })
    plan.count += count
    plan.bytes += bytes
  }
  return plan
}

function names({ bindings }: { bindings: Readonly<Record<string, DataKind>> }): string {
  return (
    Object.entries(bindings)
      .map(([name, kind]) => `${name} (${kind})`)
      .join(', ') || 'none'
  )
}

function notEmpty(sink: Sink, binding: string, what: string): UnmoorError {
  return new UnmoorError(
    'AlreadyExists',
    `"${what}" of ${sink.label} holds data already. Empty it, or write over and beside what is there ` +
      'with --into-non-empty.',
    { binding },
  )
}

async function planTables(
  source: Source,
  sink: Sink,
  binding: string,
  checkEmpty: boolean,
): Promise<{ pairs: { from: Table; to: Table }[]; count: number }> {
  const reader = source.sql(binding)
  const writer = sink.sqlWriter(binding)
  const schema = await reader.schema()
  const own = await writer.prepare(schema)
  const pairs = schema.tables.map((from, index) => ({ from, to: own.tables[index] as Table }))
  let count = 0
  for (const { from, to } of pairs) {
    if (checkEmpty && !(await writer.isEmpty(to))) throw notEmpty(sink, binding, `${binding}.${to.name}`)
    count += await reader.count(from)
    // The transfer's plan checks rows only if the two databases are SQLite and Postgres: a database of the
    // same engine as the source can hold every row of the source.
    if (own.dialect !== schema.dialect) await checkRows(source, binding, from, to, own.dialect)
  }
  return { pairs, count }
}

async function checkRows(
  source: Source,
  binding: string,
  from: Table,
  to: Table,
  dialect: 'sqlite' | 'postgres',
): Promise<void> {
  for await (const { record } of source.sql(binding).read(from)) {
    for (const [index, column] of to.columns.entries()) {
      const why = misfit(record[index] ?? null, column, dialect)
      if (why === undefined) continue
      const key = from.key
        .map(
          (name) =>
            `${name} = ${JSON.stringify(record[from.columns.findIndex((other) => other.name === name)])}`,
        )
        .join(', ')
      throw new UnmoorError(
        'InvalidArgument',
        `${binding}: the target cannot hold "${column.name}" of the row of "${from.name}" with ${key}: ` +
          `${why}. Mend the row or the column first; nothing was written.`,
        {
          binding,
        },
      )
    }
  }
}
