/**
 * Deploys of an app by two hosts with one store, over crashes: `adapters/isolate/host/store/deploy-store.ts`.
 * A deploy reserves a version, stores its file, activates the version and answers.
 */
import type { Model, Outcome, Step } from './explorer.ts'

const DEPLOYS = 3
const CRASHES = 2

interface Host {
  phase: 'idle' | 'reserved' | 'stored' | 'active'
  version: number
}

export interface DeployState {
  hosts: readonly [Host, Host]
  /** The version that is served (0 for none), and the highest number given. */
  current: number
  last: number
  /** Versions that were activated, and those whose file is stored, in order. */
  activated: readonly number[]
  files: readonly number[]
  /** The last activation that was answered, by its place in `activated`. */
  acknowledged: number
  crashes: number
}

/** Ways to do it wrong, each of which the explorer must find. */
export const DEPLOY_FAULTS = ['active before its file', 'answered before it is active', 'a number again', 'a crash serves an older one'] as const // prettier-ignore
export type DeployFault = (typeof DEPLOY_FAULTS)[number]

export function deployModel(wrong?: DeployFault): Model<DeployState> {
  const host: Host = { phase: 'idle', version: 0 }
  return {
    name: `deploys${wrong === undefined ? '' : ` (${wrong})`}`,
    start: {
      hosts: [host, host],
      current: 0,
      last: 0,
      activated: [],
      files: [],
      acknowledged: 0,
      crashes: 0,
    },
    steps: (state) => steps(state, wrong),
    apply: (state, step) => apply(state, step, wrong),
    fault({ current, files, activated, acknowledged }) {
      if (current > 0 && !files.includes(current)) return 'a version is served whose file is not stored'
      if (new Set(activated).size < activated.length) return 'a number was given twice'
      return acknowledged > activated.length || activated.at(-1) !== (current === 0 ? undefined : current)
        ? 'the last acknowledged deploy is not served'
        : undefined
    },
    faultOfStep: (before, step, after) =>
      after.last < before.last ? 'the number of versions fell' : undefined,
    succeeded: ({ acknowledged }) => acknowledged > 0,
  }
}

function steps({ hosts, last, crashes, acknowledged }: DeployState, wrong?: DeployFault): Step[] {
  const found: Step[] = []
  for (const [index, { phase }] of hosts.entries()) {
    if (phase === 'idle' && (last < DEPLOYS || acknowledged === 0)) found.push(['reserve', index])
    if (phase === 'reserved') found.push(['store', index])
    if (phase === 'reserved' && wrong === 'active before its file') found.push(['activate', index])
    if (phase === 'stored') found.push(['activate', index])
    if (phase === 'stored' && wrong === 'answered before it is active') found.push(['answer', index])
    if (phase === 'active') found.push(['answer', index])
    if (phase !== 'idle' && crashes < CRASHES) found.push(['crash', index])
  }
  return found
}

function apply(state: DeployState, [action, index]: Step, wrong?: DeployFault): Outcome<DeployState> {
  const at = Number(index)
  const own = state.hosts[at] as Host
  const set = (phase: Host['phase'], version = own.version): DeployState['hosts'] =>
    state.hosts.map((one, other) => (other === at ? { phase, version } : one)) as never
  switch (action) {
    case 'reserve': {
      const isBusy = state.hosts.some(({ phase }) => phase === 'reserved')
      const version = wrong === 'a number again' && isBusy ? state.last : state.last + 1
      return { state: { ...state, last: version, hosts: set('reserved', version) }, answer: version }
    }
    case 'store':
      return {
        state: {
          ...state,
          files: [...new Set([...state.files, own.version])].toSorted((a, b) => a - b),
          hosts: set('stored'),
        },
      }
    case 'activate':
      return {
        state: {
          ...state,
          current: own.version,
          activated: [...state.activated, own.version],
          hosts: set('active'),
        },
      }
    case 'answer':
      return { state: { ...state, acknowledged: state.activated.length + (own.phase === 'active' ? 0 : 1), hosts: set('idle', 0) } } // prettier-ignore
    default: {
      const back = wrong === 'a crash serves an older one' ? (state.activated.at(-2) ?? 0) : state.current
      return { state: { ...state, current: back, crashes: state.crashes + 1, hosts: set('idle', 0) } }
    }
  }
}
