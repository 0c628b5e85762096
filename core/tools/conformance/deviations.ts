/**
 * Generates the page of deviations: all differences between targets and between drivers, from declared
 * capabilities, expectations and facts. Nothing on the page is written by hand.
 */
import type { Adapter } from '../../adapter.ts'
import { CAPABILITIES, type Capability } from '../../capabilities.ts'
import { CAPABILITY_FACTS, DRIVER_FACTS } from '../compare/facts.ts'
import { proofText } from '../compare/report.ts'
import { TARGET_FACTS } from '../compare/target-facts.ts'
import { CASES } from './cases/all.ts'
import { DRIVER_EXPECTATIONS } from './drivers/expectations.ts'
import { EXPECTATIONS } from './expectations/index.ts'
import { lambdaEvents } from './expectations/lambda-events.ts'
import { lambdaRuntimes } from './expectations/lambda-runtimes.ts'
import { SINCE } from './since.ts'
import { WORKER_EXPECTATIONS } from './workers/expectations.ts'

/** One documented deviation: a difference of a target or driver. */
interface Deviation {
  /** Key of the deviation in `since.ts`, such as `cloudflare/handlers-62` or `lambda/request.abort`. */
  key: string
  where: string
  id: string
  why: string
}

/** Collects every documented deviation of these targets and of all drivers. */
export function deviations(adapters: readonly Adapter[]): Deviation[] {
  const contracts = new Map(CASES.map(({ id, contract }) => [id, contract]))
  const missing = adapters.flatMap(({ name, capabilities }) =>
    (Object.keys(CAPABILITIES) as Capability[])
      .filter((capability) => !capabilities[capability])
      // For a target without any sockets, the page of deviations lists only the capability `sockets`, not
      // every `sockets.*`.
      .filter((capability) => !capability.startsWith('sockets.') || capabilities.sockets)
      .map((capability): Deviation => ({
        key: `${name}/${capability}`,
        where: name,
        id: `\`${capability}\``,
        why: `Missing. ${CAPABILITIES[capability]} Proof: ${CAPABILITY_FACTS[capability].cases.join(', ')}.`,
      })),
  )
  const listed = (
    where: string,
    prefix: string,
    expectations: Readonly<Record<string, string>>,
  ): Deviation[] =>
    Object.entries(expectations).map(([id, reason]) => {
      const contract = contracts.get(id)
      return {
        key: `${prefix}/${id}`,
        where,
        id: `\`${id}\``,
        why: `${reason}.${contract === undefined ? '' : ` The contract: ${contract}`}`,
      }
    })
  return [
    ...missing,
    ...Object.entries(EXPECTATIONS).flatMap(([target, expectations]) => listed(target, target, expectations)),
    ...Object.entries(lambdaEvents).flatMap(([event, expectations]) =>
      listed(`lambda behind ${event}`, `lambda:${event}`, expectations),
    ),
    ...Object.entries(lambdaRuntimes).flatMap(([runtime, expectations]) =>
      listed(`lambda under ${runtime}`, `lambda:${runtime}`, expectations),
    ),
    ...Object.entries(DRIVER_EXPECTATIONS).flatMap(([driver, expectations]) =>
      listed(`driver ${driver}`, `driver:${driver}`, expectations),
    ),
    ...Object.entries(WORKER_EXPECTATIONS).flatMap(([target, expectations]) =>
      listed(`Workers on ${target}`, `workers:${target}`, expectations),
    ),
    ...TARGET_FACTS.map(({ target, trait, text }): Deviation => ({
      key: `${target}/${trait}`,
      where: target,
      id: trait,
      why: text,
    })),
    ...DRIVER_FACTS.map(({ driver, kind, trait, text, proof }): Deviation => ({
      key: `driver:${driver}/${kind}:${trait}`,
      where: `driver ${driver}`,
      id: `${kind}: ${trait}`,
      why: `${text} Proof: ${proofText(proof)}.`,
    })),
  ]
}

/** Returns deviations without a version in `since.ts`, and versions of deviations that no longer exist. */
export function staleSince(adapters: readonly Adapter[]): { missing: string[]; extra: string[] } {
  const keys = new Set(deviations(adapters).map(({ key }) => key))
  return {
    missing: [...keys].filter((key) => !(key in SINCE)),
    extra: Object.keys(SINCE).filter((key) => !keys.has(key)),
  }
}

/** Returns the page of deviations as Markdown. */
export function deviationsText(adapters: readonly Adapter[]): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')
  const capabilities = (Object.keys(CAPABILITIES) as Capability[]).map((capability) => [
    `\`${capability}\``,
    ...adapters.map((adapter) => (adapter.capabilities[capability] ? 'yes' : 'no')),
  ])
  const code: [string, ...string[]][] = [
    [
      'Node built-ins',
      ...adapters.map(({ nodeBuiltins }) =>
        nodeBuiltins === 'all' ? 'all' : `${nodeBuiltins.length} of them`,
      ),
    ],
    ['code from text (`eval`)', ...adapters.map(({ code }) => (code?.fromText === false ? 'no' : 'yes'))],
    [
      'I/O outside of handlers',
      ...adapters.map(({ code }) => (code?.ioOutsideHandlers === false ? 'no' : 'yes')),
    ],
    [
      'globals beyond the web platform',
      ...adapters.map(({ code }) => (code?.globals ?? []).map((name) => `\`${name}\``).join(' ') || 'none'),
    ],
  ]
  const table = (head: readonly string[], rows: readonly (readonly string[])[]): string[] => [
    `| ${head.join(' | ')} |`,
    `|${' --- |'.repeat(head.length)}`,
    ...rows.map((row) => `| ${row.map(cell).join(' | ')} |`),
  ]
  return [
    '# What differs',
    '',
    'Every difference between targets and between drivers that unmoor knows of; what is not here is the ' +
      'same, and [proved](MATRIX.md). Written by `unmoor conformance --deviations FILE` from the',
    'declared capabilities, the expectations and the facts that `unmoor compare` uses; do not edit.',
    '',
    '## Capabilities',
    '',
    ...table(['capability', ...adapters.map(({ name }) => name)], capabilities),
    '',
    '## Code',
    '',
    ...table(['', ...adapters.map(({ name }) => name)], code),
    '',
    '## Each difference',
    '',
    ...table(
      ['where', 'what', 'why', 'since'],
      deviations(adapters).map(({ key, where, id, why }) => [where, id, why, SINCE[key] ?? 'not released']),
    ),
    '',
  ].join('\n')
}
