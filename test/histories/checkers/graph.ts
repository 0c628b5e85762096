/** Directed graphs with kinds of edges, for the dependencies of transactions. */

/** Kinds of a dependency: write-write, write-read, read-write (an antidependency), and real time. */
export type EdgeKind = 'ww' | 'wr' | 'rw' | 'rt'

export interface Edge {
  readonly from: number
  readonly to: number
  readonly kind: EdgeKind
}

/** A directed graph on the nodes 0 to `size` - 1. */
export class Graph {
  readonly size: number
  #edges: Edge[] = []
  #out: Edge[][]

  constructor(size: number) {
    this.size = size
    this.#out = Array.from({ length: size }, () => [])
  }

  add(from: number, to: number, kind: EdgeKind): void {
    if (from === to || this.#out[from]?.some((edge) => edge.to === to && edge.kind === kind) === true) return
    const edge = { from, to, kind }
    this.#edges.push(edge)
    this.#out[from]?.push(edge)
  }

  get edges(): readonly Edge[] {
    return this.#edges
  }

  /** Removes the edges that `isGone` names, and returns them. */
  remove(isGone: (edge: Edge) => boolean): Edge[] {
    this.#out = this.#out.map((edges) => edges.filter((edge) => !isGone(edge)))
    const gone = this.#edges.filter(isGone)
    this.#edges = this.#edges.filter((edge) => !isGone(edge))
    return gone
  }

  out(node: number): readonly Edge[] {
    return this.#out[node] as Edge[]
  }

  /** The strongly connected components of more than one node (Tarjan, without recursion). */
  components(): number[][] {
    const index = new Int32Array(this.size).fill(-1)
    const low = new Int32Array(this.size)
    const onStack = new Uint8Array(this.size)
    const stack: number[] = []
    const found: number[][] = []
    let next = 0
    const enter = (node: number): void => {
      index[node] = low[node] = next++
      stack.push(node)
      onStack[node] = 1
    }
    for (let root = 0; root < this.size; root++) {
      if (index[root] !== -1) continue
      const path = [{ node: root, at: 0 }]
      enter(root)
      while (path.length > 0) {
        const frame = path.at(-1) as { node: number; at: number }
        const { node } = frame
        const edge = this.out(node)[frame.at++]
        if (edge === undefined) {
          path.pop()
          const parent = path.at(-1)?.node
          if (parent !== undefined) low[parent] = Math.min(low[parent] as number, low[node] as number)
          if (low[node] !== index[node]) continue
          const component: number[] = []
          let last: number
          do {
            last = stack.pop() as number
            onStack[last] = 0
            component.push(last)
          } while (last !== node)
          if (component.length > 1) found.push(component)
        } else if (index[edge.to] === -1) {
          path.push({ node: edge.to, at: 0 })
          enter(edge.to)
        } else if (onStack[edge.to] === 1) low[node] = Math.min(low[node] as number, index[edge.to] as number)
      }
    }
    return found
  }

  /** A shortest path over edges of these kinds inside `within`; undefined if there is none. */
  path(
    from: number,
    to: number,
    kinds: ReadonlySet<EdgeKind>,
    within: ReadonlySet<number>,
  ): Edge[] | undefined {
    const by = new Map<number, Edge | undefined>([[from, undefined]])
    const queue = [from]
    for (const node of queue) {
      for (const edge of this.out(node)) {
        if (!kinds.has(edge.kind) || !within.has(edge.to) || by.has(edge.to)) continue
        by.set(edge.to, edge)
        if (edge.to === to) return trace(by, edge)
        queue.push(edge.to)
      }
    }
    return undefined
  }
}

function trace(by: ReadonlyMap<number, Edge | undefined>, last: Edge): Edge[] {
  const path = [last]
  for (let edge = by.get(last.from); edge !== undefined; edge = by.get(edge.from)) path.unshift(edge)
  return path
}
