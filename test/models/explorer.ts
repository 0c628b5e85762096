/** Explores every state of a model, breadth first, so that the path to a broken invariant is a shortest one. */
import { isDeepStrictEqual } from 'node:util'

/** One step, as data: its name and what it is done with. A driver of the real store reads the same step. */
export type Step = readonly [action: string, ...args: readonly (string | number)[]]

/** What a step leads to. `answer` is what the store answers to whoever made the step. */
export interface Outcome<State> {
  readonly state: State
  readonly answer?: unknown
}

/** A model: plain data for states, and functions without side effects. */
export interface Model<State> {
  readonly name: string
  readonly start: State
  /** The steps that are possible in a state. */
  steps(state: State): readonly Step[]
  apply(state: State, step: Step): Outcome<State>
  /** Returns what is wrong with a state; undefined if nothing is. */
  fault(state: State): string | undefined
  /** Returns what is wrong with a step; undefined if nothing is. Default: nothing is. */
  faultOfStep?(before: State, step: Step, after: State): string | undefined
  /** True for a state in which what the users want has happened. It must be reachable from every state. */
  succeeded(state: State): boolean
}

/** What an exploration found. */
export interface Exploration<State> {
  readonly states: number
  readonly transitions: number
  /** The first fault with the shortest path to it; undefined if there is none. */
  readonly violation: { readonly fault: string; readonly path: readonly Step[] } | undefined
  /** Paths from the start that together take every transition of the model. */
  paths(options: { maxLength: number }): Step[][]
  readonly start: State
}

interface Node<State> {
  state: State
  depth: number
  from: { node: Node<State>; step: Step } | undefined
  edges: { step: Step; to: Node<State>; taken: boolean }[]
}

/** @throws if the model has more than `limit` states. */
export function explore<State>(model: Model<State>, limit = 200_000): Exploration<State> {
  const start: Node<State> = { state: model.start, depth: 0, from: undefined, edges: [] }
  const known = new Map([[JSON.stringify(model.start), start]])
  const queue = [start]
  let transitions = 0
  const found = (violation: Exploration<State>['violation']): Exploration<State> => ({
    states: known.size,
    transitions,
    violation,
    start: model.start,
    paths: ({ maxLength }) => coveringPaths(queue, maxLength),
  })
  // The queue grows while it is read; afterwards it is the list of all states, by their distance.
  for (let at = 0; at < queue.length; at++) {
    const node = queue[at] as Node<State>
    const fault = model.fault(node.state)
    if (fault !== undefined) return found({ fault, path: pathTo(node) })
    for (const step of model.steps(node.state)) {
      transitions++
      const { state } = model.apply(node.state, step)
      const wrong = model.faultOfStep?.(node.state, step, state)
      if (wrong !== undefined) return found({ fault: wrong, path: [...pathTo(node), step] })
      const key = JSON.stringify(state)
      let to = known.get(key)
      if (to === undefined) {
        to = { state, depth: node.depth + 1, from: { node, step }, edges: [] }
        known.set(key, to)
        if (known.size > limit) throw new Error(`${model.name} has more than ${limit} states.`)
        queue.push(to)
      }
      node.edges.push({ step, to, taken: false })
    }
  }
  const stuck = firstStuck(queue, model)
  return found(
    stuck === undefined ? undefined : { fault: 'success cannot be reached any more', path: pathTo(stuck) },
  )
}

function pathTo<State>(node: Node<State>): Step[] {
  const path: Step[] = []
  for (let at = node; at.from !== undefined; at = at.from.node) path.unshift(at.from.step)
  return path
}

/** Returns the nearest state from which no path leads to success. */
function firstStuck<State>(nodes: readonly Node<State>[], model: Model<State>): Node<State> | undefined {
  const before = new Map<Node<State>, Node<State>[]>()
  for (const node of nodes) for (const { to } of node.edges) before.set(to, [...(before.get(to) ?? []), node])
  const good = new Set(nodes.filter(({ state }) => model.succeeded(state)))
  const open = [...good]
  for (let node = open.pop(); node !== undefined; node = open.pop())
    for (const one of before.get(node) ?? [])
      if (!good.has(one)) {
        good.add(one)
        open.push(one)
      }
  return nodes.find((node) => !good.has(node))
}

/** Each path goes the shortest way to a transition that was not taken, and on along such ones. */
function coveringPaths<State>(nodes: readonly Node<State>[], maxLength: number): Step[][] {
  for (const node of nodes) for (const edge of node.edges) edge.taken = false
  const paths: Step[][] = []
  for (const node of nodes)
    for (let next = node.edges.find((edge) => !edge.taken); next !== undefined;) {
      const path = pathTo(node)
      let edge: typeof next | undefined = next
      while (edge !== undefined) {
        edge.taken = true
        path.push(edge.step)
        edge = path.length < maxLength ? edge.to.edges.find((one) => !one.taken) : undefined
      }
      paths.push(path)
      next = node.edges.find((one) => !one.taken)
    }
  return paths
}

/** The real thing, or a stand-in for a client of it, which makes the same steps. */
export interface Subject<State> {
  /** Makes a step and returns what the store answered. */
  perform(step: Step): Promise<unknown>
  /** Compares what the store holds with the model's state; throws if they differ. Default: no comparison. */
  check?(state: State): Promise<void>
}

/** Drives a real store along a path and compares each answer, and what it holds after each step. */
export async function drive<State>(
  model: Model<State>,
  path: readonly Step[],
  subject: Subject<State>,
): Promise<void> {
  let state = model.start
  for (const [index, step] of path.entries()) {
    const expected = model.apply(state, step)
    const answer = await subject.perform(step)
    if (!isDeepStrictEqual(answer, expected.answer))
      throw new Error(
        `${model.name}: ${JSON.stringify(step)} answered ${JSON.stringify(answer)}, the model ` +
          `${JSON.stringify(expected.answer)}, after ${printPath(path.slice(0, index))}`,
      )
    state = expected.state
    try {
      await subject.check?.(state)
    } catch (cause) {
      throw new Error(`${model.name} differs after ${printPath(path.slice(0, index + 1))}`, { cause })
    }
  }
}

export function printPath(path: readonly Step[]): string {
  return path.map((step) => step.join(' ')).join(', ')
}
