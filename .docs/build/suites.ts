/** The suites whose results the site publishes, each with the command that runs it. */

export interface Suite {
  /** Name of the file with its last record: `.docs/results/NAME.json`. */
  readonly name: string
  readonly title: string
  /** What a run asks, in a sentence. */
  readonly asks: string
  /** Program and arguments, run in the repository's root. Its last lines on stdout are JSON. */
  readonly command: readonly string[]
}

const conformance = (...args: string[]): string[] => [
  'node',
  'dist/core/tools/cli/main.js',
  'conformance',
  ...args,
  '--reporter',
  'json',
]
const script = (name: string, ...args: string[]): string[] => ['npm', 'run', '--silent', name, '--', ...args]
const drivers = ['memory', 'sqlite', 'fs', 'http', 'postgres', 'redis', 'nats', 'dynamodb', 's3', 'sqs']

export const SUITES: readonly Suite[] = [
  {
    name: 'drivers',
    title: 'Drivers',
    asks: 'The conformance cases of each driver, on its real backend.',
    command: conformance('--driver', ...drivers),
  },
  {
    name: 'workers',
    title: 'Existing Workers',
    asks: "The shapes of existing Workers: Cloudflare's bindings, handlers, Durable Objects and builds.",
    command: conformance('--suite', 'workers', '--target', 'node', 'isolate', 'lambda'),
  },
  {
    name: 'hostile',
    title: 'Hostile tenants',
    asks: 'Attacks on a host in named classes, and a planted hole for each class, which must be convicted.',
    command: script('hostile', '--json'),
  },
  {
    name: 'owners',
    title: 'Histories: two hosts with one store',
    asks: 'Acknowledged increments over kills and pauses of the owner: none lost, none counted twice.',
    command: script('histories', 'owners'),
  },
  {
    name: 'deploys',
    title: 'Histories: deploys under load',
    asks: 'Deploys and changes of settings of apps with objects, while clients count.',
    command: script('histories', 'deploys'),
  },
  {
    name: 'power-cuts',
    title: 'Histories: power cuts',
    asks: 'Power cuts of a host, each after a deploy that it had acknowledged.',
    command: script('histories', 'power-cuts'),
  },
  {
    name: 'libraries',
    title: 'Libraries',
    asks: 'An app for each popular library on every target, compared with plain Node.',
    command: script('corpus', '--json'),
  },
  {
    name: 'public-workers',
    title: 'Workers in the style of public repositories',
    asks: 'Workers on node, lambda and isolate, compared with wrangler in the same run.',
    command: script('corpus', '--suite', 'workers', '--json'),
  },
  {
    name: 'frameworks',
    title: 'Frameworks',
    asks: "Sites that frameworks' own adapters built for Cloudflare, compared with wrangler in the same run.",
    command: script('corpus', '--suite', 'frameworks', '--json'),
  },
]

/** The last run of a suite, as it is kept in the repository. */
export interface SuiteRecord {
  readonly suite: string
  readonly command: string
  /** Day on which the run ended, UTC: `2026-12-03`. */
  readonly date: string
  /** Commit that was tried, with `+` if files differed from it. */
  readonly commit: string
  readonly seconds: number
  readonly versions: Readonly<Record<string, string>>
  readonly exitCode: number
  /** What the run printed as JSON, a line each. */
  readonly lines: readonly Readonly<Record<string, unknown>>[]
}
