/** The host that owns an app's Durable Objects: `adapters/isolate/host/store/owner-table.ts`, `owners.ts`. */
import type { Model, Outcome, Step } from './explorer.ts'

export const LEASE = 2
const RESTARTS = 2
const TAKE_OVERS = 2

interface Host {
  /** Number of its run; a new run is another instance on the same data folder. */
  run: number
  /** Ticks for which it serves the objects by its own clock, counted from before it asked. */
  serves: number
}

export interface OwnersState {
  /** The row of the table: host (-1 for no row), its run, epoch, ticks left. */
  host: number
  run: number
  epoch: number
  left: number
  hosts: readonly [Host, Host]
  /** Owner of each epoch so far, as `host.run`. */
  epochs: readonly string[]
  takeOvers: number
}

/** Ways to do it wrong, each of which the explorer must find. */
export const OWNER_FAULTS = ['take over a lease that holds', 'another host claims', 'the same epoch again', 'serves without an end', 'renews what ran out', 'release without looking'] as const // prettier-ignore
export type OwnerFault = (typeof OWNER_FAULTS)[number]

export function ownersModel(wrong?: OwnerFault): Model<OwnersState> {
  const host: Host = { run: 1, serves: 0 }
  return {
    name: `owners${wrong === undefined ? '' : ` (${wrong})`}`,
    start: { host: -1, run: 0, epoch: 0, left: 0, hosts: [host, host], epochs: [], takeOvers: 0 },
    steps,
    apply: (state, step) => apply(state, step, wrong),
    fault({ hosts, host: owner, run, left }) {
      const serving = hosts.flatMap((one, index) => (one.serves > 0 ? [index] : []))
      if (serving.length > 1) return 'two hosts serve the objects'
      const [one] = serving
      if (one === undefined) return undefined
      return one === owner && hosts[one]?.run === run && left > 0 ? undefined : 'a host serves without a lease'
    },
    faultOfStep(before, step, after) {
      if (after.epoch < before.epoch) return 'an epoch fell'
      const owner = `${after.host}.${after.run}`
      const known = after.epochs[after.epoch - 1]
      if (after.epoch > 0 && known !== owner) return `epoch ${after.epoch} has two owners`
      const isRenewal = step[0] === 'renew' && before.left === 0 && after.left > 0
      return isRenewal ? 'a lease that ran out was renewed' : undefined
    },
    succeeded: ({ hosts }) => hosts.some(({ serves }) => serves > 0),
  }
} // prettier-ignore

function steps({ host, left, hosts, takeOvers }: OwnersState): Step[] {
  const found: Step[] = left > 0 ? [['tick']] : []
  for (const [index, one] of hosts.entries()) {
    found.push(['claim', index], ['renew', index], ['release', index])
    if (host >= 0 && takeOvers < TAKE_OVERS) found.push(['takeOver', index])
    if (one.run <= RESTARTS) found.push(['restart', index])
  }
  return found
}

function apply(state: OwnersState, [action, index]: Step, wrong?: OwnerFault): Outcome<OwnersState> {
  const at = Number(index)
  const own = state.hosts[at] as Host
  const set = (change: Partial<Host>): OwnersState['hosts'] =>
    state.hosts.map((one, other) => (other === at ? { ...one, ...change } : one)) as never
  const isOwner = state.host === at && state.run === own.run
  /** This run becomes the owner, in a new epoch if it is another one than before. */
  const own_ = (epoch: number): OwnersState => ({
    ...state,
    host: at,
    run: own.run,
    epoch,
    left: LEASE,
    hosts: set({ serves: LEASE }),
    epochs: epoch > state.epochs.length ? [...state.epochs, `${at}.${own.run}`] : state.epochs,
  })
  const next = wrong === 'the same epoch again' && state.epoch > 0 ? state.epoch : state.epoch + 1
  switch (action) {
    case 'tick': {
      const serves = (one: Host): number => (wrong === 'serves without an end' ? one.serves : Math.max(0, one.serves - 1))
      const hosts = state.hosts.map((one) => ({ ...one, serves: serves(one) })) as never
      return { state: { ...state, left: state.left - 1, hosts } }
    } // prettier-ignore
    case 'claim': {
      const mayClaim =
        state.host < 0 ||
        isOwner ||
        ((state.host === at || wrong === 'another host claims') && state.left === 0) ||
        (wrong === 'another host claims' && state.host !== at)
      const after = mayClaim ? own_(isOwner ? state.epoch : next) : state
      return { state: after, answer: `${after.host}.${after.run}` }
    }
    case 'renew': {
      const renews = isOwner && (state.left > 0 || wrong === 'renews what ran out')
      return { state: renews ? { ...state, left: LEASE, hosts: set({ serves: LEASE }) } : state }
    }
    case 'takeOver': {
      const takes = state.left === 0 || wrong === 'take over a lease that holds'
      const after = takes ? own_(next) : state
      return { state: { ...after, takeOvers: state.takeOvers + 1 }, answer: takes }
    }
    case 'release': {
      const ends = isOwner || wrong === 'release without looking'
      return { state: { ...state, left: ends ? 0 : state.left, hosts: set({ serves: 0 }) } }
    }
    default:
      return { state: { ...state, hosts: set({ run: own.run + 1, serves: 0 }) } }
  }
}
