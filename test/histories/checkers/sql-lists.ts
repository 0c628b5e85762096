import { type Edge, type EdgeKind, Graph } from './graph.ts'
import { type Operation, type Verdict, type Violation } from './operation.ts'

/**
 * One step of a transaction on lists: `append` adds a value that is unique in the history, `read` returns a
 * list. `count` returns how many of a pair's two guards are on duty, and `leave` takes one off duty; an app
 * leaves only where it has counted two, so that a count of none shows write skew.
 */
export type ListStep =
  | { readonly do: 'append'; readonly key: string; readonly value: number }
  | { readonly do: 'read'; readonly key: string; readonly list?: readonly number[] }
  | { readonly do: 'count'; readonly pair: string; readonly count?: number }
  | { readonly do: 'leave'; readonly pair: string; readonly guard: number }

/**
 * A transaction: its call names the steps, its outcome has them with what the reads returned. One that is not
 * `serializable` only appends, and is promised to take effect as a whole.
 */
export type ListOperation = Operation<
  { readonly steps: readonly ListStep[]; readonly serializable?: boolean },
  readonly ListStep[]
>

/** A transaction that took effect, as far as the history shows. */
interface Transaction {
  readonly operation: ListOperation
  readonly steps: readonly ListStep[]
  readonly ended: number
}

/**
 * Judges transactions on lists, after Kingsbury and Alvaro, "Elle" (2020): the lists give the order of writes,
 * and serializable transactions in real time have no cycle of dependencies.
 */
export function checkSqlLists(operations: readonly ListOperation[]): Verdict {
  const violations: Violation[] = []
  const say = (kind: string, what: string, subject: string, ...shown: ListOperation[]): void =>
    void violations.push({ kind, what, subject, operations: shown.map(({ id }) => id) })
  const writers = writersOf(operations)
  const seen = new Set<number>()
  for (const { outcome } of operations)
    for (const step of outcome.is === 'ok' ? outcome.value : [])
      if (step.do === 'read') for (const value of step.list ?? []) seen.add(value)
  const transactions = operations.flatMap((operation): Transaction[] => {
    const { call, outcome, ended } = operation
    if (outcome.is === 'ok') return [{ operation, steps: outcome.value, ended }]
    const took =
      outcome.is === 'unknown' && call.steps.some((step) => step.do === 'append' && seen.has(step.value))
    return took ? [{ operation, steps: call.steps, ended: Infinity }] : []
  })
  const skews = judgeReads(transactions, writers, say)
  const orders = ordersOf(transactions, say)
  const graph = dependencies(transactions, orders)
  judgeBatches(graph, transactions, say)
  for (const component of graph.components()) judgeComponent(graph, component, transactions, say)
  return { violations, undecided: [], counts: { transactions: transactions.length, writeSkews: skews } }
}

type Say = (kind: string, what: string, subject: string, ...shown: ListOperation[]) => void

function writersOf(operations: readonly ListOperation[]): Map<number, ListOperation> {
  return new Map(
    operations.flatMap((operation) =>
      operation.call.steps.flatMap((step) =>
        step.do === 'append' ? [[step.value, operation] as const] : [],
      ),
    ),
  )
}

/** Aborted and intermediate reads, invented and repeated values, own writes, write skew. */
function judgeReads(
  transactions: readonly Transaction[],
  writers: ReadonlyMap<number, ListOperation>,
  say: Say,
): number {
  let skews = 0
  for (const { operation, steps } of transactions) {
    const own = new Map<string, number[]>()
    const before = new Map<string, string>()
    for (const step of steps) {
      if (step.do === 'count' && step.count === 0) {
        skews++
        say('write skew', 'Both guards of a pair left, though each had counted two.', step.pair, operation)
      }
      if (step.do === 'append') own.set(step.key, [...(own.get(step.key) ?? []), step.value])
      if (step.do !== 'read' || step.list === undefined) continue
      const { key, list } = step
      const appended = own.get(key) ?? []
      const rest = list.slice(0, Math.max(0, list.length - appended.length))
      if (appended.some((value, index) => list[rest.length + index] !== value))
        say('own write missing', 'A transaction did not read what it had appended itself.', key, operation)
      const text = JSON.stringify(rest)
      if ((before.get(key) ?? text) !== text)
        say('unrepeatable read', 'A transaction read one list in two states.', key, operation)
      before.set(key, text)
      if (new Set(list).size < list.length)
        say('repeated', 'A list has a value twice that was appended once.', key, operation)
      for (const [index, value] of list.entries()) {
        const writer = writers.get(value)
        if (writer === undefined)
          say('invented', `A list has ${value}, which nobody appended.`, key, operation)
        else if (writer.outcome.is === 'failed')
          say('G1a', `A read has ${value} of a transaction that was rolled back.`, key, operation, writer)
        else if (writer !== operation && index === list.length - 1 && isIntermediate(writer, key, value))
          say(
            'G1b',
            `A read ends with ${value}, after which its transaction appended more.`,
            key,
            operation,
            writer,
          )
      }
    }
  }
  return skews
}

function isIntermediate(writer: ListOperation, key: string, value: number): boolean {
  const last = writer.call.steps.findLast((step) => step.do === 'append' && step.key === key)
  return last?.do === 'append' && last.value !== value
}

/** The order of each list's values: that of its longest read. Every other read is a prefix of it. */
function ordersOf(transactions: readonly Transaction[], say: Say): Map<string, readonly number[]> {
  const longest = new Map<string, { list: readonly number[]; operation: ListOperation }>()
  const each = (visit: (key: string, list: readonly number[], operation: ListOperation) => void): void => {
    for (const { operation, steps } of transactions)
      for (const step of steps)
        if (step.do === 'read' && step.list !== undefined) visit(step.key, step.list, operation)
  }
  each((key, list, operation) => {
    if (list.length > (longest.get(key)?.list.length ?? -1)) longest.set(key, { list, operation })
  })
  const told = new Set<string>()
  each((key, list, operation) => {
    const whole = longest.get(key)
    if (whole === undefined || told.has(key) || list.every((value, index) => whole.list[index] === value))
      return
    told.add(key)
    say(
      'lost append',
      'Two reads of a list have its values in orders that exclude each other.',
      key,
      operation,
      whole.operation,
    )
  })
  return new Map([...longest].map(([key, { list }]) => [key, list]))
}

function dependencies(
  transactions: readonly Transaction[],
  orders: ReadonlyMap<string, readonly number[]>,
): Graph {
  const graph = new Graph(transactions.length)
  const writer = new Map<number, number>()
  const unseen = new Map<string, number[]>()
  transactions.forEach(({ steps }, node) => {
    for (const step of steps) {
      if (step.do !== 'append') continue
      writer.set(step.value, node)
      if (orders.get(step.key)?.includes(step.value) === true) continue
      unseen.set(step.key, [...(unseen.get(step.key) ?? []), node])
    }
  })
  // A value that no read has comes after all that some read has.
  const after = (key: string, index: number): readonly number[] => {
    const order = orders.get(key) ?? []
    const next = writer.get(order[index] ?? NaN)
    if (next !== undefined) return [next]
    return index >= order.length ? (unseen.get(key) ?? []) : []
  }
  for (const [key, order] of orders)
    order.forEach((value, index) => {
      const from = writer.get(value)
      if (from !== undefined) for (const to of after(key, index + 1)) graph.add(from, to, 'ww')
    })
  transactions.forEach(({ steps }, node) => {
    for (const step of steps) {
      if (step.do !== 'read' || step.list === undefined) continue
      const from = writer.get(step.list.at(-1) ?? NaN)
      if (from !== undefined) graph.add(from, node, 'wr')
      for (const to of after(step.key, step.list.length)) graph.add(node, to, 'rw')
    }
  })
  addRealTime(graph, transactions)
  return graph
}

/** Edges from each transaction to those that began after it was answered, without those that others imply. */
function addRealTime(graph: Graph, transactions: readonly Transaction[]): void {
  const order = transactions.map(({ ended }, node) => ({ ended, node })).sort((a, b) => b.ended - a.ended)
  for (const [to, { operation }] of transactions.entries()) {
    let latest = -Infinity
    for (const { ended, node } of order) {
      if (ended >= operation.begun) continue
      if (ended < latest) break
      graph.add(node, to, 'rt')
      latest = Math.max(latest, (transactions[node] as Transaction).operation.begun)
    }
  }
}

/**
 * A transaction that only appends in one step, and is not serializable, may be missed by a serializable one
 * whose place in the order is later. So antidependencies on it are no edges of cycles; a reader that saw a
 * part of it, or began after its answer and missed it, is convicted here.
 */
function judgeBatches(graph: Graph, transactions: readonly Transaction[], say: Say): void {
  const isBatch = (node: number): boolean => transactions[node]?.operation.call.serializable === false
  const missed = graph.remove(({ kind, to }) => kind === 'rw' && isBatch(to))
  for (const { from, to } of missed) {
    const [reader, batch] = [transactions[from] as Transaction, transactions[to] as Transaction]
    const isPart = graph.out(to).some((edge) => edge.to === from && edge.kind === 'wr')
    if (isPart) say('G-single', 'A transaction saw a part of a batch.', '', reader.operation, batch.operation)
    else if (batch.ended < reader.operation.begun)
      say(
        'G-single in real time',
        'A transaction missed a batch that was answered before.',
        '',
        reader.operation,
        batch.operation,
      )
  }
}

const WRITES: readonly EdgeKind[] = ['ww']
const READS: readonly EdgeKind[] = ['ww', 'wr']

/** Names a cycle by the weakest kinds of edges that close one, first without real time. */
function judgeComponent(
  graph: Graph,
  component: readonly number[],
  transactions: readonly Transaction[],
  say: Say,
): void {
  const within = new Set(component)
  for (const time of [[], ['rt']] as const) {
    const found =
      cycle(graph, within, WRITES, time, WRITES) ??
      cycle(graph, within, READS, time, READS) ??
      cycle(graph, within, ['rw'], time, READS) ??
      cycle(graph, within, ['rw'], time, [...READS, 'rw'])
    if (found === undefined) continue
    const reads = found.filter(({ kind }) => kind === 'rw').length
    const name =
      reads > 1 ? 'G2' : reads === 1 ? 'G-single' : found.some(({ kind }) => kind === 'wr') ? 'G1c' : 'G0'
    const real = found.some(({ kind }) => kind === 'rt') ? ' in real time' : ''
    const shown = found.map(({ from }) => (transactions[from] as Transaction).operation)
    const steps = found.map(({ from, kind }, index) => `${shown[index]?.id ?? from} -${kind}->`).join(' ')
    say(
      `${name}${real}`,
      `Transactions depend on each other in a circle: ${steps} ${shown[0]?.id ?? ''}.`,
      '',
      ...shown,
    )
    return
  }
}

/** A cycle of one edge of `first` and a way back over `rest` and `time`. */
function cycle(
  graph: Graph,
  within: ReadonlySet<number>,
  first: readonly EdgeKind[],
  time: readonly EdgeKind[],
  rest: readonly EdgeKind[],
): Edge[] | undefined {
  const kinds = new Set([...rest, ...time])
  for (const edge of graph.edges) {
    if (!within.has(edge.from) || !within.has(edge.to) || !first.includes(edge.kind)) continue
    const back = graph.path(edge.to, edge.from, kinds, within)
    if (back !== undefined) return [edge, ...back]
  }
  return undefined
}
